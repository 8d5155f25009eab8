// Every message of cases.txt through a real server: whole, and a byte at a time. The answers, whether the connection
// ends, and that nothing else was understood as a request must be as the corpus says.
#include <gtest/gtest.h>

#include <algorithm>

#include "pkg/base/check.h"
#include "pkg/http/server.h"
#include "pkg/http/testing/raw_client.h"
#include "tests/framing/framing_case.h"

namespace flyball::framing {
namespace {

using http::testing::RawClient;

// Answers with what it understood.
class Echo final : public http::Handler {
 public:
  void Handle(http::Responder responder) override {
    const http::Request& request = responder.request();
    std::string text = std::string(request.method_text()) + " ";
    text.append(request.path()).append(" ").append(request.host()).append(" [").append(request.body()).append("]");
    http::Response response;
    response.SetBody("text/plain", std::move(text));
    std::move(responder).Send(std::move(response));
  }
};

http::Router EveryPath() {
  using http::Method;
  http::Router router;
  for (Method method : {Method::kGet, Method::kPost, Method::kPut, Method::kPatch, Method::kDelete}) {
    for (const char* pattern : {"/", "/{path...}"}) Check(router.Add(method, pattern, 0).has_value(), "a route");
  }
  return router;
}

class EchoServer {
 public:
  EchoServer() : server_(http::ServerOptions(), EveryPath(), echo_) {
    Check(server_.Start().has_value(), "the server starts");
  }
  uint16_t port() const { return server_.port(); }

 private:
  Echo echo_;
  http::Server server_;
};

uint16_t ServerPort() {
  static const EchoServer server;
  return server.port();
}

std::vector<FramingCase> Cases() {
  auto cases = ReadFramingCases(FLYBALL_FRAMING_CASES);
  Check(cases.has_value(), cases ? "" : cases.error().message);
  return std::move(*cases);
}

class Framing : public ::testing::TestWithParam<FramingCase> {
 protected:
  void Expect(RawClient& client) {
    const FramingCase& wanted = GetParam();
    SCOPED_TRACE("cases.txt:" + std::to_string(wanted.line) + ", RFC " + wanted.clause);
    std::optional<http::testing::RawAnswer> answer;
    for (int status : wanted.statuses) {
      answer = client.Read();
      ASSERT_TRUE(answer.has_value()) << "no answer where " << status << " is due";
      ASSERT_EQ(answer->status, status) << answer->body;
      EXPECT_TRUE(status < 200 || answer->Header("Date").size() == 29);
    }
    if (wanted.has_echo) {
      EXPECT_EQ(answer->body, wanted.echo);
    }
    EXPECT_EQ(answer->SaysClose(), wanted.closes);
    if (wanted.closes) {
      EXPECT_TRUE(client.Ends()) << "the connection should end, without another answer";
      return;
    }
    client.Send("GET /probe HTTP/1.1\r\nHost: probe\r\n\r\n");
    answer = client.Read();
    ASSERT_TRUE(answer.has_value()) << "the connection should serve on";
    EXPECT_EQ(answer->body, "GET /probe probe []");
  }
};

TEST_P(Framing, Whole) {
  RawClient client(ServerPort());
  client.Send(GetParam().message);
  Expect(client);
}

TEST_P(Framing, ByteByByte) {
  RawClient client(ServerPort());
  client.SendByteByByte(GetParam().message);
  Expect(client);
}

INSTANTIATE_TEST_SUITE_P(Corpus, Framing, ::testing::ValuesIn(Cases()), [](const auto& of) {
  std::string name = of.param.name;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
  return name;
});

TEST(FramingCorpus, IsLargeEnoughAndNamesItsClauses) {
  const auto cases = Cases();
  EXPECT_GE(cases.size(), 200u);
  for (const FramingCase& one : cases) EXPECT_GE(one.clause.size(), 6u) << one.name;
}

}  // namespace
}  // namespace flyball::framing
