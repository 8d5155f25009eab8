#include "pkg/spec/detail/reporter.h"

#include <algorithm>
#include <tuple>

#include "pkg/base/utf8.h"

namespace flyball::spec {

Reporter::Reporter(std::string file, std::string_view text) : file_(std::move(file)), text_(text) {
  line_starts_.push_back(text.starts_with("\xEF\xBB\xBF") ? 3 : 0);
  for (size_t i = 0; i < text.size(); ++i)
    if (text[i] == '\n') line_starts_.push_back(i + 1);
}

int Reporter::Line(size_t offset) const {
  const auto after = std::upper_bound(line_starts_.begin() + 1, line_starts_.end(), offset);
  return static_cast<int>(after - line_starts_.begin());
}

void Reporter::Report(size_t offset, std::string message, std::string suggestion) {
  if (problems_.size() >= kMostProblems) {
    ++dropped_;
    return;
  }
  offset = std::min(offset, text_.size());
  const int line = Line(offset);
  const size_t start = std::min(LineStart(line), offset);
  const int column = static_cast<int>(CountCodePoints(text_.substr(start, offset - start))) + 1;
  problems_.push_back({file_, line, column, std::move(message), std::move(suggestion)});
}

std::vector<Problem> Reporter::Take() {
  std::stable_sort(problems_.begin(), problems_.end(), [](const Problem& a, const Problem& b) {
    return std::tie(a.line, a.column) < std::tie(b.line, b.column);
  });
  if (dropped_ > 0) {
    const Problem& last = problems_.back();
    problems_.push_back({file_, last.line, last.column, std::to_string(dropped_) + " more problems are not shown", ""});
  }
  dropped_ = 0;
  return std::move(problems_);
}

std::string Format(const Problem& problem) {
  std::string text = problem.file;
  if (problem.line > 0) text += ":" + std::to_string(problem.line) + ":" + std::to_string(problem.column);
  if (!text.empty()) text += ": ";
  text += problem.message;
  if (!problem.suggestion.empty()) text += "; " + problem.suggestion;
  return text;
}

}  // namespace flyball::spec
