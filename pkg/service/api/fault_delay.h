// How much longer each request takes in demos and tests: a fixed time, or what a file says now, so that a dependency
// can become slow while pods run.
#pragma once

#include <atomic>
#include <string>

#include "pkg/base/clock.h"

namespace flyball::service::api {

class FaultDelay {
 public:
  // `file`, when not empty, holds a duration ("20ms") that is read anew twice a second; while it cannot be read or
  // understood the last delay stays.
  FaultDelay(nanoseconds delay, std::string file) : file_(std::move(file)), delay_(delay.count()) {}

  // Any thread; reads the file when that is due.
  nanoseconds At(SteadyTime now);

 private:
  const std::string file_;
  std::atomic<int64_t> delay_;
  std::atomic<int64_t> next_read_{0};  // nanoseconds since the clock's epoch
};

}  // namespace flyball::service::api
