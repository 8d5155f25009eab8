// The typed tree behind a Rule, and the tokens it is parsed from. Inside this room only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "pkg/base/value.h"
#include "pkg/expr/expr.h"

namespace flyball::expr {

enum class NodeKind {
  kLiteral,
  kField,
  kAuthId,
  kAuthRole,
  kNot,
  kAnd,  // two or more operands
  kOr,   // two or more operands
  kEq,
  kNe,
  kLt,
  kLe,
  kGt,
  kGe,
  kIn,  // operand, then one kLiteral for each element of the list
};

// Children are never null once compilation succeeded, so whoever walks a compiled tree need not look.
class Node {
 public:
  NodeKind kind = NodeKind::kLiteral;
  Type type = Type::kNull;
  Value value;        // kLiteral
  std::string field;  // kField
  std::vector<std::unique_ptr<Node>> operands;
  size_t offset = 0, length = 1;  // where it stands in the text
};

// How the comparison answers when both sides are known: order is <0, 0 or >0. Only for kEq to kGe.
bool Holds(NodeKind comparison, int order);

// Three-way order of two non-null values of comparable types (numbers by their exact value, text by bytes, false
// before true). False in `comparable` when the types do not fit.
struct Ordering {
  bool comparable = false;
  int order = 0;
};
Ordering Compare(const Value& a, const Value& b);

// True for an == or != between something and an auth.id or auth.role that is null, unless that something is the literal
// null: who is unknown equals nobody and differs from nobody, so the comparison is null.
bool ComparesUnknown(const Node& node, const Auth& auth);

// Evaluates a node that names no field, with the same semantics as expr::Evaluate.
Value EvaluateNode(const Node& node, const Auth& auth, const Row* row);
bool NamesField(const Node& node);

}  // namespace flyball::expr
