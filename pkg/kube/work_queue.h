#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "pkg/base/clock.h"

namespace flyball::kube {

struct WorkQueueOptions {
  // A key that failed n times in a row waits first x 2^n, at most longest.
  nanoseconds first_backoff = milliseconds(5), longest_backoff = seconds(1000);
  // What all retries together may come to: a token bucket.
  double retries_per_second = 10;
  double burst = 100;
};

// The keys that need reconciling. A key is in it once, however often it is added; while it is processed it is not
// handed out again, and when it was added meanwhile it is again afterwards. Pure; not thread-safe (SharedWorkQueue is).
// Adding and taking cost O(1), delayed adds O(log n).
class WorkQueue {
 public:
  explicit WorkQueue(WorkQueueOptions options = {});

  void Add(const std::string& key);
  // Not before `delay` (<= 0: now). An earlier time for the same key stands.
  void AddAfter(const std::string& key, nanoseconds delay, SteadyTime now);
  // After the later of the key's backoff, which grows, and the turn in the bucket. Returns the wait.
  nanoseconds AddRateLimited(const std::string& key, SteadyTime now);
  // The key succeeded: its next backoff is the first again.
  void Forget(const std::string& key);
  int Failures(const std::string& key) const;

  // The key that waited longest, now being processed until Done(); none when nothing is due.
  std::optional<std::string> Take(SteadyTime now);
  void Done(const std::string& key);

  // When the next delayed key is due; none when none is delayed.
  std::optional<SteadyTime> NextDue() const;
  size_t depth() const { return order_.size(); }  // ready to be taken
  size_t delayed() const { return due_.size(); }  // waiting for their time
  size_t processing() const { return processing_.size(); }

 private:
  void Promote(SteadyTime now);
  nanoseconds BucketWait(SteadyTime now);

  WorkQueueOptions options_;
  std::deque<std::string> order_;          // ready, oldest first
  std::unordered_set<std::string> dirty_;  // needs processing: in order_, or processing_ and added again
  std::unordered_set<std::string> processing_;
  std::set<std::pair<SteadyTime, std::string>> due_;    // delayed
  std::unordered_map<std::string, SteadyTime> due_of_;  // the same by key
  std::unordered_map<std::string, int> failures_;
  double tokens_;  // may be negative: turns given away ahead of time
  std::optional<SteadyTime> refilled_;
};

// The same for many threads, on the machine's clock.
class SharedWorkQueue {
 public:
  explicit SharedWorkQueue(WorkQueueOptions options = {}) : queue_(options) {}

  void Add(const std::string& key);
  void AddAfter(const std::string& key, nanoseconds delay);
  nanoseconds AddRateLimited(const std::string& key);
  void Forget(const std::string& key);
  int Failures(const std::string& key) const;
  void Done(const std::string& key);
  // Blocks until a key is due; none when `stop` asks.
  std::optional<std::string> Take(std::stop_token stop);
  size_t depth() const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable_any waiting_;
  WorkQueue queue_;  // guarded by mutex_
};

}  // namespace flyball::kube
