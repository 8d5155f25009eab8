#include <gtest/gtest.h>

#include <cstdio>
#include <random>

#include "pkg/base/random.h"
#include "pkg/expr/expr.h"

namespace flyball::expr {
namespace {

using namespace std::string_literals;

Schema Tasks() {
  return {{"id", Type::kString},
          {"title", Type::kString},
          {"status", Type::kString, {"pending", "in-progress", "completed"}},
          {"createdBy", Type::kString},
          {"done", Type::kBool},
          {"points", Type::kInt},
          {"score", Type::kDouble},
          {"dueDate", Type::kTimestamp},
          {"auth.role", Type::kString, {"user", "admin"}}};
}

// "offset: message" lines.
std::string Problems(std::string_view rule, Type wanted = Type::kBool) {
  const Compiled compiled = Compile(rule, Tasks(), wanted);
  std::string out;
  for (const Problem& problem : compiled.problems)
    out += (out.empty() ? "" : "\n") + std::to_string(problem.offset) + ": " + problem.message;
  return out;
}

TEST(Compile, AcceptsTheLanguage) {
  for (const char* rule : {"true",
                           "!done",
                           "auth.id != null",
                           "auth.role == 'admin' || createdBy == auth.id",
                           "!(done && points >= 3) || score < 0.5e1",
                           "status in ['pending', \"completed\"]",
                           "points in [1, -2, null]",
                           "score == 1",
                           "points == 1.5",
                           "dueDate < '2026-12-01T09:30:00+01:00'",
                           "(((done)))",
                           "null == title",
                           "'it\\'s' == title",
                           "title == \"\\u20ac \\n\"",
                           "(points < 3) == done",
                           "done == (title == null)",
                           "auth.id == id\n  && done",
                           "!!done",
                           "auth.role in ['user']",
                           "title < createdBy",
                           "'a' == 'b'"})
    EXPECT_EQ(Problems(rule), "") << rule;
}

TEST(Compile, KnowsTheTypeAndWhetherARowIsNeeded) {
  EXPECT_EQ(Compile("auth.id", Tasks(), Type::kString).rule.type(), Type::kString);
  EXPECT_TRUE(Compile("auth.role == 'admin'", Tasks(), Type::kBool).rule.row_free());
  EXPECT_FALSE(Compile("auth.role == 'admin' || done", Tasks(), Type::kBool).rule.row_free());
  EXPECT_EQ(Compile("done", Tasks(), Type::kBool).rule.text(), "done");
  EXPECT_EQ(Rule().type(), Type::kNull);
  EXPECT_EQ(Problems("3", Type::kDouble), "");
  EXPECT_EQ(Problems("'2026-12-01T00:00:00Z'", Type::kTimestamp), "");
}

struct BadRule {
  const char* rule;
  const char* problems;
};

TEST(Compile, SaysWhatIsWrongWhereAndWhatWouldBeRight) {
  const BadRule table[] = {
      {"", "0: the rule is empty; write a condition such as auth.id != null"},
      {"  \n ", "0: the rule is empty; write a condition such as auth.id != null"},
      {"createdby == auth.id", "0: unknown field 'createdby'; did you mean 'createdBy'?"},
      {"title == hello", "9: unknown field 'hello'; text is written in quotes, as in 'hello'"},
      {"auth.user == id", "0: unknown 'auth.user'; auth has auth.id and auth.role"},
      {"auth == id", "0: 'auth' is not a value; write auth.id or auth.role"},
      {"createdBy.email == title",
       "0: a path through a reference ('createdBy.email') is not built yet in this version; use a field of this row"},
      {"dueDate < now", "10: 'now' is not built yet in this version"},
      {"has(title)", "0: functions ('has') are not built yet in this version"},
      {"points + 1 == 2", "7: arithmetic ('+') is not built yet in this version"},
      {"points == '3'", "10: cannot compare field 'points' (integer) with '3' (string); write it without quotes"},
      {"title == 3", "9: cannot compare field 'title' (string) with 3 (integer); text is written in quotes"},
      {"title == points",
       "9: cannot compare field 'title' (string) with field 'points' (integer); both sides must have the same type"},
      {"done < true", "0: '<' needs numbers, text or times, but this is field 'done' (boolean)"},
      {"points < null", "9: '<' needs numbers, text or times, but this is null"},
      {"title",
       "0: this is field 'title' (string), but boolean is needed here; compare it with something, as in "
       "title != null"},
      {"null", "0: null allows nobody; write false, or leave the rule out"},
      {"title && done",
       "0: '&&' needs a condition, but this is field 'title' (string); compare it with something, as "
       "in title != null"},
      {"!title == 'x'",
       "1: '!' needs a condition, but this is field 'title' (string); compare it with something, as "
       "in title != null"},
      {"status == 'complete'", "10: 'status' is never 'complete'; did you mean 'completed'?"},
      {"status in ['pending', 'zzz']",
       "22: 'status' is never 'zzz'; expected one of 'pending', 'in-progress', 'completed'"},
      {"auth.role == 'admn'", "13: no role is named 'admn'; did you mean 'admin'?"},
      {"auth.role == 'anonymous'",
       "13: no role is named 'anonymous'; for a request without login write auth.role == null"},
      {"dueDate < '2026-12-01'", "10: a time is written like '2026-12-01T09:30:00Z'; *"},
      {"done = true", "5: '=' is not an operator; write '==' to compare"},
      {"done and !done", "5: 'and' is not an operator; write '&&'"},
      {"done & done | done", "5: '&' is not an operator; write '&&'\n12: '|' is not an operator; write '||'"},
      {"points <> 3", "7: '<>' is not an operator; write '!='"},
      {"done == True", "8: unknown field 'True'; write true"},
      {"points == 007", "10: '007' is not a number; write 12, -3 or 0.5"},
      {"points == 0x10", "10: '0x10' is not a number; write 12, -3 or 0.5"},
      {"points == 1_000", "10: '1_000' is not a number; write 12, -3 or 0.5"},
      {"score == 1e400", "9: the number is out of range; doubles are about 1e-308 to 1e308"},
      {"points == 9223372036854775808",
       "10: the number is out of range; integers are -9223372036854775808 to 9223372036854775807"},
      {"title == 'abc", "9: the string does not end; add a closing '"},
      {"title == 'a\\qb'", R"(11: unknown escape; use \\ \' \" \n \r \t or \uXXXX (a Unicode character other than 0))"},
      {"title == '\\u0000'",
       R"(10: unknown escape; use \\ \' \" \n \r \t or \uXXXX (a Unicode character other than 0))"},
      {"(done", "0: this '(' is not closed; add ')'"},
      {"done)", "4: this ')' closes nothing"},
      {"done ||", "7: the rule ends too early; expected a field, a literal or '('"},
      {"|| done", "0: unexpected '||'; expected a field, a literal or '('"},
      {"done done", "5: unexpected 'done'; expected an operator such as && or ==, or the end of the rule"},
      {"1 < points < 3", "11: comparisons do not chain; write a < b && b < c, or use parentheses"},
      {"['a'] == title", "0: a list can stand only after 'in', as in auth.role in ['admin', 'user']"},
      {"title in []", "9: the list is empty, so nothing is ever in it; name at least one value"},
      {"title in createdBy", "9: unexpected 'createdBy'; expected a list of literals such as ['a', 'b'] after 'in'"},
      {"title in [createdBy] && zap == 1",
       "10: unexpected 'createdBy'; expected a literal; lists hold literals only, as in ['a', 'b']\n"
       "24: unknown field 'zap'; text is written in quotes, as in 'zap'"},
      {"(points < 3) in [true]", "0: the left side of 'in' must be a field, auth.id or auth.role"},
      {"titel == 'x' && (poinst > 1 || done == 'x')",
       "0: unknown field 'titel'; did you mean 'title'?\n17: unknown field 'poinst'; did you mean 'points'?\n"
       "39: cannot compare field 'done' (boolean) with 'x' (string); write it without quotes"},
      {"title == 'a' # b", "13: unexpected '#'; expected a field, a literal or an operator"},
      {"title == .5", "9: unexpected '.'; numbers begin with a digit (0.5) and paths with a name (auth.id)"},
      {"title == 'a' && \xFF", "16: unexpected byte; a rule is plain text"},
      {"title == '\xC3'", "10: the string holds a byte that is not text (UTF-8 without NUL)"},
  };
  for (const BadRule& bad : table) {
    std::string expected = bad.problems;
    std::string got = Problems(bad.rule);
    if (expected.ends_with('*')) {  // the rest is another room's message
      expected.pop_back();
      got = got.substr(0, expected.size());
    }
    EXPECT_EQ(got, expected) << bad.rule;
  }
}

TEST(Compile, BoundsLengthDepthAndTerms) {
  EXPECT_EQ(Problems(std::string(kMaxRuleBytes + 1, ' ')), "4096: the rule is longer than 4096 bytes");
  const auto nested = [](int depth) { return std::string(depth, '(') + "done" + std::string(depth, ')'); };
  EXPECT_EQ(Problems(nested(kMaxRuleDepth - 1)), "");
  EXPECT_EQ(Problems(nested(kMaxRuleDepth)), "50: nested more than 50 deep");
  EXPECT_EQ(Problems(nested(2000)), "50: nested more than 50 deep");
  EXPECT_EQ(Problems(std::string(3000, '!') + "done"), "50: nested more than 50 deep");
  std::string chain = "done";
  for (int i = 1; i < kMaxRuleTerms; ++i) chain += "||done";
  EXPECT_EQ(Problems(chain), "");
  EXPECT_EQ(Problems(chain + "||done"), "1536: more than 256 operands in one rule");
}

std::string Mutated(std::string rule, Random& random) {
  static constexpr std::string_view kPieces[] = {"(",  ")", "[",    "]",    "'",     "\"",   "\\",   "&&",
                                                 "||", "!", "==",   "in",   ".",     "null", "-",    "9",
                                                 "e",  ",", "\xC3", "\xFF", "auth.", "u",    "\\u12"};
  for (uint64_t edits = 1 + random.Below(6); edits > 0; --edits) {
    const size_t at = random.Below(rule.size() + 1);
    switch (random.Below(3)) {
      case 0:
        rule.insert(at, kPieces[random.Below(std::size(kPieces))]);
        break;
      case 1:
        rule.erase(at, random.Below(5));
        break;
      default:
        rule.insert(at, 1, static_cast<char>(random.Below(256)));
    }
  }
  return rule;
}

// Whatever comes in: an answer, problems inside the text and in order, and a rule only when there are none.
void ExpectSane(const std::string& rule) {
  const Compiled compiled = Compile(rule, Tasks(), Type::kBool);
  ASSERT_EQ(compiled.ok(), compiled.rule.root() != nullptr);
  size_t last = 0;
  for (const Problem& problem : compiled.problems) {
    ASSERT_LE(problem.offset, rule.size());
    ASSERT_GE(problem.offset, last);
    ASSERT_FALSE(problem.message.empty());
    last = problem.offset;
  }
}

TEST(Compile, SurvivesAnything) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  Random random(seed);
  for (int i = 0; i < 5000; ++i) {
    std::string junk(random.Below(60), ' ');
    for (char& c : junk) c = static_cast<char>(random.Below(random.Below(2) == 0 ? 256 : 128));
    ASSERT_NO_FATAL_FAILURE(ExpectSane(junk));
    ASSERT_NO_FATAL_FAILURE(ExpectSane(Mutated(
        "auth.role == 'admin' || (createdBy == auth.id && status in ['pending', 'completed']) && !done", random)));
  }
}

}  // namespace
}  // namespace flyball::expr
