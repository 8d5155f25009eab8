#include "pkg/service/api/fault_delay.h"

#include <fstream>

#include "pkg/base/time_format.h"

namespace flyball::service::api {
namespace {

constexpr nanoseconds kReadEvery = milliseconds(500);

}  // namespace

nanoseconds FaultDelay::At(SteadyTime now) {
  if (file_.empty()) return nanoseconds(delay_.load(std::memory_order_relaxed));
  const int64_t at = nanoseconds(now.time_since_epoch()).count();
  int64_t due = next_read_.load(std::memory_order_relaxed);
  if (at >= due && next_read_.compare_exchange_strong(due, at + kReadEvery.count())) {
    std::ifstream in(file_);
    std::string text;
    if (in >> text) {
      if (const auto delay = ParseDuration(text)) delay_.store(nanoseconds(*delay).count(), std::memory_order_relaxed);
    }
  }
  return nanoseconds(delay_.load(std::memory_order_relaxed));
}

}  // namespace flyball::service::api
