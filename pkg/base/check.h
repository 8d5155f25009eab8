#pragma once

#include <source_location>
#include <string_view>

namespace flyball {

// States what must hold. When it does not, the program is wrong: prints `what` with the place and aborts.
// Never for input, never for what a dependency may do.
inline void Check(bool holds, std::string_view what, std::source_location where = std::source_location::current());

[[noreturn]] void CheckFailed(std::string_view what, std::source_location where);

inline void Check(bool holds, std::string_view what, std::source_location where) {
  if (!holds) [[unlikely]]
    CheckFailed(what, where);
}

}  // namespace flyball
