// A rule becomes two kinds of SQL text:
//   - a condition that is true for exactly the rows for which the rule has a wanted truth value, so that `!` swaps the
//     wanted value (De Morgan) and a null never needs to be carried through a negation;
//   - a value, for comparisons of conditions with each other, where SQL's three-valued logic is the rule's own.
// What depends on `auth` alone is decided first.
#include "pkg/base/check.h"
#include "pkg/expr/detail/node.h"

namespace flyball::expr {
namespace {

// A condition while it is built: decided, or text.
struct Condition {
  enum class State { kAlways, kNever, kText } state = State::kText;
  std::string text;
};
Condition Decided(bool truth) { return {truth ? Condition::State::kAlways : Condition::State::kNever, {}}; }
Condition Text(std::string text) { return {Condition::State::kText, std::move(text)}; }

std::string_view Spelling(NodeKind kind) {
  switch (kind) {
    case NodeKind::kLt:
      return " < ";
    case NodeKind::kLe:
      return " <= ";
    case NodeKind::kGt:
      return " > ";
    default:
      return " >= ";
  }
}

NodeKind Opposite(NodeKind kind) {
  switch (kind) {
    case NodeKind::kEq:
      return NodeKind::kNe;
    case NodeKind::kNe:
      return NodeKind::kEq;
    case NodeKind::kLt:
      return NodeKind::kGe;
    case NodeKind::kLe:
      return NodeKind::kGt;
    case NodeKind::kGt:
      return NodeKind::kLe;
    default:
      return NodeKind::kLt;
  }
}

class SqlWriter {
 public:
  SqlWriter(const Auth& auth, Dialect dialect, int first) : auth_(auth), dialect_(dialect), next_(first) {}

  // True for exactly the rows for which `node` is `wanted`.
  Condition Where(const Node& node, bool wanted) {
    if (!NamesField(node)) {
      const Value value = EvaluateNode(node, auth_, nullptr);
      const bool* truth = std::get_if<bool>(&value);
      return Decided(truth != nullptr && *truth == wanted);
    }
    if (ComparesUnknown(node, auth_)) return Decided(false);
    switch (node.kind) {
      case NodeKind::kNot:
        return Where(*node.operands[0], !wanted);
      case NodeKind::kAnd:
        return Chain(node, wanted, wanted);
      case NodeKind::kOr:
        return Chain(node, wanted, !wanted);
      case NodeKind::kIn:
        return In(node, wanted);
      case NodeKind::kField:
        return Text(wanted ? Column(node.field) : "NOT " + Column(node.field));
      default:
        return Text(Comparison(node, wanted ? node.kind : Opposite(node.kind)));
    }
  }

  std::vector<Value> TakeValues() { return std::move(values_); }

 private:
  // All operands must have the wanted truth, or (`all` false) one of them. An operand that is decided the other way
  // throws away what the others bound.
  Condition Chain(const Node& node, bool wanted, bool all) {
    const size_t bound = values_.size();
    const int first = next_;
    std::string text;
    for (const auto& operand : node.operands) {
      const Condition part = Where(*operand, wanted);
      if (part.state == (all ? Condition::State::kNever : Condition::State::kAlways)) {
        values_.resize(bound);
        next_ = first;
        return part;
      }
      if (part.state != Condition::State::kText) continue;
      if (!text.empty()) text += all ? " AND " : " OR ";
      text += part.text;
    }
    if (text.empty()) return Decided(all);
    return Text("(" + text + ")");
  }

  Condition In(const Node& node, bool wanted) {
    bool null_listed = false;
    const std::string column = Operand(*node.operands[0]);
    const std::string list = List(node, null_listed);
    if (list.empty()) return Text(column + (wanted ? " IS NULL" : " IS NOT NULL"));
    if (wanted) {
      const std::string in = column + " IN (" + list + ")";
      return Text(null_listed ? "(" + in + " OR " + column + " IS NULL)" : in);
    }
    const std::string in = column + " NOT IN (" + list + ")";
    return Text(null_listed ? in : "(" + in + " OR " + column + " IS NULL)");
  }

  std::string List(const Node& node, bool& null_listed) {
    std::string list;
    for (size_t i = 1; i < node.operands.size(); ++i) {
      if (IsNull(node.operands[i]->value)) {
        null_listed = true;
        continue;
      }
      if (!list.empty()) list += ", ";
      list += Bind(node.operands[i]->value);
    }
    return list;
  }

  // Both sides of `kind` as text; equality with a null that is known is IS NULL, with another known value plain `=`
  // (which an index serves in both databases), else the form that takes nulls as values.
  std::string Comparison(const Node& node, NodeKind kind) {
    const Node& left = *node.operands[0];
    const Node& right = *node.operands[1];
    const bool equality = kind == NodeKind::kEq || kind == NodeKind::kNe;
    if (!equality) {
      const std::string before = Collated(left);  // one after the other: placeholders are numbered in this order
      return before + std::string(Spelling(kind)) + Collated(right);
    }
    const bool left_known = !NamesField(left), right_known = !NamesField(right);
    if (left_known && IsNull(Known(left))) return Operand(right) + IsNullText(kind);
    if (right_known && IsNull(Known(right))) return Operand(left) + IsNullText(kind);
    const bool plain = kind == NodeKind::kEq && (left_known || right_known);
    const std::string before = Operand(left);
    return before + (plain ? " = " : Distinct(kind)) + Operand(right);
  }

  static std::string IsNullText(NodeKind kind) { return kind == NodeKind::kEq ? " IS NULL" : " IS NOT NULL"; }

  std::string Distinct(NodeKind kind) const {
    if (dialect_ == Dialect::kSqlite) return kind == NodeKind::kEq ? " IS " : " IS NOT ";
    return kind == NodeKind::kEq ? " IS NOT DISTINCT FROM " : " IS DISTINCT FROM ";
  }

  // Text is ordered by its bytes, whatever the database's locale; SQLite's default does that already.
  std::string Collated(const Node& node) {
    std::string text = Operand(node);
    if (dialect_ == Dialect::kPostgres && node.type == Type::kString) text += " COLLATE \"C\"";
    return text;
  }

  Value Known(const Node& node) const { return EvaluateNode(node, auth_, nullptr); }

  // The value of `node` as SQL, null where the rule's value is null.
  std::string Operand(const Node& node) {
    if (!NamesField(node)) {
      const Value value = Known(node);
      return IsNull(value) ? "NULL" : Bind(value);
    }
    if (ComparesUnknown(node, auth_)) return "NULL";
    switch (node.kind) {
      case NodeKind::kField:
        return Column(node.field);
      case NodeKind::kNot:
        return "(NOT " + Operand(*node.operands[0]) + ")";
      case NodeKind::kAnd:
        return Joined(node, " AND ");
      case NodeKind::kOr:
        return Joined(node, " OR ");
      case NodeKind::kIn:
        return InValue(node);
      case NodeKind::kEq:
      case NodeKind::kNe: {
        const std::string before = "(" + Operand(*node.operands[0]);
        return before + Distinct(node.kind) + Operand(*node.operands[1]) + ")";
      }
      default:
        return "(" + Comparison(node, node.kind) + ")";
    }
  }

  std::string Joined(const Node& node, std::string_view separator) {
    std::string text = "(";
    for (const auto& operand : node.operands) {
      if (text.size() > 1) text += separator;
      text += Operand(*operand);
    }
    return text + ")";
  }

  std::string InValue(const Node& node) {
    bool null_listed = false;
    const std::string column = Operand(*node.operands[0]);
    const std::string list = List(node, null_listed);
    if (list.empty()) return "(" + column + " IS NULL)";
    const std::string in = column + " IN (" + list + ")";
    return null_listed ? "(" + column + " IS NULL OR " + in + ")" : "(" + column + " IS NOT NULL AND " + in + ")";
  }

  static std::string Column(const std::string& name) {
    std::string quoted = "\"";
    for (const char c : name) quoted.append(c == '"' ? 2 : 1, c);
    return quoted + "\"";
  }

  // PostgreSQL infers a parameter's type from the other side, which would cut a double beside an integer column.
  std::string Bind(const Value& value) {
    values_.push_back(value);
    if (dialect_ == Dialect::kSqlite) return "?";
    std::string text = "$" + std::to_string(next_++);
    if (std::holds_alternative<double>(value)) text += "::double precision";
    return text;
  }

  const Auth& auth_;
  const Dialect dialect_;
  int next_;
  std::vector<Value> values_;
};

}  // namespace

Sql ToSql(const Rule& rule, const Auth& auth, Dialect dialect, int first_placeholder) {
  Check(rule.type() == Type::kBool || rule.root() == nullptr, "only a condition can stand in WHERE");
  SqlWriter writer(auth, dialect, first_placeholder);
  const Condition condition = rule.root() == nullptr ? Decided(false) : writer.Where(*rule.root(), true);
  Sql sql;
  sql.always = condition.state == Condition::State::kAlways;
  sql.never = condition.state == Condition::State::kNever;
  sql.text = sql.always ? "1=1" : (sql.never ? "1=0" : condition.text);
  if (condition.state == Condition::State::kText) sql.values = writer.TakeValues();
  return sql;
}

}  // namespace flyball::expr
