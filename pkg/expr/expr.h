// The rule language: a typed subset of CEL. A rule is compiled once, when the document loads, then evaluated against a
// row or translated into a SQL condition; both must agree on every row (a property test compares them).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/base/result.h"
#include "pkg/base/value.h"

namespace flyball::expr {

// kNull is the type of the literal null only; it compares with every type.
enum class Type { kNull, kBool, kInt, kDouble, kString, kTimestamp };
std::string_view Name(Type type);

// What a rule may name. Fields are the columns of the row at hand; `auth.id` (string) and `auth.role` (string) are
// always there and are null for an anonymous request. An entry named "auth.role" lists the roles that exist.
struct FieldType {
  std::string name;
  Type type;
  std::vector<std::string> values = {};  // the only texts it can hold (an enum), so that others are a problem; or empty
};
using Schema = std::vector<FieldType>;

// Where in the rule's text a problem is, so that the document reader can add file, line and column.
struct Problem {
  size_t offset = 0;  // bytes from the start of the rule
  size_t length = 1;
  std::string message;  // what is wrong and what would be right: "unknown field 'createdby'; did you mean 'createdBy'?"
};

class Node;  // the typed tree, in detail/

// A compiled rule. Immutable, cheap to copy, thread-safe.
class Rule {
 public:
  Rule();  // evaluates to null, so as an access rule it denies
  ~Rule();
  Rule(const Rule&);
  Rule& operator=(const Rule&);
  Rule(Rule&&) noexcept;
  Rule& operator=(Rule&&) noexcept;

  // The text it was compiled from.
  const std::string& text() const;
  Type type() const;
  // True when no field of the row is named: the answer depends on `auth` alone and needs no row.
  bool row_free() const;
  const Node* root() const;

 private:
  friend struct Compiler;
  std::string text_;
  std::shared_ptr<const Node> root_;
};

// Bounds on a rule's text; past them compilation fails with one problem.
inline constexpr size_t kMaxRuleBytes = 4096;
inline constexpr int kMaxRuleDepth = 50;
inline constexpr int kMaxRuleTerms = 256;  // literals, names, `!` and parentheses, list elements not counted

// Lexes, parses and type-checks `text`. `wanted` is the type the place needs (kBool for access). On failure `problems`
// holds at least one entry, in text order.
struct Compiled {
  Rule rule;
  std::vector<Problem> problems;
  bool ok() const { return problems.empty(); }
};
Compiled Compile(std::string_view text, const Schema& schema, Type wanted);

// Who asks. An absent id is an anonymous request.
struct Auth {
  Value id;    // null or string
  Value role;  // null or string
};

// The row a rule sees: `Field` returns the value by the name used in the Schema.
class Row {
 public:
  virtual ~Row() = default;
  virtual Value Field(std::string_view name) const = 0;
};

// Evaluates. Equality with null follows CEL (null == null is true, null == 'x' is false, null != 'x' is true), with one
// exception that keeps strangers out: an auth.id or auth.role that is null equals only the literal null, and compared
// with anything else gives null - so `createdBy == auth.id` never shows an anonymous request the rows nobody owns.
// `< <= > >=` with a null give null; `x in [..]` is x == each. A null operand of `&& || !` makes the result null unless
// the other side decides it. Text is ordered by its bytes, numbers by their exact value. A value that is not of the
// field's type counts as null. `row` may be null when rule.row_free().
Value Evaluate(const Rule& rule, const Auth& auth, const Row* row);

// Access decision: true only when the rule evaluates to exactly true. Null or unknown denies.
bool Allows(const Rule& rule, const Auth& auth, const Row* row);

// A condition for WHERE, true for exactly the rows for which Allows() is true. Everything that depends only on `auth`
// is decided before, so `auth.role == 'admin' || createdBy == auth.id` becomes `1` for an admin. Values are always
// bound, in order of appearance; column names are quoted by `dialect`. Text columns must compare by bytes (SQLite's
// BINARY, the default), booleans be 0 and 1 in SQLite. The text can stand beside AND without parentheses.
struct Sql {
  std::string text;  // never empty; "1=1" or "1=0" when decided
  std::vector<Value> values;
  bool always = false;  // decided true: no condition needed
  bool never = false;   // decided false: no row can match
};
enum class Dialect { kSqlite, kPostgres };  // placeholders: ?, or $n starting at `first_placeholder`
Sql ToSql(const Rule& rule, const Auth& auth, Dialect dialect, int first_placeholder = 1);

}  // namespace flyball::expr
