// Which bytes may stand where in a message (RFC 9110 section 5.6.2 and 5.5, RFC 3986 appendix A).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace flyball::http::detail {

enum CharacterClass : uint8_t {
  kTokenChar = 1,    // RFC 9110: tchar
  kFieldChar = 2,    // RFC 9110: field-vchar, obs-text, SP, HTAB
  kPathChar = 4,     // RFC 3986: pchar and '/', with '%'
  kQueryChar = 8,    // any visible ASCII but '#': clients do not escape brackets in queries
  kHostChar = 16,    // RFC 3986: reg-name, with '%'
  kUnreserved = 32,  // RFC 3986: unreserved
  kPlainChar = 64,   // kPathChar without '%' and '.'
  kNotEscape = 128   // any byte but '%'
};

extern const std::array<uint8_t, 256> kClassesOfBytes;
// The classes of a byte, as bits.
inline uint8_t ClassesOf(char byte) { return kClassesOfBytes[static_cast<uint8_t>(byte)]; }
// The classes that every byte of `text` is in; all of them when empty.
uint8_t CommonClasses(std::string_view text);
// Whether every byte of `text` is in `wanted`; true when empty.
bool AllOf(std::string_view text, CharacterClass wanted);
// A path that is its own decoded form: all kPathChar, no '%', no segment that begins with '.'.
bool IsPlainPath(std::string_view text);
// AllOf(text, kFieldChar), for long texts.
bool IsFieldValue(std::string_view text);
// The value of a hex digit, -1 for any other byte.
int HexDigit(char byte);

}  // namespace flyball::http::detail
