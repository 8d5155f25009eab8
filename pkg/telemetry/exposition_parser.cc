#include "pkg/telemetry/exposition_parser.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <system_error>

namespace flyball::telemetry {
namespace {

constexpr size_t kMaxLabels = 64;

enum : uint8_t { kLabelStart = 1, kLabelRest = 2, kNameStart = 4, kNameRest = 8 };

constexpr std::array<uint8_t, 256> MakeClasses() {
  std::array<uint8_t, 256> classes{};
  for (int c = 0; c < 256; ++c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    const bool digit = c >= '0' && c <= '9';
    if (letter) classes[c] = kLabelStart | kLabelRest | kNameStart | kNameRest;
    if (digit) classes[c] = kLabelRest | kNameRest;
    if (c == ':') classes[c] = kNameStart | kNameRest;
  }
  return classes;
}
constexpr auto kClasses = MakeClasses();

bool Is(char c, uint8_t classes) { return (kClasses[static_cast<unsigned char>(c)] & classes) != 0; }
bool IsBlank(char c) { return c == ' ' || c == '\t'; }

class Parser {
 public:
  Parser(std::string_view text, SeriesSink& sink) : at_(text.data()), end_(text.data() + text.size()), sink_(sink) {}

  Result<size_t> Run() {
    size_t count = 0;
    for (size_t line = 1; at_ != end_; ++line) {
      SkipBlanks();
      if (AtLineEnd()) {
        SkipLineEnd();
        continue;
      }
      if (*at_ == '#') {
        ReadComment();
        continue;
      }
      if (!ReadSeries()) return Fail(ErrorCode::kInvalid, "line " + std::to_string(line) + ": " + problem_);
      sink_.OnSeries({name_, {labels_.data(), label_count_}, value_});
      ++count;
    }
    return count;
  }

 private:
  bool Problem(const char* what) {
    problem_ = what;
    return false;
  }

  void SkipBlanks() {
    while (at_ != end_ && IsBlank(*at_)) ++at_;
  }
  bool AtLineEnd() const { return at_ == end_ || *at_ == '\n' || (*at_ == '\r' && at_ + 1 != end_ && at_[1] == '\n'); }
  void SkipLineEnd() {
    if (at_ != end_ && *at_ == '\r') ++at_;
    if (at_ != end_) ++at_;
  }
  void SkipLine() {
    const void* newline = std::memchr(at_, '\n', static_cast<size_t>(end_ - at_));
    at_ = newline == nullptr ? end_ : static_cast<const char*>(newline) + 1;
  }

  // "# TYPE metric type" is told; any other comment is none of ours, whatever it says.
  void ReadComment() {
    ++at_;
    SkipBlanks();
    constexpr std::string_view kType = "TYPE";
    if (std::string_view(at_, static_cast<size_t>(end_ - at_)).starts_with(kType)) {
      at_ += kType.size();
      const bool apart = at_ != end_ && IsBlank(*at_);
      SkipBlanks();
      const std::string_view metric = ReadWord(kNameStart, kNameRest);
      SkipBlanks();
      const std::string_view type = ReadWord(kLabelStart, kLabelRest);
      if (apart && !metric.empty() && !type.empty()) sink_.OnType(metric, type);
    }
    SkipLine();
  }

  std::string_view ReadWord(uint8_t first, uint8_t rest) {
    const char* begin = at_;
    if (at_ == end_ || !Is(*at_, first)) return {};
    while (at_ != end_ && Is(*at_, rest)) ++at_;
    return {begin, static_cast<size_t>(at_ - begin)};
  }

  bool ReadSeries() {
    name_ = ReadWord(kNameStart, kNameRest);
    if (name_.empty()) return Problem("expected a metric name, [a-zA-Z_:][a-zA-Z0-9_:]*");
    label_count_ = 0;
    scratch_.clear();
    SkipBlanks();
    const bool braced = at_ != end_ && *at_ == '{';
    if (braced && !ReadLabels()) return false;
    if (!braced && at_ != end_ && !IsBlank(at_[-1])) return Problem("expected a blank or { after the metric name");
    SkipBlanks();
    if (!ReadNumber(value_)) return Problem("expected a number as the value");
    return ReadRest();
  }

  bool ReadLabels() {
    ++at_;  // {
    for (;;) {
      SkipBlanks();
      if (at_ != end_ && *at_ == '}') break;
      if (label_count_ == kMaxLabels) return Problem("more than 64 labels");
      LabelView& label = labels_[label_count_];
      label.name = ReadWord(kLabelStart, kLabelRest);
      if (label.name.empty()) return Problem("expected a label name, [a-zA-Z_][a-zA-Z0-9_]*");
      SkipBlanks();
      if (at_ == end_ || *at_ != '=') return Problem("expected = after the label name");
      ++at_;
      SkipBlanks();
      if (!ReadQuoted(label.value)) return false;
      ++label_count_;
      SkipBlanks();
      if (at_ != end_ && *at_ == ',') {
        ++at_;
      } else if (at_ == end_ || *at_ != '}') {
        return Problem("expected , or } after the label's value");
      }
    }
    ++at_;  // }
    return true;
  }

  bool ReadQuoted(std::string_view& value) {
    if (at_ == end_ || *at_ != '"') return Problem("expected a label value in double quotes");
    const char* begin = ++at_;
    while (at_ != end_ && *at_ != '"' && *at_ != '\\' && *at_ != '\n') ++at_;
    if (at_ != end_ && *at_ == '\\') return ReadEscaped(begin, value);
    if (at_ == end_ || *at_ == '\n') return Problem("label value without its closing quote");
    value = {begin, static_cast<size_t>(at_ - begin)};
    ++at_;
    return true;
  }

  // From the first backslash of the value that began at `begin`. Unescaped text is never longer than the rest of the
  // line, which is reserved once a line: views into scratch_ stay valid.
  bool ReadEscaped(const char* begin, std::string_view& value) {
    if (scratch_.empty()) {
      const char* line_end = std::find(at_, end_, '\n');
      scratch_.reserve(static_cast<size_t>(line_end - begin) + 1);
    }
    const size_t from = scratch_.size();
    scratch_.append(begin, at_);
    for (; at_ != end_ && *at_ != '"' && *at_ != '\n'; ++at_) {
      if (*at_ != '\\') {
        scratch_.push_back(*at_);
        continue;
      }
      if (++at_ == end_) break;
      if (*at_ != '\\' && *at_ != '"' && *at_ != 'n') return Problem("unknown escape, expected \\\\, \\\" or \\n");
      scratch_.push_back(*at_ == 'n' ? '\n' : *at_);
    }
    if (at_ == end_ || *at_ == '\n') return Problem("label value without its closing quote");
    ++at_;
    value = std::string_view(scratch_).substr(from);
    return true;
  }

  // Reads up to a blank or the line's end.
  bool ReadNumber(double& number) {
    const char* begin = at_;
    uint64_t whole = 0;
    while (at_ != end_ && *at_ >= '0' && *at_ <= '9' && at_ - begin < 16) whole = whole * 10 + (*at_++ - '0');
    if (at_ != begin && (at_ == end_ || *at_ == '\n' || IsBlank(*at_))) {  // most values are whole numbers
      number = static_cast<double>(whole);
      return true;
    }
    while (at_ != end_ && !IsBlank(*at_) && *at_ != '\n' && *at_ != '\r') ++at_;
    return ReadFloat({begin, static_cast<size_t>(at_ - begin)}, number);
  }

  static bool ReadFloat(std::string_view text, double& number) {
    if (text.empty()) return false;
    if (text == "NaN") {
      number = std::numeric_limits<double>::quiet_NaN();
      return true;
    }
    const bool negative = text[0] == '-';
    if (negative || text[0] == '+') text.remove_prefix(1);
    if (text == "Inf" || text == "inf") {
      number = std::numeric_limits<double>::infinity();
    } else {
      if (text.empty() || (text[0] != '.' && (text[0] < '0' || text[0] > '9'))) return false;
      const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (error != std::errc() || stop != text.data() + text.size()) return false;
    }
    if (negative) number = -number;
    return true;
  }

  // What may follow the value: a timestamp, an exemplar.
  bool ReadRest() {
    SkipBlanks();
    if (!AtLineEnd() && *at_ != '#') {
      double timestamp = 0;
      if (!ReadNumber(timestamp)) return Problem("expected a timestamp or the end of the line after the value");
      SkipBlanks();
    }
    if (at_ != end_ && *at_ == '#') {
      SkipLine();
      return true;
    }
    if (!AtLineEnd()) return Problem("expected the end of the line");
    SkipLineEnd();
    return true;
  }

  const char* at_;
  const char* const end_;
  SeriesSink& sink_;
  const char* problem_ = "";
  std::string_view name_;
  double value_ = 0;
  std::array<LabelView, kMaxLabels> labels_;
  size_t label_count_ = 0;
  std::string scratch_;
};

}  // namespace

std::string_view SeriesView::Label(std::string_view label) const {
  for (const LabelView& l : labels) {
    if (l.name == label) return l.value;
  }
  return {};
}

Result<size_t> ParseExposition(std::string_view text, SeriesSink& sink) { return Parser(text, sink).Run(); }

}  // namespace flyball::telemetry
