#pragma once

#include "pkg/base/clock.h"

namespace flyball::admission {

// Refills at a steady rate up to a burst (RFC 2697 without colours). Not thread-safe. `now` may stand still or go back:
// then nothing is refilled. All O(1).
class TokenBucket {
 public:
  // `rate` in tokens a second, >= 0; `burst` in tokens, >= 0; `tokens` it starts with, at most `burst`.
  TokenBucket(double rate, double burst, double tokens, SteadyTime now);

  // Takes `cost` tokens when they are there and `reserve` would be left; otherwise takes none.
  bool Take(double cost, SteadyTime now, double reserve = 0);
  // Puts tokens in, never above the burst.
  void Put(double tokens, SteadyTime now);
  // New terms from `now` on; what is above the new burst is lost.
  void SetRate(double rate, double burst, SteadyTime now);

  double Tokens(SteadyTime now);
  // Until `cost` tokens are there; zero when they are, kLongestWait at most.
  nanoseconds Until(double cost, SteadyTime now);

  double rate() const { return rate_; }
  double burst() const { return burst_; }

 private:
  void Refill(SteadyTime now);

  double rate_, burst_, tokens_;
  SteadyTime at_;
};

// What stands for "no time at all will help": rates of zero give it.
inline constexpr nanoseconds kLongestWait = std::chrono::hours(24);

// How long `tokens` (>= 0) take to come in at `rate`; at most kLongestWait.
nanoseconds WaitFor(double tokens, double rate);

}  // namespace flyball::admission
