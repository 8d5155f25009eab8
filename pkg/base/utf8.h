// Text as Unicode (RFC 3629): what is well-formed, and how long it is in characters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace flyball {

// Bytes of the well-formed UTF-8 sequence at the start of `text`, 1 to 4; 0 when there is none (overlong forms,
// surrogates, code points past U+10FFFF, a cut sequence, or empty text).
size_t Utf8Length(std::string_view text);

// Offset of the first byte that is not well-formed; text.size() when all is.
size_t FirstInvalidUtf8(std::string_view text);

// Code points of well-formed text.
size_t CountCodePoints(std::string_view text);

// Appends `code_point`, which must be a Unicode scalar value.
void AppendUtf8(std::string& out, uint32_t code_point);

}  // namespace flyball
