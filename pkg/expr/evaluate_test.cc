#include <gtest/gtest.h>

#include <map>

#include "pkg/expr/expr.h"

namespace flyball::expr {
namespace {

class MapRow final : public Row {
 public:
  explicit MapRow(std::map<std::string, Value, std::less<>> values) : values_(std::move(values)) {}
  Value Field(std::string_view name) const override {
    const auto found = values_.find(name);
    return found == values_.end() ? Value{} : found->second;
  }

 private:
  std::map<std::string, Value, std::less<>> values_;
};

const Schema kSchema = {{"id", Type::kString},    {"title", Type::kString}, {"createdBy", Type::kString},
                        {"done", Type::kBool},    {"points", Type::kInt},   {"score", Type::kDouble},
                        {"due", Type::kTimestamp}};
const Auth kAnonymous;
const Auth kAda = {std::string("ada"), std::string("user")};
const Auth kAdmin = {std::string("root"), std::string("admin")};

Rule Compiled(std::string_view text) {
  const struct Compiled compiled = Compile(text, kSchema, Type::kBool);
  EXPECT_TRUE(compiled.ok()) << text << ": " << (compiled.ok() ? "" : compiled.problems[0].message);
  return compiled.rule;
}

std::string Said(std::string_view text, const MapRow& row, const Auth& auth = kAda) {
  const Value value = Evaluate(Compiled(text), auth, &row);
  if (IsNull(value)) return "null";
  return std::get<bool>(value) ? "true" : "false";
}

TEST(Evaluate, ComparesLikeCel) {
  const MapRow row({{"title", std::string("x")}, {"points", int64_t{3}}, {"score", 3.0}});
  EXPECT_EQ(Said("title == 'x' && points == 3 && score == 3 && points == 3.0", row), "true");
  EXPECT_EQ(Said("createdBy == null", row), "true");
  EXPECT_EQ(Said("createdBy == 'x'", row), "false");
  EXPECT_EQ(Said("createdBy != 'x'", row), "true");
  EXPECT_EQ(Said("createdBy < 'x'", row), "null");
  EXPECT_EQ(Said("points <= 3 && points >= 3 && !(points < 3) && !(points > 3)", row), "true");
  EXPECT_EQ(Said("'B' < 'a' && 'a' < '\\u00e9'", row), "true");  // by bytes
}

TEST(Evaluate, NullLosesOnlyWhenTheOtherSideDecides) {
  const MapRow row({{"points", int64_t{1}}});
  EXPECT_EQ(Said("done && points == 1", row), "null");
  EXPECT_EQ(Said("done && points == 2", row), "false");
  EXPECT_EQ(Said("done || points == 1", row), "true");
  EXPECT_EQ(Said("done || points == 2", row), "null");
  EXPECT_EQ(Said("!done", row), "null");
  EXPECT_EQ(Said("(done && points == 1) == null", row), "true");
  EXPECT_FALSE(Allows(Compiled("!done"), kAda, &row));
}

TEST(Evaluate, MembershipIsEqualityWithEach) {
  const MapRow row({{"title", std::string("b")}, {"points", int64_t{2}}});
  EXPECT_EQ(Said("title in ['a', 'b']", row), "true");
  EXPECT_EQ(Said("title in ['a']", row), "false");
  EXPECT_EQ(Said("points in [1, 2.0]", row), "true");
  EXPECT_EQ(Said("createdBy in ['a']", row), "false");
  EXPECT_EQ(Said("createdBy in ['a', null]", row), "true");
  EXPECT_EQ(Said("!(createdBy in ['a'])", row), "true");
}

TEST(Evaluate, NumbersCompareByTheirExactValue) {
  const MapRow row({{"points", int64_t{9007199254740993}}, {"score", 9007199254740992.0}});
  EXPECT_EQ(Said("points > score && points != score", row), "true");
  const MapRow whole({{"points", INT64_MAX}, {"score", 9223372036854775808.0}});
  EXPECT_EQ(Said("points < score", whole), "true");
  const MapRow least({{"points", INT64_MIN}, {"score", -9223372036854775808.0}});
  EXPECT_EQ(Said("points == score", least), "true");
  const MapRow half({{"points", int64_t{-1}}, {"score", -1.5}});
  EXPECT_EQ(Said("points > score && score < points", half), "true");
}

TEST(Evaluate, TimesCompareWhateverTheirOffset) {
  const MapRow row({{"due", std::string("2026-12-01T08:30:00.000Z")}});
  EXPECT_EQ(Said("due == '2026-12-01T09:30:00+01:00'", row), "true");
  EXPECT_EQ(Said("due < '2026-12-01T09:30:00Z' && due > '2026-12-01T00:00:00Z'", row), "true");
}

TEST(Evaluate, AValueOfTheWrongTypeIsNull) {
  const MapRow row({{"points", std::string("3")}, {"done", int64_t{1}}, {"score", int64_t{2}}});
  EXPECT_EQ(Said("points == null", row), "true");
  EXPECT_EQ(Said("done", row), "null");
  EXPECT_EQ(Said("score == 2.0", row), "true");  // a whole number is a number
}

TEST(Allows, OwnersAndAdminsOnly) {
  const Rule rule = Compiled("auth.role == 'admin' || createdBy == auth.id");
  const MapRow hers({{"createdBy", std::string("ada")}}), nobodys({});
  EXPECT_TRUE(Allows(rule, kAda, &hers));
  EXPECT_TRUE(Allows(rule, kAdmin, &hers));
  EXPECT_FALSE(Allows(rule, kAda, &nobodys));
  EXPECT_FALSE(Allows(rule, kAnonymous, &hers));
  EXPECT_FALSE(Allows(rule, kAnonymous, &nobodys));  // a stranger does not own what nobody owns
  EXPECT_FALSE(Allows(Compiled("createdBy != auth.id"), kAnonymous, &hers));
  EXPECT_FALSE(Allows(Compiled("!(createdBy == auth.id)"), kAnonymous, &hers));
  EXPECT_FALSE(Allows(Compiled("auth.id == auth.role"), kAnonymous, &hers));
  EXPECT_TRUE(Allows(Compiled("auth.id == null && null == auth.role"), kAnonymous, &hers));
}

TEST(Allows, AnAbsentRuleDenies) {
  EXPECT_FALSE(Allows(Rule(), kAdmin, nullptr));
  EXPECT_TRUE(IsNull(Evaluate(Rule(), kAdmin, nullptr)));
}

TEST(Allows, NeedsNoRowWhenNoFieldIsNamed) {
  EXPECT_TRUE(Allows(Compiled("auth.id != null"), kAda, nullptr));
  EXPECT_FALSE(Allows(Compiled("auth.id != null"), kAnonymous, nullptr));
  EXPECT_EQ(std::get<std::string>(Evaluate(Compile("auth.id", kSchema, Type::kString).rule, kAda, nullptr)), "ada");
}

}  // namespace
}  // namespace flyball::expr
