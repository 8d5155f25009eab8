// Time as two kinds that never mix: SteadyTime for intervals and deadlines, WallTime for what people and rows see.
#pragma once

#include <chrono>

namespace flyball {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

using SteadyTime = std::chrono::steady_clock::time_point;
using WallTime = std::chrono::system_clock::time_point;

// Where adapters and services take time from. Pure rooms take `now` as an argument instead. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual SteadyTime Now() const = 0;
  virtual WallTime WallNow() const = 0;
};

// The machine's clocks; lives as long as the process.
const Clock& RealClock();

// A clock that moves when told. Not thread-safe against Advance.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(WallTime wall = WallTime{} + std::chrono::hours(24 * 365 * 56)) : wall_(wall) {}
  SteadyTime Now() const override { return steady_; }
  WallTime WallNow() const override { return wall_; }
  void Advance(nanoseconds by) {
    steady_ += by;
    wall_ += std::chrono::duration_cast<WallTime::duration>(by);
  }

 private:
  SteadyTime steady_{std::chrono::hours(1)};
  WallTime wall_;
};

// Seconds as a double; the unit of every rate and of everything exposed to Prometheus.
template <typename Duration>
double ToSeconds(Duration d) {
  return std::chrono::duration<double>(d).count();
}

}  // namespace flyball
