#include "pkg/service/load/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace flyball::load {
namespace {

int BucketOf(uint64_t micros) {
  const int shift = std::max(0, static_cast<int>(std::bit_width(micros)) - 7);
  return 64 * shift + static_cast<int>(micros >> shift);
}

uint64_t EndOf(int bucket) {  // the largest value of the bucket
  if (bucket < 128) return static_cast<uint64_t>(bucket);
  const int shift = bucket / 64 - 1;
  return (static_cast<uint64_t>(bucket - 64 * shift + 1) << shift) - 1;
}

}  // namespace

void Histogram::Record(uint64_t micros) {
  micros = std::min(micros, kMaxMicros);
  ++buckets_[static_cast<size_t>(BucketOf(micros))];
  ++count_;
  max_ = std::max(max_, micros);
}

uint64_t Histogram::QuantileMicros(double q) const {
  if (count_ == 0) return 0;
  const auto wanted = std::max<uint64_t>(1, static_cast<uint64_t>(std::ceil(q * static_cast<double>(count_))));
  uint64_t seen = 0;
  for (int bucket = 0; bucket < kBuckets; ++bucket) {
    seen += buckets_[static_cast<size_t>(bucket)];
    if (seen >= wanted) return std::min(EndOf(bucket), max_);
  }
  return max_;
}

}  // namespace flyball::load
