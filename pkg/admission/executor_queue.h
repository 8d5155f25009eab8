// The discipline of the bounded queue in front of the executor's workers. Holds the caller's numbers of requests, not
// requests.
//
// - At most `capacity` wait (4 per worker), none longer than `max_wait` (100 ms): then it is shed (503). Only time in
//   which every worker is busy counts: what waits for the machine to run an idle one is not overload.
// - Served by criticality. Within one: oldest first, but newest first under pressure, that is when more than half of
//   the capacity is taken or the oldest of them has waited half of max_wait: whoever would be late anyway is not
//   helped.
// - When it is full, the oldest of the lowest criticality gives way to a newcomer at least as important; a less
//   important newcomer is refused.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "pkg/admission/lease.h"
#include "pkg/base/clock.h"

namespace flyball::admission {

// Not thread-safe (an executor holds its own lock). O(1), but for the expired: O(1) each.
class ExecutorQueue {
 public:
  struct Options {
    size_t capacity = 32;  // >= 1
    milliseconds max_wait{100};
  };

  explicit ExecutorQueue(const Options& options) : options_(options) {}

  struct Pushed {
    bool accepted = false;            // false: the queue is full of what matters more
    std::optional<uint64_t> evicted;  // who gave way: to be shed as preempted (less critical) or queue-full (the same)
  };
  Pushed Push(uint64_t item, Criticality criticality, SteadyTime now);

  // Who is next; empty when nobody waits. Who has waited too long is appended to `expired`, oldest first within a
  // criticality, and is never returned.
  std::optional<uint64_t> Pop(SteadyTime now, std::vector<uint64_t>& expired);
  // Only the latter; call it when a deadline may have passed while all workers are busy.
  void Expire(SteadyTime now, std::vector<uint64_t>& expired);
  // A worker is idle at `now`: everyone's wait begins then. Call it before Pop and Expire. O(size).
  void CountFrom(SteadyTime now);
  // Takes one out (its client went away); false when it is not waiting. O(size).
  bool Remove(uint64_t item);

  size_t size() const;

 private:
  struct Waiting {
    uint64_t item;
    SteadyTime since;
  };

  Options options_;
  std::array<std::deque<Waiting>, kCriticalities> lanes_;
};

}  // namespace flyball::admission
