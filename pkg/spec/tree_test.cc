#include "pkg/spec/detail/tree.h"

#include <gtest/gtest.h>

namespace flyball::spec {
namespace {

std::vector<Node> Parse(std::string_view text) {
  Reporter reporter("t", text);
  std::vector<Node> documents = ParseYaml(reporter);
  for (const Problem& problem : reporter.Take()) ADD_FAILURE() << Format(problem);
  return documents;
}

Node::Kind KindOf(std::string_view plain) {
  std::string suggestion;
  const Node::Kind kind = Resolve(plain, suggestion);
  EXPECT_EQ(kind == Node::Kind::kBad, !suggestion.empty()) << plain;
  return kind;
}

TEST(Resolve, TakesWhatAllReadersAgreeOn) {
  for (const char* text : {"word",  "in-progress", "15m", "70%", "5/1m",    "2026-11-21", "2026-11-21T09:00:00Z",
                           "1.2.3", "12:75",       "1-2", "-",   "/api/v1", "=list",      "0x",
                           "yEs",   "oN",          "1e",  "a_b", "_1",      "12:30:99"})
    EXPECT_EQ(KindOf(text), Node::Kind::kText) << text;
  for (const char* text : {"0", "12", "-3", "-0", "99999999999999999999"})
    EXPECT_EQ(KindOf(text), Node::Kind::kInt) << text;
  for (const char* text : {"0.5", "-1.25", "1e3", "2.5E-7"}) EXPECT_EQ(KindOf(text), Node::Kind::kFloat) << text;
  EXPECT_EQ(KindOf("true"), Node::Kind::kBool);
  EXPECT_EQ(KindOf("false"), Node::Kind::kBool);
}

TEST(Resolve, RefusesWhatTheyDoNot) {
  for (const char* text : {"yes",   "Yes",     "YES", "no",   "on",   "Off",  "y",     "N",     "True",
                           "FALSE", "0123",    "-07", "0x1F", "0b10", "0o17", "1_000", "12:30", "1:30:00",
                           "-1:30", "12:30.5", "+5",  ".5",   "5.",   ".inf", "-.INF", ".NaN",  "00"})
    EXPECT_EQ(KindOf(text), Node::Kind::kBad) << text;
}

TEST(ParseYaml, KeepsQuotedTextAsText) {
  const std::vector<Node> documents = Parse("[yes1, 'yes', \"0123\", 5, null, ~, ]\n---\n---\na: 1\n");
  ASSERT_EQ(documents.size(), 2u);
  const std::vector<Node>& items = documents[0].items;
  ASSERT_EQ(items.size(), 6u);
  EXPECT_EQ(items[1].kind, Node::Kind::kText);
  EXPECT_EQ(items[2].text, "0123");
  EXPECT_EQ(items[3].kind, Node::Kind::kInt);
  EXPECT_EQ(items[4].kind, Node::Kind::kNull);
  EXPECT_EQ(items[5].kind, Node::Kind::kNull);
}

struct Spelling {
  const char* name;
  const char* document;  // a mapping whose first value holds X
};

// Wherever the X of a scalar stands in its text, SourceOffset finds it in the file.
TEST(SourceOffset, FollowsEverySpelling) {
  const Spelling table[] = {
      {"plain", "a: bc X d\n"},
      {"plain, folded", "a: b c\n   d X\n"},
      {"plain, folded over a blank line", "a: b\n\n\n   d X\n"},
      {"single quotes", "a: 'b ''c'' X'\n"},
      {"double quotes", "a: \"b \\\"c\\\" \\u20ac \\x41 \\n X\"\n"},
      {"double quotes, folded", "a: \"b \\\n   c\n   d X\"\n"},
      {"literal block", "a: |\n  b\n    c\n  d X\n"},
      {"folded block", "a: >\n  b\n  c X\n"},
      {"block with chomping", "a: |-\n\n  b\n  X"},
      {"not ASCII", "a: \xC3\xA9\xE2\x82\xAC X\n"},
      {"flow", "{a: b X, c: d}\n"},
      {"windows", "a: b\r\n   c X\r\n"},
  };
  for (const Spelling& spelling : table) {
    const std::string_view source = spelling.document;
    const std::vector<Node> documents = Parse(source);
    ASSERT_EQ(documents.size(), 1u) << spelling.name;
    const Node& scalar = documents[0].items[0];
    const size_t in_value = scalar.text.find('X');
    ASSERT_NE(in_value, std::string::npos) << spelling.name;
    EXPECT_EQ(SourceOffset(source, scalar, in_value), source.find('X')) << spelling.name << ": " << scalar.text;
    EXPECT_LE(SourceOffset(source, scalar, scalar.text.size() + 100), source.size()) << spelling.name;
  }
}

TEST(Reporter, ShowsAtMostAHundredProblems) {
  Reporter reporter("t", "a\nb\n");
  for (size_t i = 0; i < Reporter::kMostProblems + 5; ++i) reporter.Report(2, "x");
  const std::vector<Problem> problems = reporter.Take();
  ASSERT_EQ(problems.size(), Reporter::kMostProblems + 1);
  EXPECT_EQ(Format(problems.back()), "t:2:1: 5 more problems are not shown");
}

}  // namespace
}  // namespace flyball::spec
