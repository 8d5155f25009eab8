// If-Match and If-None-Match (RFC 9110 section 13.1) over versions.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace flyball::resource {

// What a field value holds. Tags that are weak, foreign or malformed name no version of ours, and so match nothing.
struct EntityTags {
  bool present = false;  // the header was sent and is not empty
  bool any = false;      // *
  std::vector<int64_t> versions;

  bool Matches(int64_t version) const;
};

// The strong tags of If-Match; a tag of a selection of fields ("3-9f0c11d2") counts as its version.
EntityTags ReadIfMatch(std::string_view field);

// Whether If-None-Match names `tag` (weak comparison) or is *. False for an empty field.
bool NoneMatchHits(std::string_view field, std::string_view tag);

}  // namespace flyball::resource
