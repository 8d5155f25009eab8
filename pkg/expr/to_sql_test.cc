#include <gtest/gtest.h>

#include "pkg/expr/expr.h"

namespace flyball::expr {
namespace {

const Schema kSchema = {{"createdBy", Type::kString}, {"title", Type::kString}, {"done", Type::kBool},
                        {"open", Type::kBool},        {"points", Type::kInt},   {"score", Type::kDouble}};
const Auth kAnonymous;
const Auth kAda = {std::string("ada"), std::string("user")};
const Auth kAdmin = {std::string("root"), std::string("admin")};

std::string Show(const Value& value) {
  if (IsNull(value)) return "null";
  if (const bool* truth = std::get_if<bool>(&value)) return *truth ? "true" : "false";
  if (const int64_t* integer = std::get_if<int64_t>(&value)) return std::to_string(*integer);
  if (const double* real = std::get_if<double>(&value)) return std::to_string(*real);
  return "'" + std::get<std::string>(value) + "'";
}

// "text <- 'value', ..."
std::string Where(std::string_view rule, const Auth& auth = kAda, Dialect dialect = Dialect::kSqlite, int first = 1) {
  const Compiled compiled = Compile(rule, kSchema, Type::kBool);
  if (!compiled.ok()) return compiled.problems[0].message;
  const Sql sql = ToSql(compiled.rule, auth, dialect, first);
  EXPECT_EQ(sql.always, sql.text == "1=1");
  EXPECT_EQ(sql.never, sql.text == "1=0");
  std::string out = sql.text;
  for (size_t i = 0; i < sql.values.size(); ++i) out += (i == 0 ? " <- " : ", ") + Show(sql.values[i]);
  return out;
}

TEST(ToSql, DecidesWhatDependsOnAuthAlone) {
  EXPECT_EQ(Where("auth.role == 'admin' || createdBy == auth.id", kAdmin), "1=1");
  EXPECT_EQ(Where("auth.role == 'admin' || createdBy == auth.id", kAda), "(\"createdBy\" = ?) <- 'ada'");
  EXPECT_EQ(Where("auth.role == 'admin' && createdBy == auth.id", kAda), "1=0");
  EXPECT_EQ(Where("createdBy == auth.id && title == 'x' && auth.role == 'admin'", kAda), "1=0");
  EXPECT_EQ(Where("auth.id != null", kAnonymous), "1=0");
  EXPECT_EQ(Where("auth.role < 'x'", kAnonymous), "1=0");
  EXPECT_EQ(Where("!(auth.role < 'x')", kAnonymous), "1=0");
  EXPECT_EQ(Where("createdBy == auth.id", kAnonymous), "1=0");
  EXPECT_EQ(Where("!(createdBy == auth.id)", kAnonymous), "1=0");
  EXPECT_EQ(Where("(createdBy == auth.id) == done", kAnonymous), "NULL IS \"done\"");
  EXPECT_EQ(Where("true"), "1=1");
}

TEST(ToSql, ThrowsAwayWhatAnotherSideDecided) {
  const std::string rule = "points == 1 && (points == 2 || auth.id != null) && points == 3";
  EXPECT_EQ(Where(rule, kAda), "(\"points\" = ? AND \"points\" = ?) <- 1, 3");
  EXPECT_EQ(Where(rule, kAda, Dialect::kPostgres, 4), "(\"points\" = $4 AND \"points\" = $5) <- 1, 3");
}

TEST(ToSql, AnAbsentRuleMatchesNoRow) { EXPECT_TRUE(ToSql(Rule(), kAdmin, Dialect::kSqlite).never); }

TEST(ToSql, TakesNullsAsValues) {
  EXPECT_EQ(Where("createdBy != null"), "\"createdBy\" IS NOT NULL");
  EXPECT_EQ(Where("null == title"), "\"title\" IS NULL");
  EXPECT_EQ(Where("title != 'x'"), "\"title\" IS NOT ? <- 'x'");
  EXPECT_EQ(Where("title == createdBy"), "\"title\" IS \"createdBy\"");
  EXPECT_EQ(Where("title != 'x'", kAda, Dialect::kPostgres), "\"title\" IS DISTINCT FROM $1 <- 'x'");
  EXPECT_EQ(Where("title == createdBy", kAda, Dialect::kPostgres), "\"title\" IS NOT DISTINCT FROM \"createdBy\"");
}

TEST(ToSql, NegatesByDeMorgan) {
  EXPECT_EQ(Where("!(done && points < 3)"), "(NOT \"done\" OR \"points\" >= ?) <- 3");
  EXPECT_EQ(Where("!(done || !open)"), "(NOT \"done\" AND \"open\")");
  EXPECT_EQ(Where("!(title == 'x')"), "\"title\" IS NOT ? <- 'x'");
}

TEST(ToSql, Membership) {
  EXPECT_EQ(Where("title in ['a', 'b']"), "\"title\" IN (?, ?) <- 'a', 'b'");
  EXPECT_EQ(Where("!(title in ['a'])"), "(\"title\" NOT IN (?) OR \"title\" IS NULL) <- 'a'");
  EXPECT_EQ(Where("title in ['a', null]"), "(\"title\" IN (?) OR \"title\" IS NULL) <- 'a'");
  EXPECT_EQ(Where("!(title in ['a', null])"), "\"title\" NOT IN (?) <- 'a'");
  EXPECT_EQ(Where("title in [null]"), "\"title\" IS NULL");
}

TEST(ToSql, PostgresOrdersTextByBytesAndKeepsDoubles) {
  EXPECT_EQ(Where("title < 'b'", kAda, Dialect::kPostgres), "\"title\" COLLATE \"C\" < $1 COLLATE \"C\" <- 'b'");
  EXPECT_EQ(Where("points < 1.5", kAda, Dialect::kPostgres), "\"points\" < $1::double precision <- 1.500000");
}

TEST(ToSql, ValuesAreNeverInTheText) {
  const std::string sql = Where("title == \"'; DROP TABLE tasks; --\"");
  EXPECT_EQ(sql, "\"title\" = ? <- ''; DROP TABLE tasks; --'");
  const Compiled odd = Compile("x == 1", {{"x", Type::kInt}}, Type::kBool);
  EXPECT_EQ(ToSql(odd.rule, kAda, Dialect::kSqlite).text, "\"x\" = ?");
}

}  // namespace
}  // namespace flyball::expr
