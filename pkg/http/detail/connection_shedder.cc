#include "pkg/http/detail/connection_shedder.h"

#include <algorithm>
#include <cmath>

namespace flyball::http::detail {
namespace {

constexpr double kSharePerSecond = 0.05;
constexpr double kRefusedShare = 0.1;
constexpr milliseconds kRefusedEvery{100};

bool TakeFrom(std::atomic<int32_t>& granted) {
  int32_t left = granted.load(std::memory_order_relaxed);
  while (left > 0) {
    if (granted.compare_exchange_weak(left, left - 1, std::memory_order_relaxed)) return true;
  }
  return false;
}

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

void ConnectionShedder::RefillRefused(uint64_t open, SteadyTime now) {
  std::lock_guard lock(mutex_);
  if (per_second_ == 0) return refused_granted_.store(0, std::memory_order_relaxed);
  if (now < next_refused_refill_) return;
  next_refused_refill_ = now + kRefusedEvery;
  const auto held = static_cast<double>(open);
  const double share = std::min(held - level_, std::ceil(held * kRefusedShare));
  refused_granted_.store(static_cast<int32_t>(std::max(0.0, share)), std::memory_order_relaxed);
}

bool ConnectionShedder::TakeOne() { return TakeFrom(granted_); }
bool ConnectionShedder::TakeRefused() {
  if (!TakeFrom(refused_granted_)) return false;
  refused_taken_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

}  // namespace flyball::http::detail
