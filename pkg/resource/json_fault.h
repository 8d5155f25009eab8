// Where a text stops being JSON: for messages. The parser that reads bodies is fast and says only that something is
// wrong; this one is asked after it has refused.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace flyball::resource {

struct JsonFault {
  size_t offset = 0;    // of the first byte that cannot stand where it stands; the text's size when it ends too early
  std::string message;  // "expected ',' or '}'"
};

// The first fault of `text` as JSON (RFC 8259) nested at most kMaxJsonDepth deep, with numbers that 64 bits or a finite
// double can hold, and surrogates in pairs; nullopt when there is none. Names may repeat. Linear, no recursion.
std::optional<JsonFault> FindJsonFault(std::string_view text);

// "line 2, column 7 (byte 19)": from 1, 1 and 0; columns are characters. `offset` <= text.size().
std::string DescribePlace(std::string_view text, size_t offset);

}  // namespace flyball::resource
