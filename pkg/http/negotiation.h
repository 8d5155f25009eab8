// Proactive negotiation (RFC 9110 section 12.5): what of what there is a client takes. Members of a list that are
// malformed are skipped; a field without a well-formed member counts as absent.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace flyball::http {

// How a body may be coded (section 8.4.1).
enum class Coding : uint8_t { kIdentity, kGzip, kBrotli };
std::string_view Name(Coding coding);  // "identity", "gzip", "br"

struct CodingChoice {
  Coding coding = Coding::kIdentity;  // the most wanted one; at equal weight br, then gzip, then identity
  bool acceptable = true;             // false: the client excludes all three
  bool identity_acceptable = true;    // the body may as well stay as it is
};

// Of Accept-Encoding, its lines joined by commas; empty when absent.
CodingChoice ChooseCoding(std::string_view accept_encoding);

// Whether Accept leaves room for `type` ("application/json"): the most specific range that fits it decides, and q=0
// refuses. Parameters of ranges are not looked at. An empty field accepts everything.
bool Accepts(std::string_view accept, std::string_view type);

struct MediaType {
  std::string_view type;     // "application/json", as sent
  std::string_view charset;  // without quotes; empty when not said
};
// A Content-Type; nullopt when it is not type/subtype with well-formed parameters.
std::optional<MediaType> ParseMediaType(std::string_view content_type);

}  // namespace flyball::http
