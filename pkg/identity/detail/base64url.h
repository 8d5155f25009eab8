// base64url without padding (RFC 4648 section 5, RFC 7515 appendix C).
#pragma once

#include <string>
#include <string_view>

namespace flyball::identity::detail {

// Appends the encoding of `bytes`.
void AppendBase64Url(std::string& out, std::string_view bytes);

// Replaces `out`. False for any other character, for padding, for a length of 1 modulo 4 and for spare bits that are
// not zero: every byte string has exactly one encoding.
bool DecodeBase64Url(std::string_view text, std::string& out);

}  // namespace flyball::identity::detail
