#include "pkg/http/detail/connection_shedder.h"

#include <algorithm>
#include <cmath>

namespace flyball::http::detail {
namespace {

constexpr double kSharePerSecond = 0.05;

}  // namespace

void ConnectionShedder::SetFleet(uint32_t ready_pods, double level, uint64_t open, SteadyTime now) {
  std::lock_guard lock(mutex_);
  level_ = level;
  if (ready_pods > ready_pods_ && ready_pods_ > 0) {
    const auto share = static_cast<uint64_t>(std::ceil(static_cast<double>(open) * kSharePerSecond));
    per_second_ = std::max<uint64_t>(share, 1);
    next_refill_ = now;
  }
  ready_pods_ = ready_pods;
}

void ConnectionShedder::Refill(uint64_t open, SteadyTime now) {
  std::lock_guard lock(mutex_);
  if (per_second_ == 0 || now < next_refill_) return;
  next_refill_ = now + seconds(1);
  const double surplus = static_cast<double>(open) - level_;
  if (surplus < 1) {
    per_second_ = 0;
    granted_.store(0, std::memory_order_relaxed);
    return;
  }
  granted_.store(static_cast<int32_t>(std::min<uint64_t>(per_second_, static_cast<uint64_t>(surplus))),
                 std::memory_order_relaxed);
}

bool ConnectionShedder::TakeOne() {
  int32_t left = granted_.load(std::memory_order_relaxed);
  while (left > 0) {
    if (granted_.compare_exchange_weak(left, left - 1, std::memory_order_relaxed)) return true;
  }
  return false;
}

}  // namespace flyball::http::detail
