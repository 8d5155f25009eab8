#include "pkg/http/client.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>

#include "pkg/base/ids.h"
#include "pkg/http/detail/retry_budget.h"
#include "pkg/http/public_address.h"
#include "pkg/http/testing/raw_server.h"

namespace flyball::http {
namespace {

using testing::RawPeer;
using testing::RawServer;
using namespace std::chrono_literals;

constexpr auto kPlenty = 30s;

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

ClientOptions Retrying(int attempts) {
  ClientOptions options;
  options.retry.attempts = attempts;
  options.retry.first_wait = 1ms;
  return options;
}

// Answers 503 so many times, then 200.
RawServer::Serve FailsAtFirst(std::atomic<int>& seen, int failures, std::string fields = "") {
  return [&seen, failures, fields](RawPeer& peer) {
    while (peer.ReadRequest()) peer.Answer(seen++ < failures ? 503 : 200, "", fields);
  };
}

TEST(ClientRetry, SendsAgainWhatMayBeRepeated) {
  std::atomic<int> seen{0};
  RawServer server(FailsAtFirst(seen, 2));
  Client client(Retrying(3));
  const auto answer = client.Get(server.Url(), kPlenty);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(seen, 3);
  seen = 0;
  EXPECT_EQ(client.Send({.method = "POST", .url = server.Url()}, kPlenty)->status, 503);
  EXPECT_EQ(seen, 1) << "a POST may have had its effect";
}

TEST(ClientRetry, APostThatIsRepeatableIsRepeated) {
  std::atomic<int> seen{0};
  RawServer server(FailsAtFirst(seen, 1));
  Client client(Retrying(2));
  EXPECT_EQ(client.Send({.method = "POST", .url = server.Url(), .repeatable = true}, kPlenty)->status, 200);
  EXPECT_EQ(seen, 2);
}

TEST(ClientRetry, ABrokenConnectionIsTriedAgain) {
  std::atomic<int> seen{0};
  RawServer server([&](RawPeer& peer) {
    if (!peer.ReadRequest()) return;
    if (seen++ == 0) return peer.Reset();
    peer.Answer(200, "");
  });
  Client client(Retrying(2));
  const auto answer = client.Get(server.Url(), kPlenty);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(seen, 2);
}

TEST(ClientRetry, WaitsAsLongAsTheServerSays) {
  std::atomic<int> seen{0};
  RawServer server(FailsAtFirst(seen, 1, "Retry-After: 1\r\n"));
  Client client(Retrying(2));
  const SteadyTime begin = RealClock().Now();
  EXPECT_EQ(client.Get(server.Url(), kPlenty)->status, 200);
  EXPECT_GE(RealClock().Now() - begin, 1s);
  seen = 0;
  RawServer later(FailsAtFirst(seen, 1, "Retry-After: 1000\r\n"));
  EXPECT_EQ(client.Get(later.Url(), kPlenty)->status, 503) << "too late for another attempt: the answer at once";
  EXPECT_EQ(seen, 1);
}

TEST(ClientRetry, RetriesAreATenthOfTheRequests) {
  std::atomic<int> seen{0};
  RawServer server(FailsAtFirst(seen, 1'000));
  Client client(Retrying(10));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(client.Get(server.Url(), kPlenty)->status, 503);
  EXPECT_GE(seen, 100 + 10);
  EXPECT_LE(seen, 100 + 10 + 3) << "and the burst";
}

TEST(ClientRetry, TheWaitGrowsAndIsDrawn) {
  const RetryPolicy policy;
  const uint64_t seed = RandomUint64();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  const auto longest = [&](int attempt) {
    milliseconds most{0};
    for (int i = 0; i < 2'000; ++i) most = std::max(most, detail::RetryWait(policy, attempt, 0ms, random));
    return most;
  };
  EXPECT_LE(longest(1), 100ms);
  EXPECT_GT(longest(1), 90ms);
  EXPECT_LE(longest(3), 400ms);
  EXPECT_GT(longest(3), 360ms);
  EXPECT_LE(longest(40), 5'000ms);
  EXPECT_GE(detail::RetryWait(policy, 1, 7s, random), 7s);
}

TEST(ClientGuard, ConnectsToPublicAddressesOnly) {
  std::atomic<int> seen{0};
  RawServer server(FailsAtFirst(seen, 0));
  ClientOptions options = Retrying(3);
  options.public_addresses_only = true;
  Client guarded(options);
  const std::string port = std::to_string(server.port());
  // The same address, written in the ways that a check of the text would miss.
  for (const char* host : {"127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1", "[::1]", "[::ffff:127.0.0.1]",
                           "0.0.0.0", "169.254.169.254", "[64:ff9b::7f00:1]"}) {
    const auto answer = guarded.Get("http://" + std::string(host) + ":" + port + "/", kPlenty);
    ASSERT_FALSE(answer) << host;
    EXPECT_EQ(answer.error().code, ErrorCode::kDenied) << host << ": " << answer.error().message;
  }
  EXPECT_EQ(guarded.Send({.url = "http://pod/", .unix_socket = "/tmp/x"}, kPlenty).error().code, ErrorCode::kDenied);
  EXPECT_EQ(server.connections(), 0);
  Client open;
  EXPECT_EQ(open.Get("http://2130706433:" + port + "/", kPlenty)->status, 200) << "the guard is what refused";
}

TEST(ClientGuard, ARedirectIsAnAnswerLikeAnyOther) {
  std::atomic<int> elsewhere{0};
  RawServer inner(FailsAtFirst(elsewhere, 0));
  RawServer server([&](RawPeer& peer) {
    while (peer.ReadRequest()) peer.Answer(302, "", "Location: " + inner.Url("/") + "\r\n");
  });
  Client client;
  EXPECT_EQ(client.Get(server.Url(), kPlenty)->status, 302);
  EXPECT_EQ(elsewhere, 0);
}

PeerAddress Parse(const char* text) {
  PeerAddress peer;
  if (inet_pton(AF_INET, text, peer.bytes.data()) == 1) peer.family = PeerAddress::Family::kIpv4;
  if (inet_pton(AF_INET6, text, peer.bytes.data()) == 1) peer.family = PeerAddress::Family::kIpv6;
  return peer;
}

TEST(PublicAddress, IsWhatTheRegistriesSay) {
  for (const char* text : {"0.0.0.0",
                           "10.0.0.1",
                           "100.64.0.1",
                           "100.127.255.255",
                           "127.0.0.1",
                           "127.255.255.255",
                           "169.254.169.254",
                           "172.16.0.1",
                           "172.31.255.255",
                           "192.0.0.1",
                           "192.0.2.1",
                           "192.88.99.1",
                           "192.168.1.1",
                           "198.18.0.1",
                           "198.19.255.255",
                           "198.51.100.1",
                           "203.0.113.1",
                           "224.0.0.1",
                           "239.255.255.255",
                           "240.0.0.1",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "::ffff:10.0.0.1",
                           "::ffff:127.0.0.1",
                           "::127.0.0.1",
                           "64:ff9b::a00:1",
                           "64:ff9b:1::808:808",
                           "100::1",
                           "2001::1",
                           "2001:db8::1",
                           "2002:7f00:1::",
                           "2002:808:808::1",
                           "3fff::1",
                           "fc00::1",
                           "fd12:3456::1",
                           "fe80::1",
                           "fec0::1",
                           "ff02::1",
                           "unknown"}) {
    EXPECT_FALSE(IsPublicAddress(Parse(text))) << text;
  }
  for (const char* text :
       {"1.1.1.1",         "8.8.8.8",         "9.255.255.255", "11.0.0.1",        "100.63.255.255", "100.128.0.1",
        "126.255.255.255", "128.0.0.1",       "169.253.1.1",   "172.15.255.255",  "172.32.0.1",     "192.0.1.1",
        "192.167.1.1",     "198.17.1.1",      "198.20.0.1",    "223.255.255.255", "::ffff:8.8.8.8", "64:ff9b::808:808",
        "2001:200::1",     "2606:4700::1111", "2a00:1450::1"}) {
    EXPECT_TRUE(IsPublicAddress(Parse(text))) << text;
  }
}

}  // namespace
}  // namespace flyball::http
