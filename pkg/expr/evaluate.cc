#include <cmath>

#include "pkg/base/check.h"
#include "pkg/expr/detail/node.h"

namespace flyball::expr {
namespace {

int Sign(auto a, auto b) { return a < b ? -1 : (b < a ? 1 : 0); }

// Exact: a double is never rounded to an integer or the other way round, as SQLite does it.
int CompareExactly(int64_t integer, double real) {
  if (real >= 0x1p63) return -1;
  if (real < -0x1p63) return 1;
  const double whole = std::trunc(real);
  const int order = Sign(integer, static_cast<int64_t>(whole));
  return order != 0 ? order : Sign(0.0, real - whole);
}

// A row may hold what its schema does not say (an old table, a broken import): such a value is null to a rule.
bool Fits(const Value& value, Type type) {
  switch (type) {
    case Type::kBool:
      return std::holds_alternative<bool>(value);
    case Type::kInt:
      return std::holds_alternative<int64_t>(value);
    case Type::kDouble: {
      const double* real = std::get_if<double>(&value);
      return real != nullptr ? !std::isnan(*real) : std::holds_alternative<int64_t>(value);
    }
    case Type::kString:
    case Type::kTimestamp:
      return std::holds_alternative<std::string>(value);
    case Type::kNull:
      return false;
  }
  return false;
}

// Walks the tree without copying literals or what `auth` holds; only a row's values and results live in scratch.
class Evaluation {
 public:
  Evaluation(const Auth& auth, const Row* row) : auth_(auth), row_(row) {}

  const Value& Of(const Node& node, Value& scratch) const {
    switch (node.kind) {
      case NodeKind::kLiteral:
        return node.value;
      case NodeKind::kAuthId:
        return Text(auth_.id, scratch);
      case NodeKind::kAuthRole:
        return Text(auth_.role, scratch);
      case NodeKind::kField:
        Check(row_ != nullptr, "a rule that names fields was evaluated without a row");
        scratch = row_->Field(node.field);
        if (!Fits(scratch, node.type)) scratch = Value{};
        return scratch;
      case NodeKind::kNot:
        return Negated(Of(*node.operands[0], scratch), scratch);
      case NodeKind::kAnd:
        return Chain(node, false, scratch);
      case NodeKind::kOr:
        return Chain(node, true, scratch);
      case NodeKind::kIn:
        return In(node, scratch);
      default:
        return Comparison(node, scratch);
    }
  }

 private:
  static const Value& Text(const Value& value, Value& scratch) {
    if (std::holds_alternative<std::string>(value)) return value;
    return scratch = Value{};
  }

  static const Value& Negated(const Value& value, Value& scratch) {
    if (const bool* truth = std::get_if<bool>(&value)) return scratch = !*truth;
    return scratch = Value{};
  }

  // && (decider false) and || (decider true): the decider wins, then null, then the other.
  const Value& Chain(const Node& node, bool decider, Value& scratch) const {
    bool unknown = false;
    for (const auto& operand : node.operands) {
      const bool* truth = std::get_if<bool>(&Of(*operand, scratch));
      if (truth == nullptr)
        unknown = true;
      else if (*truth == decider)
        return scratch = decider;
    }
    if (unknown) return scratch = Value{};
    return scratch = !decider;
  }

  const Value& In(const Node& node, Value& scratch) const {
    Value held;
    const Value& value = Of(*node.operands[0], held);
    for (size_t i = 1; i < node.operands.size(); ++i)
      if (Same(value, node.operands[i]->value)) return scratch = true;
    return scratch = false;
  }

  const Value& Comparison(const Node& node, Value& scratch) const {
    if (ComparesUnknown(node, auth_)) return scratch = Value{};
    Value held;
    const Value& left = Of(*node.operands[0], held);
    const Value& right = Of(*node.operands[1], scratch);
    if (node.kind == NodeKind::kEq) return scratch = Same(left, right);
    if (node.kind == NodeKind::kNe) return scratch = !Same(left, right);
    const Ordering ordering = Compare(left, right);
    if (!ordering.comparable) return scratch = Value{};
    return scratch = Holds(node.kind, ordering.order);
  }

  static bool Same(const Value& a, const Value& b) {
    if (IsNull(a) || IsNull(b)) return IsNull(a) && IsNull(b);
    const Ordering ordering = Compare(a, b);
    return ordering.comparable && ordering.order == 0;
  }

  const Auth& auth_;
  const Row* row_;
};

}  // namespace

bool Holds(NodeKind comparison, int order) {
  switch (comparison) {
    case NodeKind::kEq:
      return order == 0;
    case NodeKind::kNe:
      return order != 0;
    case NodeKind::kLt:
      return order < 0;
    case NodeKind::kLe:
      return order <= 0;
    case NodeKind::kGt:
      return order > 0;
    case NodeKind::kGe:
      return order >= 0;
    default:
      return false;
  }
}

bool ComparesUnknown(const Node& node, const Auth& auth) {
  if (node.kind != NodeKind::kEq && node.kind != NodeKind::kNe) return false;
  auto unknown = [&](const Node& side) {
    if (side.kind == NodeKind::kAuthId) return !std::holds_alternative<std::string>(auth.id);
    return side.kind == NodeKind::kAuthRole && !std::holds_alternative<std::string>(auth.role);
  };
  const Node &left = *node.operands[0], &right = *node.operands[1];
  return (unknown(left) && right.type != Type::kNull) || (unknown(right) && left.type != Type::kNull);
}

Ordering Compare(const Value& a, const Value& b) {
  const int64_t* a_int = std::get_if<int64_t>(&a);
  const int64_t* b_int = std::get_if<int64_t>(&b);
  if (const double* real = std::get_if<double>(&b); real != nullptr && a_int != nullptr)
    return {true, CompareExactly(*a_int, *real)};
  if (const double* real = std::get_if<double>(&a); real != nullptr && b_int != nullptr)
    return {true, -CompareExactly(*b_int, *real)};
  if (a.index() != b.index() || IsNull(a)) return {};
  if (a_int != nullptr) return {true, Sign(*a_int, *b_int)};
  if (const bool* truth = std::get_if<bool>(&a)) return {true, Sign(*truth, std::get<bool>(b))};
  if (const double* real = std::get_if<double>(&a)) return {true, Sign(*real, std::get<double>(b))};
  return {true, Sign(std::get<std::string>(a).compare(std::get<std::string>(b)), 0)};
}

Value EvaluateNode(const Node& node, const Auth& auth, const Row* row) {
  Value scratch;
  const Value& value = Evaluation(auth, row).Of(node, scratch);
  if (&value == &scratch) return scratch;
  return value;
}

Value Evaluate(const Rule& rule, const Auth& auth, const Row* row) {
  return rule.root() == nullptr ? Value{} : EvaluateNode(*rule.root(), auth, row);
}

bool Allows(const Rule& rule, const Auth& auth, const Row* row) {
  if (rule.root() == nullptr) return false;
  Value scratch;
  const bool* truth = std::get_if<bool>(&Evaluation(auth, row).Of(*rule.root(), scratch));
  return truth != nullptr && *truth;
}

}  // namespace flyball::expr
