// Coding of bodies (RFC 9110 section 8.4), and what it does to entity-tags.
//
// A coded body is another representation and has another strong tag (section 8.8.3): "3" becomes "3-gzip". So tags stay
// strong, and one that a client sends back still names the version it belongs to.
#pragma once

#include <string>
#include <string_view>

#include "pkg/http/negotiation.h"

namespace flyball::http {

// Smaller bodies gain nothing that a packet would notice.
inline constexpr size_t kWorthCoding = 1024;

// Codes `body` by gzip (RFC 1952) or brotli (RFC 7932) and appends it to `out`. Takes some 10 ms a megabyte, so not on
// a reactor. kIdentity appends the body itself. False, with `out` as it was, when the library has no memory.
bool Encode(Coding coding, std::string_view body, std::string& out);

// "\"3\"" -> "\"3-gzip\"". A tag that does not end in a quote stays as it is.
std::string CodedTag(std::string_view tag, Coding coding);

// An If-None-Match field with its tags of `coding` replaced by those of the body as it is: what the field says about a
// body that will be coded so.
std::string UncodedTags(std::string_view field, Coding coding);

}  // namespace flyball::http
