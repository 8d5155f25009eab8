#include "pkg/http/client.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>

#include "pkg/http/testing/raw_server.h"

namespace flyball::http {
namespace {

using testing::RawPeer;
using testing::RawServer;
using namespace std::chrono_literals;

constexpr auto kPlenty = 10s;

TEST(ClientTest, GetsStatusHeadersAndBody) {
  RawServer server([](RawPeer& peer) {
    while (peer.ReadRequest()) peer.Answer(404, "gone", "X-Why:  nobody  \r\n");
  });
  Client client;
  const auto answer = client.Get(server.Url("/x?y=1"), kPlenty);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 404);
  EXPECT_EQ(answer->body, "gone");
  EXPECT_EQ(answer->Header("x-why"), "nobody");
  EXPECT_EQ(answer->Header("absent"), "");
}

TEST(ClientTest, SendsMethodHeadersAndBodyAsGiven) {
  std::string seen;
  RawServer server([&](RawPeer& peer) {
    while (auto request = peer.ReadRequest()) {
      seen = *request;
      peer.Answer(200, "");
    }
  });
  Client client;
  const std::string body("a\0b", 3);
  ASSERT_TRUE(client.Send({.method = "PATCH",
                           .url = server.Url("/a/../b"),
                           .headers = {{"Authorization", "Bearer t"}, {"Content-Type", "application/json"}},
                           .body = body},
                          kPlenty));
  EXPECT_TRUE(seen.starts_with("PATCH /a/../b HTTP/1.1\r\n")) << seen;
  EXPECT_NE(seen.find("\r\nAuthorization: Bearer t\r\n"), std::string::npos) << seen;
  EXPECT_NE(seen.find("\r\nContent-Type: application/json\r\n"), std::string::npos) << seen;
  EXPECT_TRUE(seen.ends_with("\r\n\r\n" + body)) << seen;
}

TEST(ClientTest, KeepsConnectionsAlive) {
  RawServer server([](RawPeer& peer) {
    while (peer.ReadRequest()) peer.Answer(200, "ok");
  });
  Client client;
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(client.Get(server.Url(), kPlenty));
  EXPECT_EQ(server.connections(), 1);
}

TEST(ClientTest, FetchesInParallelAndInOrder) {
  std::atomic<int> arrived{0};
  RawServer server([&](RawPeer& peer) {  // nobody is answered before all have asked
    while (auto request = peer.ReadRequest()) {
      arrived.fetch_add(1);
      for (int now = arrived; now < 20; now = arrived) arrived.wait(now);
      arrived.notify_all();
      peer.Answer(200, request->substr(4, request->find(' ', 4) - 4));
    }
  });
  std::vector<ClientRequest> requests;
  for (int i = 0; i < 20; ++i) requests.push_back({.url = server.Url("/" + std::to_string(i))});
  Client client;
  const auto answers = client.Fetch(requests, kPlenty);
  ASSERT_EQ(answers.size(), 20u);
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(answers[i]) << answers[i].error().message;
    EXPECT_EQ(answers[i]->body, "/" + std::to_string(i));
  }
}

TEST(ClientTest, OneThatFailsDoesNotSpoilTheOthers) {
  RawServer silent([](RawPeer& peer) {
    while (peer.ReadRequest()) {
    }
  });
  RawServer good([](RawPeer& peer) {
    while (peer.ReadRequest()) peer.Answer(200, "ok");
  });
  RawServer broken([](RawPeer& peer) {
    if (peer.ReadRequest()) peer.Write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
  });
  Client client;
  const auto answers = client.Fetch(
      {{.url = silent.Url()}, {.url = good.Url()}, {.url = broken.Url()}, {.url = "http://127.0.0.1:1/"}}, 300ms);
  ASSERT_EQ(answers.size(), 4u);
  EXPECT_EQ(answers[0].error().code, ErrorCode::kTimeout);
  ASSERT_TRUE(answers[1]);
  EXPECT_EQ(answers[1]->body, "ok");
  EXPECT_EQ(answers[2].error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(answers[3].error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(client.Get(good.Url(), kPlenty)) << "a client is fit for use after failures";
}

TEST(ClientTest, BoundsWhatAServerMaySend) {
  RawServer server([](RawPeer& peer) {
    while (auto request = peer.ReadRequest()) {
      if (request->starts_with("GET /headers")) {
        peer.Write("HTTP/1.1 200 OK\r\n");
        for (int i = 0; i < 200; ++i) peer.Write("X-A: " + std::string(1000, 'a') + "\r\n");
      } else {
        peer.Write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        const std::string chunk = "100000\r\n" + std::string(1 << 20, 'b') + "\r\n";
        for (int i = 0; i < 17; ++i) peer.Write(chunk);
        peer.Write("0\r\n\r\n");
      }
    }
  });
  Client client;
  EXPECT_EQ(client.Get(server.Url("/headers"), kPlenty).error().code, ErrorCode::kExhausted);
  EXPECT_EQ(client.Get(server.Url("/body"), kPlenty).error().code, ErrorCode::kExhausted);
}

TEST(ClientTest, SpeaksOverAUnixSocket) {
  const std::string path = ::testing::TempDir() + "client_test." + std::to_string(getpid()) + ".sock";
  {
    RawServer server(path, [](RawPeer& peer) {
      while (peer.ReadRequest()) peer.Answer(200, "over a path");
    });
    Client client;
    const auto answer = client.Send({.url = "http://pod/metrics", .unix_socket = path}, kPlenty);
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->body, "over a path");
  }
  unlink(path.c_str());
}

TEST(ClientTest, RefusesWhatWouldBeTwoRequests) {
  Client client;
  const std::string url = "http://127.0.0.1:1/";
  EXPECT_EQ(client.Get("http://127.0.0.1:1/\r\nX: y", kPlenty).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(client.Get("file:///etc/passwd", kPlenty).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(client.Send({.method = "GET /", .url = url}, kPlenty).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(client.Send({.url = url, .headers = {{"A", "b\r\nC: d"}}}, kPlenty).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(client.Send({.url = url, .headers = {{"A:", "b"}}}, kPlenty).error().code, ErrorCode::kInvalid);
}

TEST(ClientTest, WhatIsNotHttpIsCorrupt) {
  RawServer server([](RawPeer& peer) {
    if (peer.ReadRequest()) peer.Write("SSH-2.0-OpenSSH_9\r\n");
  });
  Client client;
  const auto answer = client.Get(server.Url(), kPlenty);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kCorrupt) << answer.error().message;
}

TEST(ClientTest, SkipsInterimAnswers) {
  RawServer server([](RawPeer& peer) {
    while (peer.ReadRequest()) {
      peer.Write("HTTP/1.1 103 Early Hints\r\nX-A: early\r\n\r\n");
      peer.Answer(200, "late", "X-A: late\r\n");
    }
  });
  Client client;
  const auto answer = client.Get(server.Url(), kPlenty);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->Header("x-a"), "late");
}

}  // namespace
}  // namespace flyball::http
