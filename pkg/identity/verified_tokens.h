#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/base/clock.h"
#include "pkg/base/result.h"
#include "pkg/identity/token.h"

namespace flyball::identity {

// Remembers tokens that verified, so that the next request with the same token costs a look-up (~100 ns) instead of an
// HMAC and two parses. One per reactor thread; not thread-safe. Bounded: `capacity` slots in sets of four, the one that
// expires first gives way. Holds nothing about tokens that failed. A token is never good past its exp.
class VerifiedTokens {
 public:
  // `capacity` is rounded up to a power of two, at least 4. Memory: the tokens' and ids' bytes, filled on use.
  explicit VerifiedTokens(size_t capacity = 4096);
  ~VerifiedTokens();
  VerifiedTokens(const VerifiedTokens&) = delete;
  VerifiedTokens& operator=(const VerifiedTokens&) = delete;

  // As VerifyToken. The principal is borrowed until the next call. Call Clear when keys or options change.
  Result<const Principal*> Verify(std::string_view token, const KeySet& keys, const TokenOptions& options,
                                  WallTime now);
  void Clear();

  uint64_t hits() const { return hits_; }
  uint64_t misses() const { return misses_; }

 private:
  struct Slot {
    uint64_t mark = 0;  // the signature's first bytes: nobody without the key can choose them
    std::string token;  // empty = free
    Principal principal;
  };

  std::vector<Slot> slots_;
  uint64_t hits_ = 0, misses_ = 0;
};

}  // namespace flyball::identity
