// Bodies that are sent while they are made, and bodies read from files.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "pkg/http/server.h"
#include "pkg/http/testing/raw_client.h"
#include "pkg/http/testing/test_service.h"

namespace flyball::http {
namespace {

using testing::Eventually;
using testing::RawAnswer;
using testing::RawClient;
using testing::TestServer;
using testing::TestService;
using Room = BodyWriter::Room;

std::string Get(std::string_view target, std::string_view version = "1.1") {
  return "GET " + std::string(target) + " HTTP/" + std::string(version) + "\r\nHost: h\r\n\r\n";
}

std::string StreamText(size_t bytes) {
  std::string text;
  for (size_t i = 0; i < bytes; ++i) text.push_back(TestService::StreamByte(i));
  return text;
}

TEST(Stream, PartsLeaveAsTheyAreWritten) {
  TestServer server;
  RawClient client(server.port());
  client.Send(Get("/open"));
  BodyWriter writer = server.service.TakeWriter();
  EXPECT_EQ(writer.Write("one"), Room::kYes);
  std::string seen;
  while (seen.find("3\r\none\r\n") == std::string::npos) {
    char bytes[1000];
    const ssize_t got = recv(client.fd(), bytes, sizeof bytes, 0);
    ASSERT_GT(got, 0);
    seen.append(bytes, static_cast<size_t>(got));
  }
  EXPECT_NE(seen.find("Transfer-Encoding: chunked\r\n"), std::string::npos);
  EXPECT_EQ(seen.find("Content-Length"), std::string::npos);
  EXPECT_EQ(server.service.answered, 0u) << "it is not over";
  EXPECT_EQ(writer.Write(""), Room::kYes) << "an empty part is no end";
  EXPECT_EQ(writer.Write("two"), Room::kYes);
  writer.Finish();
  while (seen.find("\r\n0\r\n\r\n") == std::string::npos) {
    char bytes[1000];
    const ssize_t got = recv(client.fd(), bytes, sizeof bytes, 0);
    ASSERT_GT(got, 0);
    seen.append(bytes, static_cast<size_t>(got));
  }
  EXPECT_TRUE(Eventually([&] { return server.service.answered == 1; }));
  client.Send(Get("/echo/next"));
  EXPECT_EQ(client.Read()->body, "next") << "the connection lives on";
}

TEST(Stream, LargeBodiesArriveWholeOnManyConnections) {
  TestServer server([](ServerOptions& options) { options.reactors = 2; });
  std::vector<std::thread> clients;
  for (size_t i = 0; i < 6; ++i) {
    clients.emplace_back([&, i] {
      RawClient client(server.port(), i % 2 == 0 ? 8192 : 0);
      for (size_t bytes : {size_t{0}, size_t{1}, size_t{32 * 1024}, 300'000 + i}) {
        client.Send(i % 3 == 0 ? "POST /stream/" + std::to_string(bytes) + " HTTP/1.1\r\nHost: h\r\n\r\n"
                               : Get("/stream/" + std::to_string(bytes)));
        const auto answer = client.Read();
        ASSERT_TRUE(answer.has_value());
        EXPECT_EQ(answer->body, StreamText(bytes));
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(server.service.answered, 24u);
}

TEST(Stream, AProducerWaitsForASlowReader) {
  TestServer server;
  RawClient client(server.port(), 4096);
  constexpr size_t kBytes = 30'000'000;
  client.Send(Get("/stream/" + std::to_string(kBytes)));
  uint64_t last = 0;
  // What was written stops growing: the kernel's buffers are full, and so is the bound.
  ASSERT_TRUE(Eventually([&] {
    const uint64_t before = server.service.stream_bytes;
    std::this_thread::sleep_for(milliseconds(50));
    last = server.service.stream_bytes;
    return last > 0 && last == before;
  }));
  EXPECT_LT(last, kBytes / 2);
  const auto answer = client.Read(false, seconds(60));
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->body.size(), kBytes);
  EXPECT_EQ(answer->body, StreamText(kBytes));
}

TEST(Stream, APipelinedAnswerWaitsForTheEndOfTheStream) {
  TestServer server;
  RawClient client(server.port());
  client.Send(Get("/later/first") + Get("/open") + Get("/echo/behind"));
  BodyWriter writer = server.service.TakeWriter();
  EXPECT_EQ(client.Read()->body, "first");
  writer.Write("part");
  EXPECT_FALSE(client.Read(false, milliseconds(50)).has_value());
  writer.Finish();
  // The head of the stream was consumed by the attempt above: what follows is its body and the next answer.
  const std::string rest = [&] {
    client.Send("GET /bye HTTP/1.1\r\nHost: h\r\n\r\n");
    return client.ReadToEnd();
  }();
  EXPECT_NE(rest.find("0\r\n\r\nHTTP/1.1 200 OK"), std::string::npos) << rest;
  EXPECT_NE(rest.find("behind"), std::string::npos) << rest;
}

TEST(Stream, AnHttp10ClientReadsToTheEndOfTheConnection) {
  TestServer server;
  RawClient client(server.port());
  client.Send("GET /stream/5000 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + Get("/echo/never", "1.0"));
  const std::string all = client.ReadToEnd();
  const size_t body = all.find("\r\n\r\n") + 4;
  EXPECT_NE(all.substr(0, body).find("Connection: close\r\n"), std::string::npos) << all.substr(0, body);
  EXPECT_EQ(all.substr(0, body).find("Transfer-Encoding"), std::string::npos);
  EXPECT_EQ(all.substr(body), StreamText(5000));
}

TEST(Stream, HeadHasNoBodyAndTheProducerIsTold) {
  TestServer server;
  RawClient client(server.port());
  client.Send("HEAD /open HTTP/1.1\r\nHost: h\r\n\r\n" + Get("/echo/next"));
  BodyWriter writer = server.service.TakeWriter();
  EXPECT_EQ(client.Read(true)->status, 200);
  EXPECT_EQ(client.Read()->body, "next");
  EXPECT_EQ(writer.Write("x"), Room::kGone);
  EXPECT_FALSE(writer.WhenRoom([] {}));
}

TEST(Stream, AWriterThatGivesUpCutsTheConnection) {
  TestServer server;
  for (const char* version : {"1.1", "1.0"}) {
    RawClient client(server.port());
    client.Send(Get("/open", version));
    {
      BodyWriter writer = server.service.TakeWriter();
      writer.Write("half");
    }
    const std::string all = client.ReadToEnd();
    EXPECT_NE(all.find("half"), std::string::npos) << all;
    EXPECT_EQ(all.find("\r\n0\r\n\r\n"), std::string::npos) << all;
  }
  EXPECT_EQ(server.counters().broken_streams, 2u);
  EXPECT_TRUE(Eventually([&] { return server.service.undelivered == 2; }));
}

TEST(Stream, AWriterWithoutBoundsIsCutOff) {
  TestServer server([](ServerOptions& options) { options.limits.unsent_bytes = 1'000'000; });
  RawClient client(server.port(), 4096);
  client.Send(Get("/open"));
  BodyWriter writer = server.service.TakeWriter();
  const std::string part(100'000, 'x');
  Room room = Room::kYes;
  for (int i = 0; i < 1'000 && room != Room::kGone; ++i) room = writer.Write(part);
  EXPECT_EQ(room, Room::kGone);
  EXPECT_TRUE(Eventually([&] { return server.counters().open == 0; }));
}

TEST(Stream, TheProducerIsToldWhenTheClientLeaves) {
  TestServer server;
  RawClient client(server.port(), 4096);
  client.Send("POST /stream/50000000 HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(Eventually([&] { return server.service.stream_bytes > 1'000'000; }));
  client.Reset();
  EXPECT_TRUE(Eventually([&] { return server.service.streams_gone == 1; }));
  EXPECT_TRUE(Eventually([&] { return server.counters().open == 0 && server.service.undelivered == 1; }));
}

TEST(Stream, ASilentStreamNoticesAResetWithoutWriting) {
  TestServer server;
  RawClient client(server.port());
  client.Send(Get("/open"));
  BodyWriter writer = server.service.TakeWriter();
  client.Reset();
  EXPECT_TRUE(Eventually([&] { return writer.Write("") == Room::kGone; }));
}

TEST(Stream, TheProducersTimeIsNotTheClients) {
  TestServer server([](ServerOptions& options) {
    options.limits.idle_deadline = options.limits.head_deadline = options.limits.write_deadline = milliseconds(500);
  });
  RawClient client(server.port());
  client.Send(Get("/open"));
  BodyWriter writer = server.service.TakeWriter();
  EXPECT_FALSE(client.Read(false, milliseconds(1200)).has_value());
  writer.Finish();
  client.HalfClose();
  EXPECT_EQ(client.ReadToEnd(), "0\r\n\r\n");
}

TEST(Stream, AClientThatStopsReadingIsClosed) {
  TestServer server([](ServerOptions& options) { options.limits.write_deadline = milliseconds(200); });
  RawClient client(server.port(), 4096);
  client.Send(Get("/stream/50000000"));
  EXPECT_TRUE(Eventually([&] { return server.service.streams_gone == 1; }));
}

TEST(Stream, ADrainWaitsForItsEnd) {
  TestServer server([](ServerOptions& options) { options.limits.linger = milliseconds(50); });
  RawClient client(server.port());
  client.Send(Get("/open"));
  BodyWriter writer = server.service.TakeWriter();
  writer.Write("a");
  std::thread drain([&] { EXPECT_EQ(server.server->Drain({.idle_grace = milliseconds(50)}), 0u); });
  EXPECT_FALSE(client.Read(false, milliseconds(1000)).has_value()) << "not complete";
  writer.Write("b");
  writer.Finish();
  EXPECT_EQ(client.ReadToEnd(), "1\r\nb\r\n0\r\n\r\n");
  drain.join();
}

TEST(Stream, AWriterOutlivesItsServer) {
  TestServer server;
  RawClient client(server.port());
  client.Send(Get("/open"));
  BodyWriter writer = server.service.TakeWriter();
  server.server.reset();
  EXPECT_EQ(writer.Write("x"), Room::kGone);
  writer.Finish();
}

// A file of `bytes` bytes as /stream has them, that no folder holds.
std::shared_ptr<const UniqueFd> FileOf(size_t bytes) {
  UniqueFd file(memfd_create("stream_test", MFD_CLOEXEC));
  const std::string text = StreamText(bytes);
  EXPECT_EQ(write(file.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  return std::make_shared<const UniqueFd>(std::move(file));
}

TEST(File, PartsAreSentByOffsetAndLength) {
  TestServer server;
  constexpr size_t kBytes = 3'000'000;
  server.service.ServeFile(FileOf(kBytes));
  const std::string text = StreamText(kBytes);
  RawClient client(server.port(), 16 * 1024);
  const std::pair<size_t, size_t> parts[] = {{0, kBytes}, {0, 0}, {kBytes - 1, 1}, {123'456, 1'000'001}, {7, 100}};
  for (const auto& [offset, length] : parts) {
    client.Send(Get("/part/" + std::to_string(offset) + "/" + std::to_string(length)) + Get("/echo/behind"));
    const auto answer = client.Read();
    ASSERT_TRUE(answer.has_value());
    EXPECT_EQ(answer->Header("Content-Length"), std::to_string(length));
    EXPECT_TRUE(answer->body == text.substr(offset, length));
    EXPECT_EQ(client.Read()->body, "behind");
  }
  client.Send("HEAD /part/0/3000000 HTTP/1.1\r\nHost: h\r\n\r\n" + Get("/echo/behind"));
  EXPECT_EQ(client.Read(true)->Header("Content-Length"), "3000000");
  EXPECT_EQ(client.Read()->body, "behind");
}

TEST(File, ALargerOneThanMayBeUnsentIsServed) {
  TestServer server([](ServerOptions& options) { options.limits.unsent_bytes = 100'000; });
  server.service.ServeFile(FileOf(2'000'000));
  RawClient client(server.port(), 16 * 1024);
  client.Send(Get("/part/0/2000000") + Get("/part/0/2000000"));
  for (int i = 0; i < 2; ++i) EXPECT_EQ(client.Read()->body.size(), 2'000'000u);
}

TEST(File, OneThatIsShorterThanPromisedCutsTheConnection) {
  TestServer server;
  server.service.ServeFile(FileOf(1'000));
  RawClient client(server.port());
  client.Send(Get("/part/0/2000"));
  EXPECT_FALSE(client.Read().has_value());
  EXPECT_TRUE(Eventually([&] { return server.counters().open == 0; }));
}

}  // namespace
}  // namespace flyball::http
