// The list syntax that header values share (RFC 9110 sections 5.6.1, 5.6.4 and 12.4.2).
#pragma once

#include <string_view>

namespace flyball::http::detail {

// Without spaces and tabs at its ends.
std::string_view TrimSpace(std::string_view text);

// Takes the text up to the next `separator` outside of quoted strings off `rest`, and the separator; trimmed. A quoted
// string that does not end swallows the rest.
std::string_view TakeUntil(std::string_view& rest, char separator);

// One member of a weighted list: "gzip;q=0.5", "text/html;level=1;q=0.7".
struct Weighted {
  std::string_view value;  // before the first ';'
  int thousandths = 1000;  // q, 0 to 1000
};

// Takes the next member that is well-formed off `rest` and skips those that are not: empty ones, values with white
// space inside, and those whose q is no qvalue. False at the end.
bool TakeWeighted(std::string_view& rest, Weighted& member);

}  // namespace flyball::http::detail
