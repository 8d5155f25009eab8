#include "pkg/service/local/narration.h"

#include <algorithm>
#include <ostream>

namespace flyball::local {
namespace {

constexpr size_t kSubjectWidth = 12;
constexpr size_t kMostProblems = 18;  // on a screen
constexpr std::string_view kYellow = "\033[33m", kBold = "\033[1m", kDim = "\033[2m", kPlain = "\033[0m";

}  // namespace

void Narration::Say(std::string_view subject, std::string_view text) { Line(subject, text, {}); }
void Narration::Warn(std::string_view subject, std::string_view text) { Line(subject, text, kYellow); }

void Narration::Line(std::string_view subject, std::string_view text, std::string_view color) {
  const std::string padding(kSubjectWidth - std::min(kSubjectWidth, subject.size()), ' ');
  if (color_) {
    out_ << "  " << kDim << subject << kPlain << padding << "  " << color << text << (color.empty() ? "" : kPlain)
         << "\n";
  } else {
    out_ << "  " << subject << padding << "  " << text << "\n";
  }
  out_.flush();
}

void Narration::Problem(std::string_view text) { err_ << "flyballctl up: " << text << std::endl; }
void Narration::DocumentProblem(std::string_view text) { err_ << text << std::endl; }

void Narration::DocumentProblems(const std::vector<std::string>& problems) {
  const size_t shown = problems.size() > kMostProblems ? kMostProblems - 1 : problems.size();
  for (size_t i = 0; i < shown; ++i) DocumentProblem(problems[i]);
  if (shown == problems.size()) return;
  err_ << "... and " << problems.size() - shown << " more; 'flyballctl validate FILE...' shows them all" << std::endl;
}

void Narration::Urls(std::string_view app, std::string_view api, std::string_view console) {
  const std::string_view on = color_ ? kBold : std::string_view(), off = color_ ? kPlain : std::string_view();
  out_ << "\n" << app << " is up. Ctrl-C stops it; requests in flight are answered.\n\n";
  out_ << "  API      " << on << api << off << "\n  Console  " << on << console << off << "\n" << std::endl;
}

}  // namespace flyball::local
