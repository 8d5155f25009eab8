#include "pkg/expr/detail/node.h"

namespace flyball::expr {

Rule::Rule() = default;
Rule::~Rule() = default;
Rule::Rule(const Rule&) = default;
Rule& Rule::operator=(const Rule&) = default;
Rule::Rule(Rule&&) noexcept = default;
Rule& Rule::operator=(Rule&&) noexcept = default;

const std::string& Rule::text() const { return text_; }
Type Rule::type() const { return root_ == nullptr ? Type::kNull : root_->type; }
bool Rule::row_free() const { return root_ == nullptr || !NamesField(*root_); }
const Node* Rule::root() const { return root_.get(); }

bool NamesField(const Node& node) {
  if (node.kind == NodeKind::kField) return true;
  for (const auto& operand : node.operands)
    if (NamesField(*operand)) return true;
  return false;
}

}  // namespace flyball::expr
