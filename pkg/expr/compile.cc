// Recursive descent, typed while it is built. A part that is wrong becomes a null node after its problem was reported;
// what contains it is not judged again, the rest is, so that one pass finds every problem.
//
//   or      = and { "||" and }
//   and     = compare { "&&" compare }
//   compare = unary [ ( "==" | "!=" | "<" | "<=" | ">" | ">=" ) unary | "in" "[" literal { "," literal } "]" ]
//   unary   = "!" unary | "(" or ")" | literal | field | "auth.id" | "auth.role"
#include <algorithm>

#include "pkg/base/check.h"
#include "pkg/base/nearest.h"
#include "pkg/base/time_format.h"
#include "pkg/expr/detail/lexer.h"
#include "pkg/expr/detail/node.h"

namespace flyball::expr {
namespace {

using NodePtr = std::unique_ptr<Node>;

std::string_view Spelling(NodeKind kind) {
  switch (kind) {
    case NodeKind::kEq:
      return "==";
    case NodeKind::kNe:
      return "!=";
    case NodeKind::kLt:
      return "<";
    case NodeKind::kLe:
      return "<=";
    case NodeKind::kGt:
      return ">";
    case NodeKind::kGe:
      return ">=";
    case NodeKind::kAnd:
      return "&&";
    case NodeKind::kOr:
      return "||";
    case NodeKind::kNot:
      return "!";
    default:
      return "in";
  }
}

bool IsComparison(TokenKind kind, NodeKind& node) {
  switch (kind) {
    case TokenKind::kEq:
      node = NodeKind::kEq;
      return true;
    case TokenKind::kNe:
      node = NodeKind::kNe;
      return true;
    case TokenKind::kLt:
      node = NodeKind::kLt;
      return true;
    case TokenKind::kLe:
      node = NodeKind::kLe;
      return true;
    case TokenKind::kGt:
      node = NodeKind::kGt;
      return true;
    case TokenKind::kGe:
      node = NodeKind::kGe;
      return true;
    case TokenKind::kIn:
      node = NodeKind::kIn;
      return true;
    default:
      return false;
  }
}

bool IsNumber(Type type) { return type == Type::kInt || type == Type::kDouble; }
bool IsOrder(NodeKind kind) { return kind >= NodeKind::kLt && kind <= NodeKind::kGe; }

Type TypeOf(const Value& value) {
  static constexpr Type kTypes[] = {Type::kNull, Type::kBool, Type::kInt, Type::kDouble, Type::kString};
  return kTypes[value.index()];
}

// At most 40 bytes of it, never cut inside a character.
std::string Shown(std::string_view written) {
  if (written.size() <= 40) return std::string(written);
  size_t cut = 40;
  while (cut > 0 && (static_cast<unsigned char>(written[cut]) & 0xC0) == 0x80) --cut;
  return std::string(written.substr(0, cut)) + "...";
}

std::string Listed(const std::vector<std::string>& values) {
  std::string list;
  for (size_t i = 0; i < values.size() && i < 10; ++i) list += (i == 0 ? "'" : ", '") + values[i] + "'";
  return values.size() > 10 ? list + ", ..." : list;
}

NodePtr Make(NodeKind kind, Type type, size_t offset, size_t length) {
  auto node = std::make_unique<Node>();
  node->kind = kind;
  node->type = type;
  node->offset = offset;
  node->length = length;
  return node;
}

}  // namespace

struct Compiler {
  std::string_view text;
  const Schema& schema;
  std::vector<Problem> problems;
  std::vector<Token> tokens;
  size_t at = 0;
  int depth = 0;
  int terms = 0;
  bool gave_up = false;  // a bound was passed; nothing after it is judged

  const Token& Peek() const { return tokens[at]; }
  bool Take(TokenKind kind) {
    if (Peek().kind != kind) return false;
    ++at;
    return true;
  }

  std::nullptr_t Report(size_t offset, size_t length, std::string message) {
    problems.push_back({offset, std::max<size_t>(length, 1), std::move(message)});
    return nullptr;
  }
  std::nullptr_t Report(const Node& node, std::string message) {
    return Report(node.offset, node.length, std::move(message));
  }

  // "field 'title' (string)", "3 (integer)"
  std::string Describe(const Node& node) const {
    if (node.kind == NodeKind::kField) return "field '" + node.field + "' (" + std::string(Name(node.type)) + ")";
    if (node.type == Type::kNull) return "null";
    return Shown(text.substr(node.offset, node.length)) + " (" + std::string(Name(node.type)) + ")";
  }

  const FieldType* FindType(std::string_view name) const {
    for (const FieldType& field : schema)
      if (field.name == name) return &field;
    return nullptr;
  }

  // Goes past what cannot be understood, to where a person would go on reading.
  void Skip() {
    int open = 0;
    for (;; ++at) {
      const TokenKind kind = Peek().kind;
      if (kind == TokenKind::kEnd) return;
      if (open == 0 && (kind == TokenKind::kAnd || kind == TokenKind::kOr || kind == TokenKind::kClose)) return;
      if (kind == TokenKind::kOpen) ++open;
      if (kind == TokenKind::kClose) --open;
    }
  }

  NodePtr Unexpected(std::string_view wanted) {
    ReportUnexpected(wanted);
    Skip();
    return nullptr;
  }

  void ReportUnexpected(std::string_view wanted) {
    const Token& token = Peek();
    if (token.kind == TokenKind::kEnd) {
      Report(text.size(), 1, "the rule ends too early; expected " + std::string(wanted));
    } else if (token.kind != TokenKind::kError) {
      Report(token.offset, token.length, "unexpected '" + Shown(token.text) + "'; expected " + std::string(wanted));
    }
  }

  NodePtr ParseChain(NodeKind kind, TokenKind separator) {
    auto next = [&] { return kind == NodeKind::kOr ? ParseChain(NodeKind::kAnd, TokenKind::kAnd) : ParseCompare(); };
    std::vector<NodePtr> operands;
    operands.push_back(next());
    while (Take(separator)) operands.push_back(next());
    if (operands.size() == 1) return std::move(operands.front());
    bool good = true;
    for (const NodePtr& operand : operands) good = CheckBool(operand.get(), kind) && good;
    if (!good) return nullptr;
    const size_t offset = operands.front()->offset;
    auto node = Make(kind, Type::kBool, offset, operands.back()->offset + operands.back()->length - offset);
    node->operands = std::move(operands);
    return node;
  }

  bool CheckBool(const Node* node, NodeKind user) {
    if (node == nullptr) return false;
    if (node->type == Type::kBool) return true;
    std::string message = "'" + std::string(Spelling(user)) + "' needs a condition, but this is " + Describe(*node);
    if (node->type != Type::kNull) message += "; compare it with something, as in " + Example(*node);
    Report(*node, std::move(message));
    return false;
  }

  std::string Example(const Node& node) const {
    const std::string written =
        node.kind == NodeKind::kField ? node.field : std::string(text.substr(node.offset, node.length));
    return node.kind == NodeKind::kLiteral ? "createdBy == auth.id" : written + " != null";
  }

  NodePtr ParseCompare() {
    NodePtr left = ParseUnary();
    NodeKind kind{};
    if (!IsComparison(Peek().kind, kind)) return left;
    const Token op = tokens[at++];
    if (kind == NodeKind::kIn) return ParseIn(std::move(left));
    NodePtr right = ParseUnary();
    NodeKind again{};
    if (IsComparison(Peek().kind, again)) {
      Report(Peek().offset, Peek().length,
             "comparisons do not chain; write a " + std::string(op.text) + " b && b " + std::string(Peek().text) +
                 " c, or use parentheses");
      Skip();
      return nullptr;
    }
    if (left == nullptr || right == nullptr) return nullptr;
    if (!CheckComparable(*left, *right, kind)) return nullptr;
    const size_t offset = left->offset;
    auto node = Make(kind, Type::kBool, offset, right->offset + right->length - offset);
    node->operands.push_back(std::move(left));
    node->operands.push_back(std::move(right));
    return node;
  }

  NodePtr ParseIn(NodePtr left) {
    if (left != nullptr && !left->operands.empty()) {
      Report(*left, "the left side of 'in' must be a field, auth.id or auth.role");
      left = nullptr;
    }
    const Token open = Peek();
    if (!Take(TokenKind::kOpenList)) return Unexpected("a list of literals such as ['a', 'b'] after 'in'");
    std::vector<NodePtr> elements;
    bool good = left != nullptr;
    do {
      const Token element = Peek();
      if (!Take(TokenKind::kLiteral)) {
        if (element.kind == TokenKind::kCloseList && elements.empty())
          Report(open.offset, 2, "the list is empty, so nothing is ever in it; name at least one value");
        else
          ReportUnexpected("a literal; lists hold literals only, as in ['a', 'b']");
        while (Peek().kind != TokenKind::kEnd && Peek().kind != TokenKind::kCloseList) ++at;
        Take(TokenKind::kCloseList);
        return nullptr;
      }
      auto node = Make(NodeKind::kLiteral, TypeOf(element.value), element.offset, element.length);
      node->value = element.value;
      if (left != nullptr) good = CheckComparable(*left, *node, NodeKind::kIn) && good;
      elements.push_back(std::move(node));
    } while (Take(TokenKind::kComma));
    const Token close = Peek();
    if (!Take(TokenKind::kCloseList)) return Unexpected("',' or ']'");
    if (!good) return nullptr;
    auto node = Make(NodeKind::kIn, Type::kBool, left->offset, close.offset + 1 - left->offset);
    node->operands.push_back(std::move(left));
    for (NodePtr& element : elements) node->operands.push_back(std::move(element));
    return node;
  }

  NodePtr ParseUnary() {
    if (depth >= kMaxRuleDepth) return GiveUp("nested more than " + std::to_string(kMaxRuleDepth) + " deep");
    if (++terms > kMaxRuleTerms) return GiveUp("more than " + std::to_string(kMaxRuleTerms) + " operands in one rule");
    ++depth;
    NodePtr node = ParsePrimary();
    --depth;
    return node;
  }

  NodePtr GiveUp(std::string message) {
    if (!gave_up) Report(Peek().offset, 1, std::move(message));
    gave_up = true;
    at = tokens.size() - 1;
    return nullptr;
  }

  NodePtr ParsePrimary() {
    const Token token = Peek();
    switch (token.kind) {
      case TokenKind::kNot:
        return ++at, ParseNot(token);
      case TokenKind::kOpen:
        return ++at, ParseParenthesis(token);
      case TokenKind::kName:
        return ++at, ParseName(token);
      case TokenKind::kLiteral: {
        ++at;
        auto node = Make(NodeKind::kLiteral, TypeOf(token.value), token.offset, token.length);
        node->value = token.value;
        return node;
      }
      case TokenKind::kOpenList:
        Report(token.offset, token.length, "a list can stand only after 'in', as in auth.role in ['admin', 'user']");
        Skip();
        return nullptr;
      default:
        return Unexpected("a field, a literal or '('");
    }
  }

  NodePtr ParseNot(const Token& token) {
    NodePtr operand = ParseUnary();
    if (!CheckBool(operand.get(), NodeKind::kNot)) return nullptr;
    auto node = Make(NodeKind::kNot, Type::kBool, token.offset, operand->offset + operand->length - token.offset);
    node->operands.push_back(std::move(operand));
    return node;
  }

  NodePtr ParseParenthesis(const Token& open) {
    NodePtr node = ParseChain(NodeKind::kOr, TokenKind::kOr);
    const Token close = Peek();
    if (Take(TokenKind::kClose)) {
      if (node != nullptr) node->offset = open.offset, node->length = close.offset + 1 - open.offset;
      return node;
    }
    if (gave_up) return nullptr;
    if (close.kind == TokenKind::kEnd) return Report(open.offset, 1, "this '(' is not closed; add ')'");
    return Unexpected("')' or an operator");
  }

  NodePtr ParseName(const Token& name) {
    const std::string_view path = name.text;
    if (Peek().kind == TokenKind::kOpen) {
      Report(name.offset, name.length, "functions ('" + Shown(path) + "') are not built yet in this version");
      Skip();
      return nullptr;
    }
    if (path == "auth.id") return Make(NodeKind::kAuthId, Type::kString, name.offset, name.length);
    if (path == "auth.role") return Make(NodeKind::kAuthRole, Type::kString, name.offset, name.length);
    if (const FieldType* field = FindType(path); field != nullptr) {
      auto node = Make(NodeKind::kField, field->type, name.offset, name.length);
      node->field = field->name;
      return node;
    }
    return Report(name.offset, name.length, UnknownName(path));
  }

  std::string UnknownName(std::string_view path) const {
    const std::string shown = Shown(path);
    const std::string_view first = path.substr(0, path.find('.'));
    const bool dotted = first.size() != path.size();
    if (path == "auth") return "'auth' is not a value; write auth.id or auth.role";
    if (first == "auth") return "unknown '" + shown + "'; auth has auth.id and auth.role";
    if (first == "now" || first == "params" || first == "old" || first == "new")
      return "'" + std::string(first) + "' is not built yet in this version";
    if (dotted && FindType(first) != nullptr)
      return "a path through a reference ('" + shown + "') is not built yet in this version; use a field of this row";
    static constexpr std::pair<std::string_view, std::string_view> kWords[] = {
        {"True", "true"}, {"TRUE", "true"}, {"False", "false"}, {"FALSE", "false"},
        {"None", "null"}, {"nil", "null"},  {"NULL", "null"},   {"Null", "null"}};
    for (const auto& [wrong, right] : kWords)
      if (path == wrong) return "unknown field '" + shown + "'; write " + std::string(right);
    std::vector<std::string_view> known = {"auth.id", "auth.role"};
    for (const FieldType& field : schema) known.push_back(field.name);
    const std::string_view near = Nearest(path, known);
    if (!near.empty()) return "unknown field '" + shown + "'; did you mean '" + std::string(near) + "'?";
    return "unknown field '" + shown + "'; text is written in quotes, as in '" + shown + "'";
  }

  // Whether `a kind b` makes sense; reports when not. A string literal beside a timestamp becomes one.
  bool CheckComparable(Node& a, Node& b, NodeKind kind) {
    if (IsOrder(kind)) {
      for (const Node* side : {&a, &b}) {
        if (side->type != Type::kNull && side->type != Type::kBool) continue;
        Report(*side,
               "'" + std::string(Spelling(kind)) + "' needs numbers, text or times, but this is " + Describe(*side));
        return false;
      }
    }
    if (a.type == Type::kNull || b.type == Type::kNull) return true;
    if (a.type == Type::kTimestamp || b.type == Type::kTimestamp)
      if (!CoerceTime(a, b) || !CoerceTime(b, a)) return false;
    if (a.type != b.type && !(IsNumber(a.type) && IsNumber(b.type))) {
      Report(b, "cannot compare " + Describe(a) + " with " + Describe(b) + Advice(a, b));
      return false;
    }
    return CheckValue(a, b) && CheckValue(b, a);
  }

  static std::string Advice(const Node& a, const Node& b) {
    const auto* said = std::get_if<std::string>(&b.value);
    if (a.type == Type::kString && b.kind == NodeKind::kLiteral && b.type != Type::kString)
      return "; text is written in quotes";
    if (said != nullptr && b.kind == NodeKind::kLiteral && a.type != Type::kTimestamp && !said->empty())
      return "; write it without quotes";
    return "; both sides must have the same type";
  }

  // When `wanted` is a timestamp and `node` a string literal, makes it one, in UTC with milliseconds.
  bool CoerceTime(const Node& wanted, Node& node) {
    if (wanted.type != Type::kTimestamp || node.kind != NodeKind::kLiteral || node.type != Type::kString) return true;
    const Result<WallTime> time = ParseRfc3339(std::get<std::string>(node.value));
    if (!time) {
      Report(node, "a time is written like '2026-12-01T09:30:00Z'; " + time.error().message);
      return false;
    }
    node.value = FormatRfc3339(*time);
    node.type = Type::kTimestamp;
    return true;
  }

  // An enum field compared with a text it can never hold.
  bool CheckValue(const Node& side, const Node& literal) {
    const bool role = side.kind == NodeKind::kAuthRole;
    if (!role && side.kind != NodeKind::kField) return true;
    const FieldType* type = FindType(role ? "auth.role" : side.field);
    const auto* said = std::get_if<std::string>(&literal.value);
    if (type == nullptr || type->values.empty() || said == nullptr || literal.kind != NodeKind::kLiteral) return true;
    if (std::find(type->values.begin(), type->values.end(), *said) != type->values.end()) return true;
    std::string message = role ? "no role is named '" : "'" + side.field + "' is never '";
    message += Shown(*said) + "'";
    const std::string_view near = Nearest(*said, {type->values.begin(), type->values.end()});
    if (role && *said == "anonymous") {
      message += "; for a request without login write auth.role == null";
    } else if (!near.empty()) {
      message += "; did you mean '" + std::string(near) + "'?";
    } else {
      message += "; expected one of " + Listed(type->values);
    }
    Report(literal, std::move(message));
    return false;
  }

  NodePtr ParseRule() {
    NodePtr node = ParseChain(NodeKind::kOr, TokenKind::kOr);
    while (Peek().kind != TokenKind::kEnd && !gave_up) {
      const Token token = Peek();
      if (token.kind == TokenKind::kClose) {
        Report(token.offset, 1, "this ')' closes nothing");
        ++at;
      } else if (token.kind != TokenKind::kAnd && token.kind != TokenKind::kOr) {
        Unexpected("an operator such as && or ==, or the end of the rule");
      } else {
        ++at;
        ParseChain(NodeKind::kOr, TokenKind::kOr);
      }
    }
    return node;
  }

  void CheckWanted(Node& node, Type wanted) {
    Node place;
    place.type = wanted;
    if (!CoerceTime(place, node)) return;
    if (node.type == wanted || (wanted == Type::kDouble && node.type == Type::kInt)) return;
    std::string message = "this is " + Describe(node) + ", but " + std::string(Name(wanted)) + " is needed here";
    if (wanted == Type::kBool && node.type == Type::kNull)
      message = "null allows nobody; write false, or leave the rule out";
    else if (wanted == Type::kBool)
      message += "; compare it with something, as in " + Example(node);
    Report(node, std::move(message));
  }

  // Too long is one problem alone.
  Compiled Run(Type wanted) {
    Compiled result;
    if (text.size() > kMaxRuleBytes) {
      result.problems.push_back(
          {kMaxRuleBytes, 1, "the rule is longer than " + std::to_string(kMaxRuleBytes) + " bytes"});
      return result;
    }
    tokens = Lex(text, problems);
    NodePtr root;
    if (tokens.size() == 1)
      Report(0, 1, "the rule is empty; write a condition such as auth.id != null");
    else
      root = ParseRule();
    if (root != nullptr && problems.empty()) CheckWanted(*root, wanted);
    std::stable_sort(problems.begin(), problems.end(),
                     [](const Problem& a, const Problem& b) { return a.offset < b.offset; });
    result.problems = std::move(problems);
    if (!result.ok()) return result;
    Check(root != nullptr, "a rule without problems has a tree");
    result.rule.text_ = std::string(text);
    result.rule.root_ = std::move(root);
    return result;
  }
};

Compiled Compile(std::string_view text, const Schema& schema, Type wanted) {
  return Compiler{text, schema, {}, {}, 0, 0, 0, false}.Run(wanted);
}

std::string_view Name(Type type) {
  switch (type) {
    case Type::kNull:
      return "null";
    case Type::kBool:
      return "boolean";
    case Type::kInt:
      return "integer";
    case Type::kDouble:
      return "number";
    case Type::kString:
      return "string";
    case Type::kTimestamp:
      return "date-time";
  }
  return "?";
}

}  // namespace flyball::expr
