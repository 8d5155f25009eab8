// Range requests (RFC 9110 section 14): which bytes of a representation a client wants, and the answer that holds them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/http/request.h"

namespace flyball::http {

struct ByteRange {
  uint64_t first = 0, last = 0;  // both inclusive, last < size
};
inline constexpr size_t kMaxRanges = 16;

struct RangeSelection {
  enum class Kind { kWhole, kParts, kUnsatisfiable } kind = Kind::kWhole;
  std::vector<ByteRange> parts;  // of kParts: in the order asked for, at least one
};

// What `field` ("bytes=0-99,-1") selects of a body of `size` bytes. Fields that are malformed, of another unit, of more
// than kMaxRanges ranges, or with ranges that overlap, select everything, as section 14.2 allows; unsatisfiable ranges
// beside satisfiable ones are left out.
RangeSelection SelectRanges(std::string_view field, uint64_t size);

// Whether the request's If-Range lets Range count for a representation with this strong tag: it is absent or the same
// tag. Dates never are: nothing here has a date of modification.
bool IfRangeHolds(const Request& request, std::string_view etag);

// "bytes 0-99/1234", and "bytes */1234" for a range that cannot be.
std::string ContentRange(const ByteRange& range, uint64_t size);
std::string UnsatisfiedRange(uint64_t size);

// The body of a multipart/byteranges answer (section 14.6); `boundary` occurs nowhere in `body` and is a token.
std::string MultipartRanges(std::string_view body, std::string_view content_type, const std::vector<ByteRange>& parts,
                            std::string_view boundary);

}  // namespace flyball::http
