#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

namespace flyball {

// A bounded queue from many threads to one owner. When it is full the sender is told at once: nothing blocks, nothing
// is dropped behind anybody's back.
template <typename T>
class Mailbox {
 public:
  explicit Mailbox(size_t capacity) : capacity_(capacity) {}

  enum class Sent { kFirst, kQueued, kFull, kClosed };

  // kFirst: it was empty before, so the owner may need a wake-up. On kFull and kClosed the item stays with the caller.
  Sent Send(T&& item) {
    std::lock_guard lock(mutex_);
    if (closed_) return Sent::kClosed;
    if (items_.size() >= capacity_) return Sent::kFull;
    items_.push_back(std::move(item));
    if (items_.size() == 1) waiting_.notify_one();
    return items_.size() == 1 ? Sent::kFirst : Sent::kQueued;
  }

  // Everything queued, oldest first; empty when nothing is.
  std::deque<T> TakeAll() {
    std::lock_guard lock(mutex_);
    return std::exchange(items_, {});
  }

  // Waits for something up to `limit`; empty on timeout or when closed and drained.
  std::deque<T> WaitAll(std::chrono::nanoseconds limit) {
    std::unique_lock lock(mutex_);
    waiting_.wait_for(lock, limit, [&] { return closed_ || !items_.empty(); });
    return std::exchange(items_, {});
  }

  // No more is accepted; what is queued can still be taken.
  void Close() {
    std::lock_guard lock(mutex_);
    closed_ = true;
    waiting_.notify_all();
  }

  bool closed() const {
    std::lock_guard lock(mutex_);
    return closed_;
  }

 private:
  const size_t capacity_;
  mutable std::mutex mutex_;
  std::condition_variable waiting_;
  std::deque<T> items_;
  bool closed_ = false;
};

}  // namespace flyball
