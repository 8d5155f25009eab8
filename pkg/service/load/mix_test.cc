#include "pkg/service/load/mix.h"

#include <gtest/gtest.h>

#include <map>

#include "pkg/service/load/target.h"

namespace flyball::load {
namespace {

std::string Fill(std::string_view text, Template::Holes holes) {
  std::string out;
  Template(text).AppendTo(out, holes);
  return out;
}

TEST(TemplateTest, FillsItsHolesAndLeavesOtherBraces) {
  EXPECT_EQ(Fill("/tasks/{id}?n={n}", {7, 3, "abc"}), "/tasks/abc?n=7");
  EXPECT_EQ(Fill(R"({"title":"load {n} of {principal}","x":{}})", {7, 3, ""}), R"({"title":"load 7 of 3","x":{}})");
  EXPECT_EQ(Fill("{n}{n}{", {7, 3, ""}), "77{");
  EXPECT_EQ(Fill("", {7, 3, ""}), "");
  EXPECT_TRUE(Template("/{id}").needs_id());
  EXPECT_FALSE(Template("/{n}").needs_id());
}

TEST(MixTest, PicksByWeight) {
  const auto mix = ReadMix("[{weight: 1, path: /a}, {weight: 3, path: /b}]", "mix.yaml");
  ASSERT_TRUE(mix) << mix.error().message;
  Random random(5);
  std::map<size_t, int> picked;
  for (int i = 0; i < 40'000; ++i) ++picked[mix->Pick(random)];
  EXPECT_NEAR(picked[0], 10'000, 500);
  EXPECT_NEAR(picked[1], 30'000, 500);
}

TEST(MixTest, ReadsYamlAndJson) {
  const auto mix = ReadMix(R"(
- {weight: 60, method: GET, path: "/tasks?limit=20"}
- {weight: 20, path: "/tasks/{id}"}
- weight: 20
  method: POST
  path: /tasks
  headers: {X-Trace: on}
  body: {title: "load {n}", done: false, size: 3, code: "007", tags: [a, 1.5, null]}
)",
                           "mix.yaml");
  ASSERT_TRUE(mix) << mix.error().message;
  ASSERT_EQ(mix->kinds().size(), 3u);
  EXPECT_EQ(mix->kinds()[1].method, "GET");
  EXPECT_EQ(mix->without_id(), 2u) << "what creates stands in for what needs an id";
  std::string body;
  mix->kinds()[2].body.AppendTo(body, {9, 0, ""});
  EXPECT_EQ(body, R"({"title":"load 9","done":false,"size":3,"code":"007","tags":["a",1.5,null]})");
  EXPECT_EQ(mix->kinds()[2].headers[0].first, "X-Trace");

  const auto json = ReadMix(R"([{"weight": 1, "method": "PUT", "path": "/x", "body": "{\"a\":1}"}])", "mix.json");
  ASSERT_TRUE(json) << json.error().message;
  body.clear();
  json->kinds()[0].body.AppendTo(body, {});
  EXPECT_EQ(body, R"({"a":1})");
}

TEST(MixTest, SaysWhatIsWrongAndWhere) {
  const std::map<std::string, std::string> wrong = {
      {"", "expected a list"},
      {"{path: /a}", "expected a list"},
      {"[]", "expected a list"},
      {"- hello", "expected a request"},
      {"- {method: GET}", "path is missing"},
      {"- {path: tasks}", "expected '/...'"},
      {"- {path: \"/a b\"}", "without blanks"},
      {"- {path: \"/a\\r\\nX: y\"}", "without blanks"},
      {"- {path: /a, method: STEAL}", "method 'STEAL'"},
      {"- {path: /a, weight: 0}", "weight '0'"},
      {"- {path: /a, weight: nan}", "weight 'nan'"},
      {"- {path: /a, weight: many}", "weight 'many'"},
      {"- {path: /a, wieght: 1}", "unknown key 'wieght'"},
      {"- {path: /a, anonymous: maybe}", "anonymous 'maybe'"},
      {"- {path: /a, headers: {\"X\\r\\nY\": z}}", "headers"},
      {"- {path: /a, headers: {X: \"a\\r\\nb\"}}", "headers"},
      {"- {path: \"/a/{id}\"}", "at least one"},
      {"- {path: /a", "mix.yaml:"},
  };
  for (const auto& [text, message] : wrong) {
    const auto mix = ReadMix(text, "mix.yaml");
    ASSERT_FALSE(mix) << text;
    EXPECT_NE(mix.error().message.find(message), std::string::npos) << text << " -> " << mix.error().message;
    EXPECT_TRUE(mix.error().message.starts_with("mix.yaml:")) << mix.error().message;
  }
  EXPECT_EQ(ReadMix("", "m").error().message.rfind("m:1:1: expected a list", 0), 0u);
  EXPECT_NE(ReadMix("- {path: /a}\n- {path: /b, weight: x}", "m").error().message.find("m:2:"), std::string::npos);
}

TEST(MixTest, AliasesCannotGrowABodyWithoutBound) {
  std::string bomb = "- path: /a\n  method: POST\n  body:\n    a: &a [x, x, x, x, x, x, x, x, x, x]\n";
  for (char c = 'b'; c <= 'k'; ++c) {
    bomb += std::string("    ") + c + ": &" + c + " [";
    for (int i = 0; i < 10; ++i) bomb += std::string(i ? ", " : "") + "*" + static_cast<char>(c - 1);
    bomb += "]\n";
  }
  EXPECT_FALSE(ReadMix(bomb, "bomb.yaml"));
}

TEST(TargetTest, TakesLoopbackUrls) {
  const auto target = ParseTarget("http://127.0.0.1:8080/api/v1/");
  ASSERT_TRUE(target) << target.error().message;
  EXPECT_EQ(target->host, "127.0.0.1");
  EXPECT_EQ(target->port, 8080);
  EXPECT_EQ(target->base, "/api/v1");
  EXPECT_EQ(target->Url("/tasks"), "http://127.0.0.1:8080/api/v1/tasks");
  EXPECT_EQ(ParseTarget("http://localhost")->host, "127.0.0.1");
  EXPECT_EQ(ParseTarget("http://localhost")->port, 80);
  EXPECT_EQ(ParseTarget("http://[::1]:81")->host, "::1");
  EXPECT_EQ(ParseTarget("http://[::1]:81")->port, 81);
  EXPECT_EQ(ParseTarget("http://127.3.2.1:9")->host, "127.3.2.1");
}

TEST(TargetTest, RefusesEveryOtherMachine) {
  for (const char* url : {"http://example.org", "http://10.0.0.1:80", "http://0.0.0.0:8080", "http://[::]:80",
                          "http://127.0.0.1.example.org/", "http://localhost.example.org", "http://2130706433/",
                          "http://[::ffff:8.8.8.8]/", "http://192.168.0.1:8080/api", "http://"}) {
    const auto target = ParseTarget(url);
    ASSERT_FALSE(target) << url;
    EXPECT_EQ(target.error().code, ErrorCode::kDenied) << url;
    EXPECT_NE(target.error().message.find("not this machine"), std::string::npos) << target.error().message;
  }
  for (const char* url :
       {"https://127.0.0.1", "127.0.0.1:80", "http://127.0.0.1:0", "http://127.0.0.1:70000", "http://127.0.0.1:x",
        "http://user@127.0.0.1/", "http://127.0.0.1/?a=b", "http://127.0.0.1/\r\nX: y", "http://127.0.0.1:"}) {
    const auto target = ParseTarget(url);
    ASSERT_FALSE(target) << url;
    EXPECT_EQ(target.error().code, ErrorCode::kInvalid) << url;
  }
}

}  // namespace
}  // namespace flyball::load
