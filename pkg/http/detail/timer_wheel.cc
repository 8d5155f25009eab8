#include "pkg/http/detail/timer_wheel.h"

#include <algorithm>

namespace flyball::http::detail {

void WheelEntry::Unlink() {
  if (previous_ != nullptr) previous_->next_ = next_;
  if (next_ != nullptr) next_->previous_ = previous_;
  previous_ = next_ = nullptr;
}

TimerWheel::TimerWheel(SteadyTime now, milliseconds slot, size_t slots) : slot_(slot), current_(now), heads_(slots) {}

void TimerWheel::Schedule(WheelEntry& entry, SteadyTime deadline) {
  const bool linked = entry.previous_ != nullptr;
  if (linked && entry.linked_for_ <= deadline + slot_) return;  // offered earlier than needed: its owner will look
  entry.Unlink();
  const auto ahead = std::max<int64_t>((deadline - current_) / slot_, 0) + 1;
  const size_t steps = std::min(static_cast<size_t>(ahead), heads_.size() - 1);
  entry.linked_for_ = current_ + slot_ * static_cast<int64_t>(steps);
  WheelEntry& head = heads_[(index_ + steps) % heads_.size()];
  entry.next_ = head.next_;
  entry.previous_ = &head;
  if (head.next_ != nullptr) head.next_->previous_ = &entry;
  head.next_ = &entry;
}

WheelEntry* TimerWheel::Advance(SteadyTime now) {
  WheelEntry* due = nullptr;
  while (current_ + slot_ <= now) {
    current_ += slot_;
    index_ = (index_ + 1) % heads_.size();
    WheelEntry& head = heads_[index_];
    while (WheelEntry* entry = head.next_) {
      entry->Unlink();
      entry->next_ = due;
      due = entry;
    }
  }
  return due;
}

WheelEntry* TimerWheel::Next(WheelEntry& entry) {
  WheelEntry* next = entry.next_;
  entry.next_ = nullptr;
  return next;
}

}  // namespace flyball::http::detail
