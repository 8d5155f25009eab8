#pragma once

#include <array>
#include <cstddef>

namespace flyball::state {

// The Lua files beside this header, embedded when the program is built (embed_scripts.cmake).
enum class Script : size_t { kQuotaLease, kRateLease, kGovernorPublish, kGovernorRead };
inline constexpr size_t kScripts = 4;

struct ScriptSource {
  const char* name;
  const char* text;
};
extern const std::array<ScriptSource, kScripts> kScriptSources;  // indexed by Script

}  // namespace flyball::state
