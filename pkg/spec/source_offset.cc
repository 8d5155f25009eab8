#include <algorithm>

#include "pkg/base/utf8.h"
#include "pkg/spec/detail/tree.h"

namespace flyball::spec {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

// Walks a flow scalar's source beside its text.
class FlowWalk {
 public:
  FlowWalk(std::string_view source, const Node& scalar) : source_(source), text_(scalar.text), at_(scalar.offset) {
    const char first = at_ < source.size() ? source[at_] : ' ';
    if (first == '\'' || first == '"') quote_ = first, ++at_;
  }

  size_t To(size_t value_offset) {
    while (value_ < value_offset && at_ < source_.size()) {
      if (AtFold())
        Fold();
      else if (quote_ == '"' && source_[at_] == '\\')
        Escape();
      else
        at_ += quote_ == '\'' && source_[at_] == '\'' ? 2 : 1, ++value_;
    }
    if (AtFold()) SkipBlank();
    return at_;
  }

 private:
  bool AtFold() const {
    size_t i = at_;
    while (i < source_.size() && IsBlank(source_[i])) ++i;
    return i < source_.size() && source_[i] == '\n';
  }

  size_t SkipBlank() {
    size_t newlines = 0;
    while (at_ < source_.size() && (IsBlank(source_[at_]) || source_[at_] == '\n')) newlines += source_[at_++] == '\n';
    return newlines;
  }

  // One line break is a space, n are n - 1 line breaks.
  void Fold() { value_ += std::max<size_t>(1, SkipBlank() - 1); }

  void Escape() {
    const char c = at_ + 1 < source_.size() ? source_[at_ + 1] : ' ';
    if (c == '\n') {
      at_ += 2;
      while (at_ < source_.size() && IsBlank(source_[at_])) ++at_;
      return;
    }
    const size_t digits = c == 'x' ? 2 : (c == 'u' ? 4 : (c == 'U' ? 8 : 0));
    at_ += 2 + digits;
    value_ += value_ < text_.size() ? std::max<size_t>(1, Utf8Length(text_.substr(value_))) : 1;
  }

  std::string_view source_, text_;
  size_t at_;
  size_t value_ = 0;
  char quote_ = 0;
};

// Line k of a block's text is line k of its content, without the indentation of the first line that is not blank. Every
// line break counts as one byte, also in a folded block, so after a blank line in one the answer is a byte off.
size_t BlockOffset(std::string_view source, const Node& scalar, size_t value_offset) {
  size_t at = std::min(source.find('\n', scalar.offset), source.size() - 1) + 1;
  size_t indent = std::string_view::npos;
  size_t value = 0;
  while (at < source.size()) {
    const size_t end = std::min(source.find('\n', at), source.size());
    const size_t blanks = std::min(source.find_first_not_of(' ', at), end) - at;
    if (blanks < end - at && indent == std::string_view::npos) indent = blanks;
    const size_t skipped = std::min(blanks, indent == std::string_view::npos ? blanks : indent);
    const size_t length = end - at - skipped;
    if (value_offset <= value + length) return at + skipped + (value_offset - value);
    value += length + 1;
    at = end + 1;
  }
  return std::min(at, source.size());
}

}  // namespace

size_t SourceOffset(std::string_view source, const Node& scalar, size_t value_offset) {
  if (scalar.offset >= source.size()) return scalar.offset;
  const char first = source[scalar.offset];
  if (first == '|' || first == '>') return BlockOffset(source, scalar, value_offset);
  return FlowWalk(source, scalar).To(value_offset);
}

}  // namespace flyball::spec
