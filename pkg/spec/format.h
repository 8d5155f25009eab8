// What the formats and bounds of a field accept; the same for defaults and seed rows of a document and for requests.
#pragma once

#include <string>
#include <string_view>

#include "pkg/base/value.h"
#include "pkg/spec/app.h"

namespace flyball::spec {

// local@domain with a non-empty local part of at most 64 bytes, no white space or control characters, and a domain of
// letters, digits, '-' and '.' whose labels are not empty; at most 254 bytes (RFC 5321 section 4.5.3.1).
bool IsEmail(std::string_view text);

// scheme:rest (RFC 3986 section 3), without white space, control characters or quotes.
bool IsUri(std::string_view text);

// Empty when `value`, which is not null and of the field's type, is within what the field allows; else what would be:
// "must be one of 'low', 'medium', 'high'", "must be at least 3 characters long". Timestamps must be normalised.
std::string WhyRefused(const Field& field, const Value& value);

}  // namespace flyball::spec
