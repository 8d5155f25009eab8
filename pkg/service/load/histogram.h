#pragma once

#include <array>
#include <cstdint>

namespace flyball::load {

// Counts durations in buckets whose width grows with the value (as HdrHistogram does): 64 buckets a doubling, so a
// quantile is at most 1.6 % above the true one; below 128 us it is exact. 16 KiB, no allocation.
class Histogram {
 public:
  static constexpr uint64_t kMaxMicros = (uint64_t{1} << 36) - 1;  // 19 hours; more counts as this much

  void Record(uint64_t micros);
  void Clear() { *this = Histogram(); }

  uint64_t count() const { return count_; }
  uint64_t max_micros() const { return max_; }
  // The smallest bucket end that at least q of the values do not exceed, 0 < q <= 1, never above max_micros().
  // 0 when empty.
  uint64_t QuantileMicros(double q) const;

 private:
  static constexpr int kBuckets = 64 * (36 - 7) + 128;
  std::array<uint64_t, kBuckets> buckets_{};
  uint64_t count_ = 0;
  uint64_t max_ = 0;
};

}  // namespace flyball::load
