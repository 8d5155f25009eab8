#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "pkg/base/clock.h"

namespace flyball::admission {

// Names a request by who asked for what: the same principal repeating the same route and query gives the same hash.
uint64_t RequestHash(std::string_view principal, uint32_t route, std::string_view query);

// Remembers requests that were shed, so that their repetition is counted as a retry and not as new demand. Two Bloom
// filters that take turns: a request is remembered at least 10 s and at most 20 s. With 5,000 sheds a second fewer than
// 3 in 1,000 others are taken for retries. 2 * 128 KiB. Not thread-safe.
class RetryFilter {
 public:
  explicit RetryFilter(SteadyTime now);

  void Insert(uint64_t request, SteadyTime now);
  bool Contains(uint64_t request, SteadyTime now);

 private:
  void Rotate(SteadyTime now);

  std::vector<uint64_t> young_, old_;
  SteadyTime rotated_;
};

}  // namespace flyball::admission
