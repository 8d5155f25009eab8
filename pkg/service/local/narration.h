// What `flyballctl up` tells the person in front of it.
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::local {

// One line a happening, plain ASCII, aligned; colours only on a terminal. Used from the supervisor's thread only.
class Narration {
 public:
  // Streams are borrowed.
  Narration(std::ostream& out, std::ostream& err, bool color) : out_(out), err_(err), color_(color) {}

  // "  pod-1         Ready after 0.4 s"
  void Say(std::string_view subject, std::string_view text);
  // The same, marked as something a person should look at.
  void Warn(std::string_view subject, std::string_view text);
  // A reason why the command fails, to `err`: "flyballctl up: ...".
  void Problem(std::string_view text);
  // A problem of a document, to `err`, as it is: "tasks.yaml:3:1: ...".
  void DocumentProblem(std::string_view text);
  // All problems of the documents, or, when they would not fit a screen, the first ones and how to see the others.
  void DocumentProblems(const std::vector<std::string>& problems);
  // The last thing of a successful start.
  void Urls(std::string_view app, std::string_view api, std::string_view console);

 private:
  void Line(std::string_view subject, std::string_view text, std::string_view color);

  std::ostream& out_;
  std::ostream& err_;
  const bool color_;
};

}  // namespace flyball::local
