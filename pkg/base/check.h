#pragma once

#include <string_view>

namespace flyball {

// States what must hold. When it does not, the program is wrong: prints `what` with the caller's place and aborts.
// Never for input, never for what a dependency may do. (Not std::source_location: clang 14, which builds the fuzz
// targets, has none.)
inline void Check(bool holds, std::string_view what, const char* file = __builtin_FILE(), int line = __builtin_LINE());

[[noreturn]] void CheckFailed(std::string_view what, const char* file, int line);

inline void Check(bool holds, std::string_view what, const char* file, int line) {
  if (!holds) [[unlikely]]
    CheckFailed(what, file, line);
}

}  // namespace flyball
