#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pkg/base/value.h"
#include "pkg/expr/expr.h"

namespace flyball::expr {

enum class TokenKind {
  kEnd,
  kError,    // a problem was reported already
  kLiteral,  // `value`
  kName,     // a path such as createdBy or auth.id: `text`
  kIn,
  kEq,
  kNe,
  kLt,
  kLe,
  kGt,
  kGe,
  kAnd,
  kOr,
  kNot,
  kOpen,
  kClose,
  kOpenList,
  kCloseList,
  kComma,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  size_t offset = 0, length = 0;
  std::string_view text;  // as written; borrowed from the rule's text
  Value value;            // kLiteral
};

// The tokens of `text` with kEnd last. What cannot be read becomes a problem and a kError token, and reading goes on
// after it. Never more than one token a byte.
std::vector<Token> Lex(std::string_view text, std::vector<Problem>& problems);

}  // namespace flyball::expr
