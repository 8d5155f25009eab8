// Which bytes may stand where in a message (RFC 9110 section 5.6.2 and 5.5, RFC 3986 appendix A).
#pragma once

#include <cstdint>
#include <string_view>

namespace flyball::http::detail {

enum CharacterClass : uint8_t {
  kTokenChar = 1,   // RFC 9110: tchar
  kFieldChar = 2,   // RFC 9110: field-vchar, obs-text, SP, HTAB
  kPathChar = 4,    // RFC 3986: pchar and '/', with '%'
  kQueryChar = 8,   // any visible ASCII but '#': clients do not escape brackets in queries
  kHostChar = 16,   // RFC 3986: reg-name, with '%'
  kUnreserved = 32  // RFC 3986: unreserved
};

// The classes of a byte, as bits.
uint8_t ClassesOf(char byte);
// Whether every byte of `text` is in `wanted`; true when empty.
bool AllOf(std::string_view text, CharacterClass wanted);
// The value of a hex digit, -1 for any other byte.
int HexDigit(char byte);

}  // namespace flyball::http::detail
