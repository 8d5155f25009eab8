#include "pkg/expr/detail/lexer.h"

#include <charconv>
#include <cmath>

#include "pkg/base/utf8.h"

namespace flyball::expr {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsNameStart(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsNamePart(char c) { return IsNameStart(c) || IsDigit(c); }
bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

struct Operator {
  std::string_view text;
  TokenKind kind;
};
constexpr Operator kOperators[] = {
    {"==", TokenKind::kEq},       {"!=", TokenKind::kNe},   {"<=", TokenKind::kLe},   {">=", TokenKind::kGe},
    {"&&", TokenKind::kAnd},      {"||", TokenKind::kOr},   {"<", TokenKind::kLt},    {">", TokenKind::kGt},
    {"!", TokenKind::kNot},       {"(", TokenKind::kOpen},  {")", TokenKind::kClose}, {"[", TokenKind::kOpenList},
    {"]", TokenKind::kCloseList}, {",", TokenKind::kComma},
};

// Spellings from other languages, longest first, with what would be right and how to go on reading.
struct Foreign {
  std::string_view text;
  TokenKind kind;
  std::string_view message;
};
constexpr Foreign kForeign[] = {
    {"===", TokenKind::kEq, "'===' is not an operator; write '=='"},
    {"!==", TokenKind::kNe, "'!==' is not an operator; write '!='"},
    {"=>", TokenKind::kGe, "'=>' is not an operator; write '>='"},
    {"=<", TokenKind::kLe, "'=<' is not an operator; write '<='"},
    {"<>", TokenKind::kNe, "'<>' is not an operator; write '!='"},
};
constexpr Foreign kForeignShort[] = {
    {"=", TokenKind::kEq, "'=' is not an operator; write '==' to compare"},
    {"&", TokenKind::kAnd, "'&' is not an operator; write '&&'"},
    {"|", TokenKind::kOr, "'|' is not an operator; write '||'"},
};
constexpr Foreign kForeignWords[] = {
    {"and", TokenKind::kAnd, "'and' is not an operator; write '&&'"},
    {"or", TokenKind::kOr, "'or' is not an operator; write '||'"},
    {"not", TokenKind::kNot, "'not' is not an operator; write '!'"},
};

class Lexer {
 public:
  Lexer(std::string_view text, std::vector<Problem>& problems) : text_(text), problems_(problems) {}

  std::vector<Token> Run() {
    while (true) {
      while (at_ < text_.size() && IsSpace(text_[at_])) ++at_;
      if (at_ == text_.size()) break;
      Next();
    }
    tokens_.push_back({TokenKind::kEnd, text_.size(), 1, {}, {}});
    return std::move(tokens_);
  }

 private:
  void Next() {
    const char c = text_[at_];
    if (IsNameStart(c)) return Name();
    if (IsDigit(c)) return Number();
    if (c == '-' && at_ + 1 < text_.size() && IsDigit(text_[at_ + 1])) return Number();
    if (c == '\'' || c == '"') return String();
    Symbol();
  }

  bool Starts(std::string_view with) const { return text_.substr(at_).starts_with(with); }

  void Push(TokenKind kind, size_t length, Value value = {}) {
    tokens_.push_back({kind, at_, length, text_.substr(at_, length), std::move(value)});
    at_ += length;
  }

  void Report(size_t offset, size_t length, std::string message) {
    problems_.push_back({offset, length, std::move(message)});
  }

  template <size_t N>
  bool TakeForeign(const Foreign (&table)[N]) {
    for (const Foreign& foreign : table) {
      if (!Starts(foreign.text)) continue;
      Report(at_, foreign.text.size(), std::string(foreign.message));
      Push(foreign.kind, foreign.text.size());
      return true;
    }
    return false;
  }

  void Symbol() {
    if (TakeForeign(kForeign)) return;
    for (const Operator& op : kOperators)
      if (Starts(op.text)) return Push(op.kind, op.text.size());
    if (TakeForeign(kForeignShort)) return;
    const size_t length = Utf8Length(text_.substr(at_));
    const std::string shown(text_.substr(at_, length));
    if (length == 0 || static_cast<unsigned char>(text_[at_]) < 0x20) {
      Report(at_, 1, "unexpected byte; a rule is plain text");
    } else if (std::string_view("+-*/%").find(text_[at_]) != std::string_view::npos) {
      Report(at_, 1, "arithmetic ('" + shown + "') is not built yet in this version");
    } else if (text_[at_] == '.') {
      Report(at_, 1, "unexpected '.'; numbers begin with a digit (0.5) and paths with a name (auth.id)");
    } else {
      Report(at_, length, "unexpected '" + shown + "'; expected a field, a literal or an operator");
    }
    Push(TokenKind::kError, length == 0 ? 1 : length);
  }

  void Name() {
    size_t end = at_;
    while (end < text_.size() && IsNamePart(text_[end])) ++end;
    while (end + 1 < text_.size() && text_[end] == '.' && IsNameStart(text_[end + 1])) {
      ++end;
      while (end < text_.size() && IsNamePart(text_[end])) ++end;
    }
    const std::string_view word = text_.substr(at_, end - at_);
    if (word == "true" || word == "false") return Push(TokenKind::kLiteral, word.size(), word == "true");
    if (word == "null") return Push(TokenKind::kLiteral, word.size(), Value{});
    if (word == "in") return Push(TokenKind::kIn, word.size());
    for (const Foreign& foreign : kForeignWords) {
      if (word != foreign.text) continue;
      Report(at_, word.size(), std::string(foreign.message));
      return Push(foreign.kind, word.size());
    }
    Push(TokenKind::kName, word.size());
  }

  // The widest run that looks like one number, so that a bad one is one problem.
  size_t NumberEnd() const {
    size_t end = at_ + (text_[at_] == '-' ? 1 : 0);
    while (end < text_.size()) {
      const char c = text_[end];
      const bool sign = (c == '+' || c == '-') && (text_[end - 1] == 'e' || text_[end - 1] == 'E');
      if (!IsNamePart(c) && c != '.' && !sign) break;
      ++end;
    }
    return end;
  }

  // -? (0 | [1-9][0-9]*) ( '.' [0-9]+ )? ( [eE] [+-]? [0-9]+ )?
  static bool WellFormed(std::string_view number, bool& whole) {
    size_t i = number.starts_with('-') ? 1 : 0;
    auto digits = [&] {
      const size_t from = i;
      while (i < number.size() && IsDigit(number[i])) ++i;
      return i - from;
    };
    const size_t first = i;
    const size_t count = digits();
    if (count == 0 || (count > 1 && number[first] == '0')) return false;
    whole = true;
    if (i < number.size() && number[i] == '.') {
      whole = false, ++i;
      if (digits() == 0) return false;
    }
    if (i < number.size() && (number[i] == 'e' || number[i] == 'E')) {
      whole = false, ++i;
      if (i < number.size() && (number[i] == '+' || number[i] == '-')) ++i;
      if (digits() == 0) return false;
    }
    return i == number.size();
  }

  void Number() {
    const size_t end = NumberEnd();
    const std::string_view number = text_.substr(at_, end - at_);
    bool whole = false;
    if (!WellFormed(number, whole)) {
      Report(at_, number.size(), "'" + std::string(number.substr(0, 40)) + "' is not a number; write 12, -3 or 0.5");
      return Push(TokenKind::kError, number.size());
    }
    int64_t integer = 0;
    double real = 0;
    if (whole && std::from_chars(number.data(), number.data() + number.size(), integer).ec == std::errc())
      return Push(TokenKind::kLiteral, number.size(), integer);
    const auto read = std::from_chars(number.data(), number.data() + number.size(), real);
    if (whole || read.ec != std::errc() || !std::isfinite(real)) {
      Report(at_, number.size(),
             "the number is out of range; " +
                 std::string(whole ? "integers are -9223372036854775808 to 9223372036854775807"
                                   : "doubles are about 1e-308 to 1e308"));
      return Push(TokenKind::kError, number.size());
    }
    Push(TokenKind::kLiteral, number.size(), real);
  }

  // Four or eight hex digits at `i` as a Unicode scalar value.
  bool HexEscape(size_t i, size_t digits, std::string& out) const {
    if (i + digits > text_.size()) return false;
    uint32_t code = 0;
    const auto read = std::from_chars(text_.data() + i, text_.data() + i + digits, code, 16);
    if (read.ec != std::errc() || read.ptr != text_.data() + i + digits) return false;
    if (code == 0 || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return false;
    AppendUtf8(out, code);
    return true;
  }

  // Reads the escape whose backslash stands at `i`; returns its length, 0 after a problem.
  size_t Escape(size_t i, std::string& out) {
    static constexpr std::string_view kNames = "\\'\"`?nrtbfva", kMeanings = "\\'\"`?\n\r\t\b\f\v\a";
    const char c = i + 1 < text_.size() ? text_[i + 1] : ' ';
    if (const size_t at = kNames.find(c); at != std::string_view::npos) return out.push_back(kMeanings[at]), 2;
    if (c == 'u' && HexEscape(i + 2, 4, out)) return 6;
    if (c == 'U' && HexEscape(i + 2, 8, out)) return 10;
    Report(i, 2, R"(unknown escape; use \\ \' \" \n \r \t or \uXXXX (a Unicode character other than 0))");
    return 0;
  }

  void String() {
    const char quote = text_[at_];
    std::string value;
    bool good = true;
    size_t i = at_ + 1;
    while (i < text_.size() && text_[i] != quote) {
      if (text_[i] == '\\') {
        const size_t length = Escape(i, value);
        good = good && length != 0;
        i += length == 0 ? std::min<size_t>(2, text_.size() - i) : length;
        continue;
      }
      const size_t length = Utf8Length(text_.substr(i));
      if (length == 0 || text_[i] == '\0') {
        if (good) Report(i, 1, "the string holds a byte that is not text (UTF-8 without NUL)");
        good = false;
      }
      value.append(text_.substr(i, std::max<size_t>(length, 1)));
      i += std::max<size_t>(length, 1);
    }
    if (i == text_.size()) {
      Report(at_, i - at_, std::string("the string does not end; add a closing ") + quote);
      return Push(TokenKind::kError, i - at_);
    }
    const size_t length = i + 1 - at_;
    good ? Push(TokenKind::kLiteral, length, std::move(value)) : Push(TokenKind::kError, length);
  }

  std::string_view text_;
  std::vector<Problem>& problems_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
};

}  // namespace

std::vector<Token> Lex(std::string_view text, std::vector<Problem>& problems) { return Lexer(text, problems).Run(); }

}  // namespace flyball::expr
