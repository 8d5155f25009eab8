// The promise behind every list: the rows SQL returns are the rows the rule allows. Random typed rules are run against
// random rows both ways, in a real SQLite.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <cstdio>
#include <memory>
#include <random>
#include <set>

#include "pkg/base/random.h"
#include "pkg/expr/expr.h"

namespace flyball::expr {
namespace {

struct ColumnOfTest {
  const char* name;
  Type type;
  const char* sql;
};
constexpr ColumnOfTest kColumns[] = {{"s", Type::kString, "TEXT"},     {"t", Type::kString, "TEXT"},
                                     {"i", Type::kInt, "INTEGER"},     {"j", Type::kInt, "INTEGER"},
                                     {"d", Type::kDouble, "REAL"},     {"e", Type::kDouble, "REAL"},
                                     {"b", Type::kBool, "INTEGER"},    {"c", Type::kBool, "INTEGER"},
                                     {"at", Type::kTimestamp, "TEXT"}, {"until", Type::kTimestamp, "TEXT"}};

Schema TestSchema() {
  Schema schema;
  for (const ColumnOfTest& column : kColumns) schema.push_back({column.name, column.type});
  return schema;
}

template <size_t N>
std::string OneOf(Random& random, const char* const (&choices)[N]) {
  return choices[random.Below(N)];
}

// Few values of each type, so that equality is often true.
Value RandomValue(Random& random, Type type) {
  static const char* const kTexts[] = {"", "a", "B", "ada", "\xC3\xA9", "it's", "%"};
  static const char* const kTimes[] = {"2026-01-01T00:00:00.000Z", "2026-06-01T12:00:00.500Z"};
  static constexpr int64_t kInts[] = {0, 1, -1, 3, 9007199254740993, INT64_MAX, INT64_MIN};
  static constexpr double kDoubles[] = {0.0, 1.0, -1.5, 3.0, 9007199254740992.0, 9223372036854775808.0};
  if (random.Below(4) == 0) return {};
  switch (type) {
    case Type::kBool:
      return random.Below(2) == 0;
    case Type::kInt:
      return kInts[random.Below(std::size(kInts))];
    case Type::kDouble:
      return kDoubles[random.Below(std::size(kDoubles))];
    case Type::kTimestamp:
      return OneOf(random, kTimes);
    default:
      return OneOf(random, kTexts);
  }
}

// Writes rules that type-check, by type.
class RuleWriter {
 public:
  explicit RuleWriter(Random& random) : random_(random) {}

  std::string Condition(int depth) {
    switch (random_.Below(depth <= 0 ? 4 : 9)) {
      case 0:
        return Equality(Scalar(), depth);
      case 1:
        return Order();
      case 2:
        return In();
      case 3:
        return Leaf(Type::kBool);
      case 4:
        return "(" + Condition(depth - 1) + " && " + Condition(depth - 1) + ")";
      case 5:
        return "(" + Condition(depth - 1) + " || " + Condition(depth - 1) + " || " + Condition(depth - 1) + ")";
      case 6:
        return "!(" + Condition(depth - 1) + ")";
      case 7:
        return "(" + Condition(depth - 1) + ") " + Pick("==", "!=") + " (" + Condition(depth - 1) + ")";
      default:
        return "(" + Condition(depth - 1) + ") " + Pick("==", "!=") + " " + Pick("null", "true");
    }
  }

 private:
  std::string Pick(const char* a, const char* b) { return random_.Below(2) == 0 ? a : b; }

  Type Scalar() {
    static constexpr Type kTypes[] = {Type::kString, Type::kInt, Type::kDouble, Type::kTimestamp, Type::kBool};
    return kTypes[random_.Below(std::size(kTypes))];
  }

  std::string Field(Type type) {
    std::vector<std::string> names;
    for (const ColumnOfTest& column : kColumns)
      if (column.type == type) names.push_back(column.name);
    return names[random_.Below(names.size())];
  }

  std::string Literal(Type type) {
    static const char* const kTexts[] = {"''", "'a'", "\"B\"", "'ada'", "'\\u00e9'", "\"it's\"", "'%'"};
    static const char* const kTimes[] = {"'2026-01-01T00:00:00Z'", "'2026-06-01T14:00:00.5+02:00'"};
    static const char* const kInts[] = {"0", "1", "-1", "3", "9007199254740993", "9223372036854775807"};
    static const char* const kDoubles[] = {"0.0", "1.0", "-1.5", "3e0", "9007199254740992.0", "1.5"};
    switch (type) {
      case Type::kBool:
        return Pick("true", "false");
      case Type::kInt:
        return OneOf(random_, kInts);
      case Type::kDouble:
        return OneOf(random_, kDoubles);
      case Type::kTimestamp:
        return OneOf(random_, kTimes);
      default:
        return OneOf(random_, kTexts);
    }
  }

  std::string Leaf(Type type) {
    if (type == Type::kString && random_.Below(4) == 0) return Pick("auth.id", "auth.role");
    return random_.Below(4) == 0 ? Literal(type) : Field(type);
  }

  // Numbers mix.
  Type Partner(Type type) {
    if (type == Type::kInt || type == Type::kDouble) return random_.Below(2) == 0 ? Type::kInt : Type::kDouble;
    return type;
  }

  // Two literals of a time are two strings, so one side is a field.
  std::string Side(Type type) { return type == Type::kTimestamp ? Field(type) : Leaf(type); }

  std::string Equality(Type type, int) {
    const std::string right = random_.Below(5) == 0 ? "null" : Leaf(Partner(type));
    return Side(type) + " " + Pick("==", "!=") + " " + right;
  }

  std::string Order() {
    static const char* const kOps[] = {"<", "<=", ">", ">="};
    Type type = Scalar();
    if (type == Type::kBool) type = Type::kInt;
    return Side(type) + " " + OneOf(random_, kOps) + " " + Leaf(Partner(type));
  }

  std::string In() {
    const Type type = Scalar();
    std::string list;
    for (uint64_t n = 1 + random_.Below(3); n > 0; --n)
      list += (list.empty() ? "" : ", ") + (random_.Below(6) == 0 ? "null" : Literal(Partner(type)));
    return Side(type) + " in [" + list + "]";
  }

  Random& random_;
};

class TestRow final : public Row {
 public:
  Value Field(std::string_view name) const override {
    for (size_t i = 0; i < std::size(kColumns); ++i)
      if (name == kColumns[i].name) return values[i];
    return {};
  }
  std::vector<Value> values;
};

void Bind(sqlite3_stmt* statement, int at, const Value& value) {
  if (const bool* truth = std::get_if<bool>(&value)) {
    sqlite3_bind_int64(statement, at, *truth);
  } else if (const int64_t* integer = std::get_if<int64_t>(&value)) {
    sqlite3_bind_int64(statement, at, *integer);
  } else if (const double* real = std::get_if<double>(&value)) {
    sqlite3_bind_double(statement, at, *real);
  } else if (const std::string* text = std::get_if<std::string>(&value)) {
    sqlite3_bind_text(statement, at, text->data(), static_cast<int>(text->size()), SQLITE_TRANSIENT);
  } else {
    sqlite3_bind_null(statement, at);
  }
}

class Database {
 public:
  Database() {
    sqlite3* opened = nullptr;
    EXPECT_EQ(sqlite3_open(":memory:", &opened), SQLITE_OK);
    db_.reset(opened);
    std::string create = "CREATE TABLE rows (nr INTEGER PRIMARY KEY";
    for (const ColumnOfTest& column : kColumns) create += ", \"" + std::string(column.name) + "\" " + column.sql;
    EXPECT_EQ(sqlite3_exec(opened, (create + ") STRICT").c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
  }

  void Insert(int64_t nr, const TestRow& row) {
    std::string insert = "INSERT INTO rows VALUES (" + std::to_string(nr);
    for (size_t i = 0; i < row.values.size(); ++i) insert += ", ?";
    Run(insert + ")", row.values);
  }

  std::set<int64_t> Matching(const Sql& sql) { return Run("SELECT nr FROM rows WHERE " + sql.text, sql.values); }

 private:
  std::set<int64_t> Run(const std::string& text, const std::vector<Value>& values) {
    sqlite3_stmt* statement = nullptr;
    EXPECT_EQ(sqlite3_prepare_v2(db_.get(), text.c_str(), -1, &statement, nullptr), SQLITE_OK)
        << sqlite3_errmsg(db_.get()) << " in " << text;
    EXPECT_EQ(sqlite3_bind_parameter_count(statement), static_cast<int>(values.size())) << text;
    for (size_t i = 0; i < values.size(); ++i) Bind(statement, static_cast<int>(i) + 1, values[i]);
    std::set<int64_t> found;
    int step = SQLITE_ROW;
    while ((step = sqlite3_step(statement)) == SQLITE_ROW) found.insert(sqlite3_column_int64(statement, 0));
    EXPECT_EQ(step, SQLITE_DONE) << sqlite3_errmsg(db_.get());
    sqlite3_finalize(statement);
    return found;
  }

  struct Close {
    void operator()(sqlite3* db) const { sqlite3_close(db); }
  };
  std::unique_ptr<sqlite3, Close> db_;
};

TEST(Agreement, SqlReturnsExactlyTheAllowedRows) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  Random random(seed);
  Database database;
  std::vector<TestRow> rows(60);
  for (size_t nr = 0; nr < rows.size(); ++nr) {
    for (const ColumnOfTest& column : kColumns) rows[nr].values.push_back(RandomValue(random, column.type));
    database.Insert(static_cast<int64_t>(nr), rows[nr]);
  }
  const Auth auths[] = {{}, {std::string("ada"), std::string("a")}, {std::string("B"), Value{}}};
  size_t decided = 0, some = 0;
  for (int i = 0; i < 4000; ++i) {
    const std::string text = RuleWriter(random).Condition(static_cast<int>(random.Below(4)));
    const Compiled compiled = Compile(text, TestSchema(), Type::kBool);
    ASSERT_TRUE(compiled.ok()) << text << "\n" << compiled.problems[0].message;
    for (const Auth& auth : auths) {
      const Sql sql = ToSql(compiled.rule, auth, Dialect::kSqlite);
      std::set<int64_t> allowed;
      for (size_t nr = 0; nr < rows.size(); ++nr)
        if (Allows(compiled.rule, auth, &rows[nr])) allowed.insert(static_cast<int64_t>(nr));
      ASSERT_EQ(database.Matching(sql), allowed) << text << "\n" << sql.text;
      decided += sql.always || sql.never;
      some += !allowed.empty() && allowed.size() < rows.size();
    }
  }
  EXPECT_GT(some, 4000u);  // the rules drawn do tell rows apart
  EXPECT_GT(decided, 100u);
}

// The deepest and widest rules that compile are also within SQLite's own bounds.
TEST(Agreement, TheLargestRulesRun) {
  Database database;
  std::string wide = "b";
  for (int i = 1; i < kMaxRuleTerms; ++i) wide += "&&b";
  const std::string deep = std::string(kMaxRuleDepth - 1, '!') + "b";
  for (const std::string& text : {wide, deep}) {
    const Compiled compiled = Compile(text, TestSchema(), Type::kBool);
    ASSERT_TRUE(compiled.ok());
    EXPECT_TRUE(database.Matching(ToSql(compiled.rule, {}, Dialect::kSqlite)).empty());
  }
}

}  // namespace
}  // namespace flyball::expr
