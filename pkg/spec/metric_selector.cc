#include "pkg/spec/metric_selector.h"

#include <re2/re2.h>

#include <algorithm>

namespace flyball::spec {
namespace {

constexpr size_t kMostBytes = 1000;
constexpr size_t kMostMatchers = 30;
constexpr std::string_view kOps[] = {"=", "!=", "=~", "!~"};

bool IsNameStart(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':'; }
bool IsNameRest(char c) { return IsNameStart(c) || (c >= '0' && c <= '9'); }

class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  Result<MetricSelector> Run() {
    SkipBlanks();
    MetricSelector selector;
    selector.name = Word();
    if (selector.name.empty()) return Fail(ErrorCode::kInvalid, "it must begin with the name of a metric");
    SkipBlanks();
    if (Take("(")) return Fail(ErrorCode::kInvalid, "an expression such as " + selector.name + "(...) cannot be given");
    if (Take("{")) {
      if (auto read = Matchers(selector.matchers); !read) return Fail(read.error());
      SkipBlanks();
    }
    if (rest_.starts_with('['))
      return Fail(ErrorCode::kInvalid, "a range such as " + std::string(rest_) + " is not wanted");
    if (!rest_.empty()) return Fail(ErrorCode::kInvalid, "nothing may follow the selector, not '" + Rest() + "'");
    return selector;
  }

 private:
  Result<void> Matchers(std::vector<LabelMatcher>& matchers) {
    for (;;) {
      SkipBlanks();
      if (Take("}")) return {};
      if (matchers.size() == kMostMatchers) return Fail(ErrorCode::kInvalid, "it has more than 30 labels");
      auto matcher = Matcher();
      if (!matcher) return Fail(matcher.error());
      matchers.push_back(std::move(*matcher));
      SkipBlanks();
      if (Take(",") || rest_.starts_with('}')) continue;
      return Fail(ErrorCode::kInvalid, rest_.empty() ? "its } is missing" : "expected , or } before '" + Rest() + "'");
    }
  }

  Result<LabelMatcher> Matcher() {
    LabelMatcher matcher;
    matcher.label = Word();
    if (!IsLabelName(matcher.label))
      return Fail(ErrorCode::kInvalid, "expected the name of a label before '" + Rest() + "'");
    SkipBlanks();
    if (Take("=~")) {
      matcher.op = LabelMatcher::Op::kMatch;
    } else if (Take("!~")) {
      matcher.op = LabelMatcher::Op::kNoMatch;
    } else if (Take("!=")) {
      matcher.op = LabelMatcher::Op::kNotEqual;
    } else if (!Take("=")) {
      return Fail(ErrorCode::kInvalid, "expected =, !=, =~ or !~ after the label '" + matcher.label + "'");
    }
    SkipBlanks();
    if (auto read = Value(matcher); !read) return Fail(read.error());
    if (matcher.op == LabelMatcher::Op::kMatch || matcher.op == LabelMatcher::Op::kNoMatch) {
      const re2::RE2 regex(matcher.value, re2::RE2::Quiet);
      if (!regex.ok())
        return Fail(ErrorCode::kInvalid, "the regular expression of '" + matcher.label + "': " + regex.error());
    }
    return matcher;
  }

  // "..." and '...' with \\, \", \', \n and \t; `...` as it is.
  Result<void> Value(LabelMatcher& matcher) {
    const char quote = rest_.empty() ? '\0' : rest_.front();
    if (quote != '"' && quote != '\'' && quote != '`')
      return Fail(ErrorCode::kInvalid, "the value of the label '" + matcher.label + "' needs quotes");
    for (size_t i = 1; i < rest_.size(); ++i) {
      char c = rest_[i];
      if (c == quote) {
        rest_.remove_prefix(i + 1);
        return {};
      }
      if (c == '\\' && quote != '`') {
        const char escaped = ++i < rest_.size() ? rest_[i] : '\0';
        if (escaped != '\\' && escaped != '"' && escaped != '\'' && escaped != 'n' && escaped != 't')
          return Fail(ErrorCode::kInvalid,
                      "unknown escape in the value of '" + matcher.label + "'; \\\\ is a backslash");
        c = escaped == 'n' ? '\n' : escaped == 't' ? '\t' : escaped;
      }
      matcher.value += c;
    }
    return Fail(ErrorCode::kInvalid, "the value of the label '" + matcher.label + "' has no closing quote");
  }

  std::string Word() {
    size_t length = 0;
    if (!rest_.empty() && IsNameStart(rest_[0]))
      while (length < rest_.size() && IsNameRest(rest_[length])) ++length;
    const std::string word(rest_.substr(0, length));
    rest_.remove_prefix(length);
    return word;
  }
  bool Take(std::string_view token) {
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }
  void SkipBlanks() {
    while (!rest_.empty() && (rest_[0] == ' ' || rest_[0] == '\t' || rest_[0] == '\n')) rest_.remove_prefix(1);
  }
  std::string Rest() const { return std::string(rest_.substr(0, 20)); }

  std::string_view rest_;
};

}  // namespace

bool IsLabelName(std::string_view text) {
  return !text.empty() && IsNameStart(text[0]) && std::all_of(text.begin(), text.end(), IsNameRest) &&
         text.find(':') == std::string_view::npos;
}

Result<MetricSelector> ParseMetricSelector(std::string_view text) {
  if (text.size() > kMostBytes) return Fail(ErrorCode::kInvalid, "it is longer than 1,000 bytes");
  return Parser(text).Run();
}

std::string ToPromQL(const LabelMatcher& matcher) {
  std::string out = matcher.label + std::string(kOps[static_cast<size_t>(matcher.op)]) + '"';
  for (const char c : matcher.value) {
    if (c == '\\' || c == '"') out += '\\';
    out += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return out + '"';
}

std::string ToPromQL(const MetricSelector& selector) {
  if (selector.matchers.empty()) return selector.name;
  std::string out = selector.name;
  for (size_t i = 0; i < selector.matchers.size(); ++i) out += (i == 0 ? '{' : ',') + ToPromQL(selector.matchers[i]);
  return out + '}';
}

}  // namespace flyball::spec
