// Reads YAML streams of App and Governor documents. Either everything is right, or every problem is reported at once.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pkg/base/result.h"
#include "pkg/spec/app.h"
#include "pkg/spec/governor.h"

namespace flyball::spec {

// One thing that is wrong. Lines and columns count from 1, columns in characters.
struct Problem {
  std::string file;
  int line = 0;
  int column = 0;
  std::string message;     // what is wrong
  std::string suggestion;  // what would be right; may be empty
};

// "tasks.yaml:12:7: unknown key 'feilds'; did you mean 'fields'?"
std::string Format(const Problem& problem);

struct Documents {
  std::vector<App> apps;
  std::vector<Governor> governors;
  std::vector<Problem> problems;  // in file order; when not empty the rest must not be used
  bool ok() const { return problems.empty(); }
};

struct Source {
  std::string file;  // as shown in problems
  std::string text;
};

// Pure. Bounds: 1 MiB a file, depth 50, no aliases or anchors, no tabs as indentation, no ambiguous plain scalars
// (yes, no, on, off, 0123). What a build does not implement yet is refused by name.
Documents Read(const std::vector<Source>& sources);

// Reads files from disk. A file that is missing, unreadable, a folder, or larger than 1 MiB is a Problem at line 0.
Documents ReadFiles(const std::vector<std::string>& paths);

}  // namespace flyball::spec
