// If-Match and If-None-Match (RFC 9110 section 13.1) over versions. Rows have no date of modification on the wire, so
// If-Unmodified-Since and If-Modified-Since are ignored, as sections 13.1.3 and 13.1.4 ask.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/base/result.h"

namespace flyball::resource {

// What a field value holds. Tags of other origin name no version of ours, and so match nothing.
struct EntityTags {
  bool present = false;  // the header was sent
  bool any = false;      // *
  bool weak = false;     // a W/ tag was left out, because the comparison is the strong one
  std::vector<int64_t> versions;

  bool Matches(int64_t version) const;
};

// What a change is made conditional on.
struct Preconditions {
  EntityTags match, none_match;

  bool present() const { return match.present || none_match.present; }
  // Of a row that exists at `version`: If-Match is judged first, then If-None-Match (section 13.2.2).
  bool Hold(int64_t version) const;
  // Why they do not hold for a row that exists at `version`: what the client is told with 412.
  std::string WhyNot(int64_t version) const;
};

// Empty texts stand for absent fields. A tag of a selection of fields or of a coded body ("3-9f0c11d2", "3-gzip")
// counts as its version. kInvalid, naming the field: neither * nor a list of entity-tags (section 8.8.3).
Result<Preconditions> ReadPreconditions(std::string_view if_match, std::string_view if_none_match);

// Whether the If-None-Match of a read names `tag` (weak comparison) or is *. False for an empty field, and at the first
// thing that is no entity-tag: then the read is answered in full.
bool NoneMatchHits(std::string_view field, std::string_view tag);

}  // namespace flyball::resource
