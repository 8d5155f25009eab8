// The fleet that `flyballctl up` runs, as the other commands find it: DATA/run.json and the console it names.
#pragma once

#include <string>
#include <string_view>

#include "pkg/base/result.h"
#include "pkg/service/local/data_dir.h"

namespace flyball::ctl {

// Reads DATA/run.json. kNotFound: there is none, or the process it names has ended (the message says how to start one);
// kDenied: it may not be read; kCorrupt: it is not what `up` writes.
Result<local::RunFile> FindFleet(const std::string& data);

// GET `path` ("/api/status") from the console; the body of a 200. kUnavailable, kTimeout, or what the status means.
Result<std::string> AskConsole(const local::RunFile& fleet, std::string_view path);

}  // namespace flyball::ctl
