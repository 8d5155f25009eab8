#include "cmd/flyballctl/refusal.h"

#include <cstdio>
#include <string>

#include "cmd/flags/command_line.h"

namespace flyball::ctl {

int WrongUsage(std::string_view command, std::string_view message) {
  return flags::WrongUsage("flyballctl " + std::string(command), message);
}

int Failed(std::string_view command, std::string_view message) {
  std::fprintf(stderr, "flyballctl %.*s: %.*s\n", static_cast<int>(command.size()), command.data(),
               static_cast<int>(message.size()), message.data());
  return flags::kFailed;
}

}  // namespace flyball::ctl
