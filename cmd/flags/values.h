// What the values of flags may be, for every program that takes them. Errors are kInvalid and say what would be right;
// who knows the flag puts its name and the value before it.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/base/result.h"

namespace flyball::flags {

// "250ms", "45s", "1m30s", between the two, both inclusive.
Result<std::chrono::milliseconds> DurationBetween(std::string_view text, std::chrono::milliseconds least,
                                                  std::chrono::milliseconds most);

// A fault of demos and tests: "delay=20ms" (1 ms to 1 min), or "delay-file=PATH" of a file that holds such a duration
// and may change while pods run. One of the two is set.
struct Fault {
  std::chrono::milliseconds delay{0};
  std::string delay_file;
};
Result<Fault> ReadFault(std::string_view text);

// A URL of PostgreSQL, the path of an SQLite file, or empty for the one in the data folder; see
// pkg/store/database/database.h.
Result<void> CheckDatabase(const std::string& text);

// unix:/path, redis://host:port, or "none"; empty is for the caller to judge and passes.
Result<void> CheckRedis(const std::string& text);

// Networks with commas between: "10.0.0.0/8,192.0.2.1".
Result<std::vector<std::string>> Networks(const std::string& text);

// A file that can be opened.
Result<void> CheckReadable(const std::string& text);

// Not empty.
Result<void> CheckFolder(const std::string& text);

// `text` with what stands between "://" and '@', and what follows "password=", as "***": a password must not come to a
// terminal or a log.
std::string WithoutPassword(const std::string& text);

}  // namespace flyball::flags
