#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pkg/spec/reader.h"

namespace flyball::spec {

// Collects what is wrong in one file. Positions are byte offsets into its text; they become lines and columns here.
class Reporter {
 public:
  // `text` is borrowed.
  Reporter(std::string file, std::string_view text);

  void Report(size_t offset, std::string message, std::string suggestion = "");
  std::string_view text() const { return text_; }
  int Line(size_t offset) const;
  int lines() const { return static_cast<int>(line_starts_.size()); }
  size_t count() const { return problems_.size() + dropped_; }

  // In the order of the file, the first kMostProblems of those reported, then one entry saying how many more there are.
  std::vector<Problem> Take();
  static constexpr size_t kMostProblems = 100;

 private:
  size_t LineStart(int line) const { return line_starts_[static_cast<size_t>(line) - 1]; }

  std::string file_;
  std::string_view text_;
  std::vector<size_t> line_starts_;
  std::vector<Problem> problems_;
  size_t dropped_ = 0;
};

}  // namespace flyball::spec
