#pragma once

#include <vector>

#include "pkg/base/clock.h"

namespace flyball::http::detail {

// An intrusive entry of a TimerWheel; derive from it. Leaves its wheel when it is destroyed.
class WheelEntry {
 public:
  WheelEntry() = default;
  WheelEntry(const WheelEntry&) = delete;
  WheelEntry& operator=(const WheelEntry&) = delete;
  ~WheelEntry() { Unlink(); }

 private:
  friend class TimerWheel;
  void Unlink();
  WheelEntry* previous_ = nullptr;
  WheelEntry* next_ = nullptr;
  SteadyTime linked_for_;  // when its slot comes round
};

// A hashed timing wheel (Varghese and Lauck 1987, scheme 6): setting a timer is O(1). An entry is offered when its time
// is reached or up to one slot later, or earlier when its owner moved the deadline back meanwhile (moving it back costs
// nothing: the owner looks when it is offered and schedules again). Not thread-safe.
class TimerWheel {
 public:
  explicit TimerWheel(SteadyTime now, milliseconds slot = milliseconds(50), size_t slots = 2048);

  // Offers `entry` at `deadline` at the latest (plus a slot). Beyond the wheel's turn it is offered early.
  void Schedule(WheelEntry& entry, SteadyTime deadline);

  // Takes out every entry whose slot has passed and returns them, linked by Next; null when there are none.
  // The caller schedules again those that are not due.
  WheelEntry* Advance(SteadyTime now);
  // The next of what Advance returned; takes `entry` out of that list.
  static WheelEntry* Next(WheelEntry& entry);

 private:
  const milliseconds slot_;
  SteadyTime current_;  // the start of the slot at index_
  size_t index_ = 0;
  std::vector<WheelEntry> heads_;
};

}  // namespace flyball::http::detail
