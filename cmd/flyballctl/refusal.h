// How a command of flyballctl says that it cannot go on.
#pragma once

#include <string_view>

namespace flyball::ctl {

// "flyballctl load: <message>" and a hint, to standard error; returns flags::kUsage. For what only the command can
// judge, such as two flags that exclude each other.
int WrongUsage(std::string_view command, std::string_view message);
// "flyballctl load: <message>" to standard error; returns flags::kFailed.
int Failed(std::string_view command, std::string_view message);

}  // namespace flyball::ctl
