#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "pkg/base/clock.h"

namespace flyball::admission {

// Names a request by who asked for what: the same principal repeating the same route and query gives the same hash.
uint64_t RequestHash(std::string_view principal, uint32_t route, std::string_view query);

// A set of requests that forgets: one is remembered for at least 10 s and at most 20 s. Two Bloom filters that take
// turns; with 5,000 insertions a second fewer than 3 in 1,000 others are found. 2 * 128 KiB. Not thread-safe.
class RecentRequests {
 public:
  explicit RecentRequests(SteadyTime now);

  void Insert(uint64_t request, SteadyTime now);
  bool Contains(uint64_t request, SteadyTime now);

 private:
  void Rotate(SteadyTime now);

  std::vector<uint64_t> young_, old_;
  SteadyTime rotated_;
};

// Tells retries from new demand without the client's help: who repeats a request that was shed is retrying; but who
// goes on repeating one that was answered meanwhile simply asks for it often (a poller, a load test, one hot page), and
// that is demand. In doubt a request is demand: taking demand for retries would hide an overload from the scaler. Three
// RecentRequests. Not thread-safe.
class RetryFilter {
 public:
  explicit RetryFilter(SteadyTime now) : shed_(now), served_(now), repeated_(now) {}

  // On arrival: whether it repeats a request that was shed and not answered since.
  bool IsRetry(uint64_t request, SteadyTime now);
  void OnShed(uint64_t request, SteadyTime now) { shed_.Insert(request, now); }
  void OnServed(uint64_t request, SteadyTime now) { served_.Insert(request, now); }

 private:
  RecentRequests shed_, served_, repeated_;
};

}  // namespace flyball::admission
