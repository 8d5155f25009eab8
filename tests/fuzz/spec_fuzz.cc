// Any bytes as a file: documents or problems, each with a place inside the file.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "pkg/base/check.h"
#include "pkg/spec/reader.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::string text(reinterpret_cast<const char*>(bytes), size);
  const auto lines = std::count(text.begin(), text.end(), '\n') + 1;
  const flyball::spec::Documents documents = flyball::spec::Read({{"f", text}});
  for (const flyball::spec::Problem& problem : documents.problems) {
    flyball::Check(problem.line >= 1 && problem.line <= lines, "a problem has a line of the file");
    flyball::Check(problem.column >= 1 && static_cast<size_t>(problem.column) <= size + 1, "and a column");
    flyball::Check(!problem.message.empty(), "and says something");
  }
  return 0;
}
