// Every message of cases.txt through a real server: whole, and a byte at a time. The answers, whether the connection
// ends, and that nothing else was understood as a request must be as the corpus says.
#include <gtest/gtest.h>

#include <algorithm>

#include "pkg/base/check.h"
#include "pkg/http/testing/raw_client.h"
#include "tests/framing/echo_server.h"
#include "tests/framing/framing_case.h"

namespace flyball::framing {
namespace {

using http::testing::RawClient;

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
    for (const auto& [status, to_head] : wanted.answers) {
      answer = client.Read(to_head);
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
