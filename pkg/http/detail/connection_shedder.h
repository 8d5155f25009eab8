#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include "pkg/base/clock.h"

namespace flyball::http::detail {

// Levels kept-alive connections over a fleet that grew. Persistent connections stay where they are when pods are
// added, so the new ones would idle; closing a fixed 1 - n/m share leaves old pods at 1.5x the mean. Instead each pod
// closes only its own surplus above a level, at most 5 % a second of what it held when the fleet grew: the mean itself
// where new connections go to the pod with the fewest (a shared socket), 1.1x the mean where a balancer spreads them.
class ConnectionShedder {
 public:
  // What is known of the fleet. Shedding begins when `ready_pods` rises (the first call only sets the level).
  void SetFleet(uint32_t ready_pods, double level, uint64_t open, SteadyTime now);

  // Grants closings, once a second; by one reactor. What was not used in the second before lapses.
  void Refill(uint64_t open, SteadyTime now);

  // Takes one of the closings granted; false when there is none. Any thread, a few ns when there is none.
  bool TakeOne();

  // The same for connections whose request is being refused for lack of capacity: they lose nothing by moving, so a
  // tenth of what is held may go in 100 ms, never below the level.
  void RefillRefused(uint64_t open, SteadyTime now);
  bool TakeRefused();
  uint64_t refused_taken() const { return refused_taken_.load(std::memory_order_relaxed); }

  bool HasGrants() const { return granted_.load(std::memory_order_relaxed) > 0; }

 private:
  std::atomic<int32_t> granted_{0}, refused_granted_{0};
  std::atomic<uint64_t> refused_taken_{0};
  std::mutex mutex_;  // guards the rest; never taken on the request path
  uint32_t ready_pods_ = 0;
  double level_ = 0;         // connections
  uint64_t per_second_ = 0;  // 0: level, or never grown
  SteadyTime next_refill_, next_refused_refill_;
};

}  // namespace flyball::http::detail
