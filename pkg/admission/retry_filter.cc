#include "pkg/admission/retry_filter.h"

#include <algorithm>

#include "pkg/admission/detail/hash.h"

namespace flyball::admission {
namespace {

constexpr seconds kTurn{10};
constexpr uint64_t kBits = uint64_t{1} << 20;
constexpr int kProbes = 4;

// The bits of a request: a, a+b, a+2b, ... (Kirsch and Mitzenmacher).
struct Probes {
  uint64_t a, b;
  explicit Probes(uint64_t request) : a(request), b((request >> 32) | 1) {}
  uint64_t Next() { return (a += b) % kBits; }
};

bool AllSet(const std::vector<uint64_t>& bits, uint64_t request) {
  Probes probes(request);
  for (int i = 0; i < kProbes; ++i) {
    const uint64_t bit = probes.Next();
    if (!(bits[bit / 64] >> (bit % 64) & 1)) return false;
  }
  return true;
}

}  // namespace

uint64_t RequestHash(std::string_view principal, uint32_t route, std::string_view query) {
  return Hash(Mix(Hash(0, principal), route), query);
}

RecentRequests::RecentRequests(SteadyTime now) : young_(kBits / 64), old_(kBits / 64), rotated_(now) {}

void RecentRequests::Rotate(SteadyTime now) {
  const auto age = now - rotated_;
  if (age < kTurn) return;
  old_.swap(young_);
  std::fill(young_.begin(), young_.end(), 0);
  if (age >= 2 * kTurn) std::fill(old_.begin(), old_.end(), 0);
  rotated_ = age >= 2 * kTurn ? now : rotated_ + kTurn;
}

void RecentRequests::Insert(uint64_t request, SteadyTime now) {
  Rotate(now);
  Probes probes(request);
  for (int i = 0; i < kProbes; ++i) {
    const uint64_t bit = probes.Next();
    young_[bit / 64] |= uint64_t{1} << (bit % 64);
  }
}

bool RecentRequests::Contains(uint64_t request, SteadyTime now) {
  Rotate(now);
  return AllSet(young_, request) || AllSet(old_, request);
}

bool RetryFilter::IsRetry(uint64_t request, SteadyTime now) {
  if (served_.Contains(request, now)) repeated_.Insert(request, now);
  return shed_.Contains(request, now) && !repeated_.Contains(request, now);
}

}  // namespace flyball::admission
