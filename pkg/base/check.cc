#include "pkg/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace flyball {

void CheckFailed(std::string_view what, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: check failed: %.*s\n", file, line, static_cast<int>(what.size()), what.data());
  std::abort();
}

}  // namespace flyball
