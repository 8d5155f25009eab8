#include "pkg/resource/json_body.h"

#include <gtest/gtest.h>

#include <string>

#include "pkg/base/random.h"
#include "pkg/resource/json_fault.h"

namespace flyball::resource {
namespace {

std::string Nested(int depth) {
  std::string text = "{\"a\":";
  for (int i = 1; i < depth; ++i) text += "[";
  for (int i = 1; i < depth; ++i) text += "]";
  return text + (depth == 1 ? "1}" : "}");
}

std::string Why(std::string_view body) {
  const auto members = ReadJsonObject(body);
  return members ? "fine" : members.error().message;
}

TEST(JsonBody, ReadsMembersInOrder) {
  const auto members = ReadJsonObject(R"( {"a":1,"b":"x\u00e9\ud83d\ude00","c":null,"d":true,"e":1.5,"f":[],"g":{}} )");
  ASSERT_TRUE(members) << members.error().message;
  ASSERT_EQ(members->size(), 7u);
  EXPECT_EQ(std::get<int64_t>((*members)[0].value), 1);
  EXPECT_EQ(std::get<std::string_view>((*members)[1].value), "x\xc3\xa9\xf0\x9f\x98\x80");
  EXPECT_EQ(Describe((*members)[2].value), "null");
  EXPECT_TRUE(std::get<bool>((*members)[3].value));
  EXPECT_EQ(std::get<double>((*members)[4].value), 1.5);
  EXPECT_EQ(Describe((*members)[5].value), "an array");
  EXPECT_EQ(Describe((*members)[6].value), "an object");
}

TEST(JsonBody, MalformedOnesAreNamed) {
  struct Case {
    const char* name;
    std::string body;
    const char* expected;  // part of the message
  };
  const Case cases[] = {
      {"empty", "", "is empty"},
      {"white space", "  \n", "is empty"},
      {"byte order mark", "\xEF\xBB\xBF{}", "byte order mark"},
      {"array", "[1]", "is an array; expected a JSON object"},
      {"string", "\"x\"", "is a string; expected a JSON object"},
      {"null", "null", "is null; expected a JSON object"},
      {"cut", R"({"a":1)", "not JSON"},
      {"cut string", R"({"a":"x)", "does not end"},
      {"trailing bytes", R"({"a":1} x)", "not JSON"},
      {"two values", R"({"a":1}{"a":1})", "not JSON"},
      {"trailing comma", R"({"a":1,})", "not JSON"},
      {"comment", R"({"a":1/*x*/})", "malformed or too large"},
      {"single quotes", R"({'a':1})", "not JSON"},
      {"NaN", R"({"a":NaN})", "not JSON"},
      {"Infinity", R"({"a":Infinity})", "not JSON"},
      {"1e400", R"({"a":1e400})", "too large"},
      {"leading zero", R"({"a":01})", "malformed or too large"},
      {"plus", R"({"a":+1})", "not JSON"},
      {"past 2^64", R"({"a":99999999999999999999})", "malformed or too large"},
      {"lone high surrogate", R"({"a":"\ud800"})", "surrogates"},
      {"lone low surrogate", R"({"a":"\udc00"})", "surrogates"},
      {"bad escape", R"({"a":"\x41"})", "malformed text"},
      {"raw control character", "{\"a\":\"\x01\"}", "must be escaped"},
      {"NUL byte", std::string("{\"a\":\"\0\"}", 9), "must be escaped"},
      {"not UTF-8", "{\"a\":\"\xff\"}", "not UTF-8"},
      {"overlong UTF-8", "{\"a\":\"\xc0\xaf\"}", "not UTF-8"},
      {"name twice", R"({"a":1,"b":2,"a":3})", "names 'a' twice"},
      {"name twice, escaped", R"({"a":1,"\u0061":2})", "names 'a' twice"},
      {"empty name twice", R"({"":1,"":2})", "names '' twice"},
      {"name twice inside", R"({"a":[{"b":1,"b":2}]})", "names 'b' twice"},
      {"65 deep", Nested(65), "deeper than 64"},
      {"a million deep", Nested(1'000'000), "deeper than 64"},
  };
  for (const Case& c : cases) {
    EXPECT_NE(Why(c.body).find(c.expected), std::string::npos) << c.name << ": " << Why(c.body);
  }
}

TEST(JsonBody, SaysWhereItIsWrong) {
  struct Case {
    std::string body;
    const char* expected;
  };
  const Case cases[] = {
      {R"({"a":1)", "line 1, column 7 (byte 6): it ends here; expected ',' or '}'"},
      {R"({"a":1,})", "line 1, column 8 (byte 7): expected a name in double quotes"},
      {R"({'a':1})", "line 1, column 2 (byte 1): expected a name in double quotes"},
      {"{\n  \"a\": 1\n  \"b\": 2\n}", "line 3, column 3 (byte 13): expected ',' or '}'"},
      {"{\r\n\"é\": tru}", "line 2, column 6 (byte 9): expected true"},
      {R"({"a" 1})", "(byte 5): expected ':'"},
      {R"({"a":[1 2]})", "(byte 8): expected ',' or ']'"},
      {R"({"a":})", "(byte 5): expected a value"},
      {R"({"a":1} x)", "(byte 8): expected nothing more"},
      {R"({"a":truex})", "(byte 9): a value does not go on like this"},
      {R"({"a":01})", "(byte 5): a number has no leading zeros"},
      {R"({"a":1.})", "(byte 7): expected a digit"},
      {R"({"a":-})", "(byte 6): expected a digit"},
      {R"({"a":1e400})", "(byte 5): this number is too large"},
      {R"({"a":99999999999999999999})", "(byte 5): this number is too large"},
      {R"({"a":"x)", "(byte 5): this text does not end"},
      {R"({"a":"\x41"})", "(byte 6): there is no such escape"},
      {R"({"a":"\u12g4"})", "(byte 6): expected four hex digits"},
      {R"({"a":"\ud800\u0041"})", "(byte 6): this surrogate has no other half"},
      {"{\"a\":\"\x01\"}", "(byte 6): a control character must be escaped"},
      {"{\"a\":\"\xff\"}", "(byte 6): these bytes are not UTF-8"},
      {Nested(65), "(byte 68): this would be level 65"},
  };
  for (const Case& c : cases) {
    EXPECT_NE(Why(c.body).find(c.expected), std::string::npos) << c.body << ": " << Why(c.body);
  }
}

TEST(JsonBody, SixtyFourDeepIsFine) {
  EXPECT_EQ(Why(Nested(64)), "fine");
  EXPECT_EQ(Why(R"({"a":")" + std::string(100'000, 'x') + R"("})"), "fine");
  EXPECT_EQ(Why(Nested(64)), "fine") << "also after the buffers grew";
  EXPECT_NE(Why(Nested(65)), "fine");
}

TEST(JsonBody, ManyMembersStayCheap) {
  std::string body = "{";
  for (int i = 0; i < 100'000; ++i) body += "\"k" + std::to_string(i) + "\":1,";
  EXPECT_EQ(ReadJsonObject(body + "\"z\":1}")->size(), 100'001u);
  EXPECT_NE(Why(body + "\"k5\":1}").find("names 'k5' twice"), std::string::npos);
}

TEST(JsonBody, RandomBytesNeverCrash) {
  const uint64_t seed = 20261121;
  SCOPED_TRACE(seed);
  Random random(seed);
  const std::string good = R"({"title":"x\u00e9","n":-12.5e3,"list":[1,{"a":null}],"t":true,"s":"\ud83d\ude00"})";
  for (int round = 0; round < 20'000; ++round) {
    std::string body = good;
    for (uint64_t i = random.Below(5) + 1; i > 0; --i) {
      const size_t at = random.Below(body.size());
      if (random.Below(3) == 0) {
        body.erase(at, random.Below(4));
      } else {
        body[at] = static_cast<char>(random.Below(256));
      }
      if (body.empty()) break;
    }
    const auto members = ReadJsonObject(body);
    const auto fault = FindJsonFault(body);
    if (members) {
      EXPECT_FALSE(fault) << body << ": " << fault->message;
    } else if (!fault) {  // then it is JSON, but not what we take
      const std::string& why = members.error().message;
      EXPECT_TRUE(why.find(" twice ") != std::string::npos || why.find("expected a JSON object") != std::string::npos)
          << body << ": " << why;
    }
  }
}

}  // namespace
}  // namespace flyball::resource
