#include "pkg/resource/json_fault.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>

#include "pkg/base/utf8.h"
#include "pkg/resource/json_body.h"

namespace flyball::resource {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  std::optional<JsonFault> Run() {
    const bool whole = Value() && Rest();
    if (whole) return std::nullopt;
    return std::move(fault_);
  }

 private:
  bool Fault(size_t offset, std::string message) {
    fault_ = {offset, std::move(message)};
    return false;
  }
  bool Expected(std::string_view what) {
    return Fault(at_, (at_ == text_.size() ? "it ends here; expected " : "expected ") + std::string(what));
  }
  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool Take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void SkipSpace() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }

  // What follows the first value until all that it opened is closed, and the end of the text.
  bool Rest() {
    while (!open_.empty()) {
      SkipSpace();
      const bool in_object = open_.back() == '{';
      if (Take(in_object ? '}' : ']')) {
        open_.pop_back();
      } else if (!Take(',')) {
        return Expected(in_object ? "',' or '}'" : "',' or ']'");
      } else if (!(in_object ? Member() : Value())) {
        return false;
      }
    }
    SkipSpace();
    return at_ == text_.size() || Fault(at_, "expected nothing more behind the value");
  }

  bool Member() {
    SkipSpace();
    if (Peek() != '"') return Expected("a name in double quotes");
    if (!String()) return false;
    SkipSpace();
    if (!Take(':')) return Expected("':'");
    return Value();
  }

  // A value; of an array or object, everything up to its first value that is neither.
  bool Value() {
    for (;;) {
      SkipSpace();
      const char c = Peek();
      if (c == '"') return String();
      if (c == '-' || IsDigit(c)) return Number();
      if (c == 't') return Literal("true");
      if (c == 'f') return Literal("false");
      if (c == 'n') return Literal("null");
      if (c != '{' && c != '[') return Expected("a value");
      if (open_.size() == static_cast<size_t>(kMaxJsonDepth)) return Fault(at_, "this would be level 65");
      ++at_;
      SkipSpace();
      if (Take(c == '{' ? '}' : ']')) return true;
      open_.push_back(c);
      if (c == '{') return Member();
    }
  }

  bool Literal(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return Expected(word);
    at_ += word.size();
    return EndsHere("a value");
  }

  // A word or number ends at white space, a comma or a bracket.
  bool EndsHere(std::string_view what) {
    if (at_ == text_.size() || std::string_view(" \t\r\n,]}").find(text_[at_]) != std::string_view::npos) return true;
    return Fault(at_, std::string(what) + " does not go on like this");
  }

  bool Digits() {
    if (!IsDigit(Peek())) return Expected("a digit");
    while (IsDigit(Peek())) ++at_;
    return true;
  }

  bool Number() {
    const size_t begin = at_;
    Take('-');
    if (Take('0')) {
      if (IsDigit(Peek())) return Fault(begin, "a number has no leading zeros");
    } else if (!Digits()) {
      return false;
    }
    bool integer = true;
    if (Take('.')) {
      integer = false;
      if (!Digits()) return false;
    }
    if (Peek() == 'e' || Peek() == 'E') {
      integer = false;
      ++at_;
      if (!Take('+')) Take('-');
      if (!Digits()) return false;
    }
    if (!EndsHere("a number")) return false;
    return Fits(text_.substr(begin, at_ - begin), integer) || Fault(begin, "this number is too large");
  }

  static bool Fits(std::string_view number, bool integer) {
    if (!integer) return std::isfinite(std::strtod(std::string(number).c_str(), nullptr));
    const char* end = number.data() + number.size();
    if (number.front() == '-') {
      int64_t value = 0;
      return std::from_chars(number.data(), end, value).ec == std::errc();
    }
    uint64_t value = 0;
    return std::from_chars(number.data(), end, value).ec == std::errc();
  }

  bool String() {
    const size_t begin = at_++;
    for (;;) {
      if (at_ == text_.size()) return Fault(begin, "this text does not end");
      const char c = text_[at_];
      if (c == '"') return ++at_, true;
      if (static_cast<unsigned char>(c) < 0x20) return Fault(at_, "a control character must be escaped");
      if (c != '\\') {
        ++at_;
      } else if (!Escape()) {
        return false;
      }
    }
  }

  bool Escape() {
    const size_t begin = at_++;
    if (at_ == text_.size()) return Fault(at_, "it ends inside an escape");
    const char c = text_[at_++];
    if (c != 'u') {
      return std::string_view("\"\\/bfnrt").find(c) != std::string_view::npos ||
             Fault(begin, "there is no such escape");
    }
    const int first = Hex4();
    if (first < 0) return Fault(begin, "expected four hex digits behind \\u");
    if (first < 0xD800 || first > 0xDFFF) return true;
    if (first < 0xDC00 && Take('\\') && Take('u')) {
      const int second = Hex4();
      if (second >= 0xDC00 && second <= 0xDFFF) return true;
    }
    return Fault(begin, "this surrogate has no other half");
  }

  int Hex4() {
    int value = -1;
    if (text_.size() - at_ < 4) return -1;
    const char* begin = text_.data() + at_;
    if (std::from_chars(begin, begin + 4, value, 16).ptr != begin + 4 || *begin == '-') return -1;
    at_ += 4;
    return value;
  }

  const std::string_view text_;
  size_t at_ = 0;
  std::string open_;  // '{' and '[' that are not closed yet
  JsonFault fault_;
};

}  // namespace

std::optional<JsonFault> FindJsonFault(std::string_view text) {
  const size_t not_utf8 = FirstInvalidUtf8(text);
  auto fault = Scanner(text).Run();
  if (not_utf8 < text.size() && (!fault || not_utf8 <= fault->offset)) {
    return JsonFault{not_utf8, "these bytes are not UTF-8"};
  }
  return fault;
}

std::string DescribePlace(std::string_view text, size_t offset) {
  const std::string_view before = text.substr(0, offset);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  const std::string_view in_line = before.substr(line_start);
  const auto column = std::count_if(in_line.begin(), in_line.end(), [](char c) { return (c & 0xC0) != 0x80; }) + 1;
  return "line " + std::to_string(line) + ", column " + std::to_string(column) + " (byte " + std::to_string(offset) +
         ")";
}

}  // namespace flyball::resource
