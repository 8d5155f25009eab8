#include "pkg/http/forwarded.h"

#include <gtest/gtest.h>

#include "pkg/http/testing/raw_client.h"
#include "pkg/http/testing/test_service.h"

namespace flyball::http {
namespace {

using testing::RawClient;
using testing::TestServer;

TrustedProxies Trust(const std::vector<std::string>& entries) {
  auto trusted = TrustedProxies::Parse(entries);
  EXPECT_TRUE(trusted.has_value()) << trusted.error().message;
  return trusted ? *trusted : TrustedProxies();
}

std::string Shown(std::string_view node) {
  const auto address = ParseNode(node);
  return address ? address->ToString() + "," + std::to_string(address->port) : "no";
}

TEST(Forwarded, Nodes) {
  EXPECT_EQ(Shown("192.0.2.1"), "192.0.2.1,0");
  EXPECT_EQ(Shown("192.0.2.1:8080"), "192.0.2.1,8080");
  EXPECT_EQ(Shown("2001:DB8::1"), "2001:db8::1,0");
  EXPECT_EQ(Shown("[2001:db8::1]"), "2001:db8::1,0");
  EXPECT_EQ(Shown("[2001:db8::1]:443"), "2001:db8::1,443");
  EXPECT_EQ(Shown("::ffff:192.0.2.1"), "192.0.2.1,0") << "the same client however it is written";
  for (const char* bad : {"",
                          "unknown",
                          "_hidden",
                          "192.0.2",
                          "192.0.2.256",
                          "192.0.2.01",
                          "192.0.2.1:",
                          "192.0.2.1:x",
                          "192.0.2.1:65536",
                          "192.0.2.1:000001",
                          "[192.0.2.1]",
                          "[2001:db8::1",
                          "[2001:db8::1]443",
                          "[2001:db8::1]:",
                          "[]",
                          "2001:db8::1%eth0",
                          "example.org",
                          "1.2.3.4 5",
                          "0x7f.1",
                          "localhost",
                          "2001:db8:::1"}) {
    EXPECT_EQ(Shown(bad), "no") << bad;
  }
}

TEST(Forwarded, Networks) {
  const TrustedProxies trusted = Trust({"10.0.0.0/8", "192.0.2.7", "2001:db8::/33", "0.0.0.0/32"});
  for (const char* in : {"10.255.0.1", "192.0.2.7", "2001:db8:7fff::1", "::ffff:10.1.2.3", "0.0.0.0"}) {
    EXPECT_TRUE(trusted.Contains(*ParseNode(in))) << in;
  }
  for (const char* out : {"11.0.0.1", "192.0.2.8", "2001:db8:8000::1", "::1", "a00::", "0.0.0.1"}) {
    EXPECT_FALSE(trusted.Contains(*ParseNode(out))) << out;
  }
  EXPECT_FALSE(trusted.Contains(PeerAddress())) << "not known";
  EXPECT_TRUE(Trust({"0.0.0.0/0"}).Contains(*ParseNode("203.0.113.9")));
  for (const char* bad : {"", "10.0.0.0/", "10.0.0.0/33", "10.0.0.1/8", "10/8", "2001:db8::/129", "proxy.example.org",
                          "10.0.0.0/-1", "10.0.0.0/8/8", "[::1]"}) {
    const auto parsed = TrustedProxies::Parse({bad});
    ASSERT_FALSE(parsed.has_value()) << bad;
    EXPECT_NE(parsed.error().message.find("'" + std::string(bad) + "'"), std::string::npos);
  }
}

// GET /client on a server that trusts 127.0.0.1 and 10/8: who asked, as the handler sees it.
class Forwarding : public ::testing::Test {
 protected:
  static std::string Ask(std::string_view fields, bool trust = true) {
    Seen seen;
    ServerOptions options;
    options.secure_headers = {{"Strict-Transport-Security", "max-age=1"}};
    if (trust) options.trusted_proxies = Trust({"127.0.0.1", "10.0.0.0/8"});
    Router router;
    EXPECT_TRUE(router.Add(Method::kGet, "/client", 0).has_value());
    Server server(std::move(options), std::move(router), seen);
    EXPECT_TRUE(server.Start().has_value());
    RawClient client(server.port());
    client.Send("GET /client HTTP/1.1\r\nHost: h\r\n" + std::string(fields) + "\r\n");
    const auto answer = client.Read();
    if (!answer) return "no answer";
    const bool strict = answer->Header("Strict-Transport-Security") == "max-age=1";
    return answer->body + (strict ? " secure" : "");
  }

 private:
  class Seen final : public Handler {
   public:
    void Handle(Responder responder) override {
      Response response;
      response.SetBody("text/plain", responder.request().client().ToString());
      std::move(responder).Send(std::move(response));
    }
  };
};

TEST_F(Forwarding, TheRightmostHopThatIsNotTrustedIsTheClient) {
  EXPECT_EQ(Ask(""), "127.0.0.1");
  EXPECT_EQ(Ask("X-Forwarded-For: 203.0.113.9\r\n"), "203.0.113.9");
  EXPECT_EQ(Ask("X-Forwarded-For: 1.1.1.1, 203.0.113.9, 10.1.2.3\r\n"), "203.0.113.9")
      << "1.1.1.1 is the client's word";
  EXPECT_EQ(Ask("X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 203.0.113.9 ,10.1.2.3:99\r\n"), "203.0.113.9");
  EXPECT_EQ(Ask("X-Forwarded-For: 10.9.9.9, 10.1.2.3\r\n"), "10.9.9.9") << "all trusted: the farthest";
  EXPECT_EQ(Ask("X-Forwarded-For: 2001:db8::7\r\n"), "2001:db8::7");
  EXPECT_EQ(Ask("Forwarded: for=203.0.113.9;by=10.1.2.3\r\n"), "203.0.113.9");
  EXPECT_EQ(Ask("Forwarded: for=1.1.1.1, FOR=\"[2001:db8::7]:4711\";proto=http, for=10.1.2.3\r\n"), "2001:db8::7");
  EXPECT_EQ(Ask("Forwarded: for=1.1.1.1\r\nForwarded: for=203.0.113.9 ; proto=http ,\r\n"), "203.0.113.9");
}

TEST_F(Forwarding, WhatCannotBeReadEndsTheSearch) {
  EXPECT_EQ(Ask("X-Forwarded-For: 1.1.1.1, unknown\r\n"), "127.0.0.1");
  EXPECT_EQ(Ask("X-Forwarded-For: 1.1.1.1, _x, 10.1.2.3\r\n"), "10.1.2.3");
  EXPECT_EQ(Ask("X-Forwarded-For: 1.1.1.1,\r\n"), "127.0.0.1");
  EXPECT_EQ(Ask("X-Forwarded-For:\r\n"), "127.0.0.1");
  EXPECT_EQ(Ask("Forwarded: for=1.1.1.1, for=_hidden\r\n"), "127.0.0.1");
  EXPECT_EQ(Ask("Forwarded: for=1.1.1.1, for=\"_SEVKISEK\", for=10.1.2.3\r\n"), "10.1.2.3");
  // A quote left open by the client must not swallow what the proxy appended.
  EXPECT_EQ(Ask("Forwarded: for=\"1.1.1.1, for=203.0.113.9\r\n"), "127.0.0.1");
  for (const char* bad : {"for=1.1.1.1;for=2.2.2.2", "for", "for=", "for==1.1.1.1", "for=1.1.1.1 proto=http",
                          "=1.1.1.1", "for=[2001:db8::7]", "for=\"1.1.1.1\\"}) {
    EXPECT_EQ(Ask("Forwarded: " + std::string(bad) + "\r\n"), "127.0.0.1") << bad;
  }
}

TEST_F(Forwarding, WhenTheTwoFieldsDisagreeNeitherIsBelieved) {
  EXPECT_EQ(Ask("Forwarded: for=1.1.1.1\r\nX-Forwarded-For: 203.0.113.9\r\n"), "127.0.0.1");
  EXPECT_EQ(Ask("Forwarded: for=203.0.113.9\r\nX-Forwarded-For: 203.0.113.9\r\n"), "203.0.113.9");
}

TEST_F(Forwarding, SecureIsWhatATrustedProxySays) {
  EXPECT_EQ(Ask("X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n"), "203.0.113.9 secure");
  EXPECT_EQ(Ask("X-Forwarded-Proto: https\r\n"), "127.0.0.1 secure");
  EXPECT_EQ(Ask("X-Forwarded-Proto: https, http\r\n"), "127.0.0.1");
  EXPECT_EQ(Ask("X-Forwarded-Proto: httpsx\r\n"), "127.0.0.1");
  EXPECT_EQ(Ask("Forwarded: for=203.0.113.9;proto=https\r\n"), "203.0.113.9 secure");
  EXPECT_EQ(Ask("Forwarded: for=203.0.113.9;proto=https, for=10.1.1.1;proto=http\r\n"), "203.0.113.9 secure");
  EXPECT_EQ(Ask("Forwarded: proto=https, for=203.0.113.9\r\n"), "203.0.113.9") << "the client's own word";
}

TEST_F(Forwarding, StrangersAreNotBelieved) {
  EXPECT_EQ(Ask("X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n", false), "127.0.0.1");
  EXPECT_EQ(Ask("Forwarded: for=203.0.113.9;proto=https\r\n", false), "127.0.0.1");
}

TEST(Forwarded, TraceIds) {
  EXPECT_EQ(TraceIdOf("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), "4bf92f3577b34da6a3ce929d0e0e4736");
  for (const char* bad : {"", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
                          "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                          "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
                          "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                          "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
                          "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7_01"}) {
    EXPECT_EQ(TraceIdOf(bad), "") << bad;
  }
}

TEST(Forwarded, IdsOfStrangersAreNotTaken) {
  constexpr char kTrace[] = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n";
  const auto id = [](bool trust, const std::string& fields) {
    TestServer server([&](ServerOptions& options) {
      if (trust) options.trusted_proxies = Trust({"127.0.0.0/8"});
    });
    RawClient client(server.port());
    client.Send("GET /echo/a HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n");
    const auto answer = client.Read();
    return answer ? answer->Header("X-Request-Id") : "no answer";
  };
  EXPECT_EQ(id(true, "X-Request-Id: mine\r\n"), "mine");
  EXPECT_EQ(id(true, kTrace), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(id(true, std::string("X-Request-Id: mine\r\n") + kTrace), "mine");
  EXPECT_EQ(id(true, std::string("X-Request-Id: a b\r\n") + kTrace), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(id(true, "X-Request-Id: a b\r\n").size(), 32u);
  EXPECT_EQ(id(false, "X-Request-Id: mine\r\n").size(), 32u);
  EXPECT_NE(id(false, kTrace), "4bf92f3577b34da6a3ce929d0e0e4736");
}

}  // namespace
}  // namespace flyball::http
