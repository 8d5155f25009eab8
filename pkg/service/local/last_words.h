#pragma once

#include <string>
#include <string_view>

namespace flyball::local {

// What a process said before it ended, for a person: the message and fields of the last error (or else the last
// warning) among the JSON lines of `log`, otherwise its last line as it is. At most 500 bytes; empty when it said
// nothing. Pure.
std::string LastWords(std::string_view log);

// The same from the end of a file; empty when it cannot be read.
std::string LastWordsOf(const std::string& log_file);

}  // namespace flyball::local
