#include "pkg/kube/work_queue.h"

#include <algorithm>
#include <utility>

namespace flyball::kube {

WorkQueue::WorkQueue(WorkQueueOptions options) : options_(options), tokens_(options.burst) {}

void WorkQueue::Add(const std::string& key) {
  if (!dirty_.insert(key).second) return;
  if (!processing_.contains(key)) order_.push_back(key);
}

void WorkQueue::AddAfter(const std::string& key, nanoseconds delay, SteadyTime now) {
  if (delay <= nanoseconds(0)) return Add(key);
  const SteadyTime due = now + delay;
  const auto [known, fresh] = due_of_.try_emplace(key, due);
  if (!fresh) {
    if (known->second <= due) return;
    due_.erase({known->second, key});
    known->second = due;
  }
  due_.emplace(due, key);
}

nanoseconds WorkQueue::AddRateLimited(const std::string& key, SteadyTime now) {
  const int failures = failures_[key]++;
  const double backoff = ToSeconds(options_.first_backoff) * static_cast<double>(uint64_t{1} << std::min(failures, 62));
  nanoseconds wait = options_.longest_backoff;
  if (backoff < ToSeconds(options_.longest_backoff))
    wait = std::chrono::duration_cast<nanoseconds>(std::chrono::duration<double>(backoff));
  wait = std::max(wait, BucketWait(now));
  AddAfter(key, wait, now);
  return wait;
}

// Takes one turn, ahead of time when none is there, and says how long until it comes.
nanoseconds WorkQueue::BucketWait(SteadyTime now) {
  if (refilled_ && now > *refilled_)
    tokens_ = std::min(options_.burst, tokens_ + ToSeconds(now - *refilled_) * options_.retries_per_second);
  if (!refilled_ || now > *refilled_) refilled_ = now;
  tokens_ -= 1;
  if (tokens_ >= 0) return nanoseconds(0);
  return std::chrono::duration_cast<nanoseconds>(std::chrono::duration<double>(-tokens_ / options_.retries_per_second));
}

void WorkQueue::Forget(const std::string& key) { failures_.erase(key); }

int WorkQueue::Failures(const std::string& key) const {
  const auto found = failures_.find(key);
  return found == failures_.end() ? 0 : found->second;
}

void WorkQueue::Promote(SteadyTime now) {
  while (!due_.empty() && due_.begin()->first <= now) {
    const std::string key = due_.begin()->second;
    due_.erase(due_.begin());
    due_of_.erase(key);
    Add(key);
  }
}

std::optional<std::string> WorkQueue::Take(SteadyTime now) {
  Promote(now);
  if (order_.empty()) return std::nullopt;
  std::string key = std::move(order_.front());
  order_.pop_front();
  dirty_.erase(key);
  processing_.insert(key);
  return key;
}

void WorkQueue::Done(const std::string& key) {
  if (processing_.erase(key) == 1 && dirty_.contains(key)) order_.push_back(key);
}

std::optional<SteadyTime> WorkQueue::NextDue() const {
  if (due_.empty()) return std::nullopt;
  return due_.begin()->first;
}

void SharedWorkQueue::Add(const std::string& key) {
  std::lock_guard lock(mutex_);
  queue_.Add(key);
  waiting_.notify_all();
}

void SharedWorkQueue::AddAfter(const std::string& key, nanoseconds delay) {
  std::lock_guard lock(mutex_);
  queue_.AddAfter(key, delay, RealClock().Now());
  waiting_.notify_all();
}

nanoseconds SharedWorkQueue::AddRateLimited(const std::string& key) {
  std::lock_guard lock(mutex_);
  const nanoseconds wait = queue_.AddRateLimited(key, RealClock().Now());
  waiting_.notify_all();
  return wait;
}

void SharedWorkQueue::Forget(const std::string& key) {
  std::lock_guard lock(mutex_);
  queue_.Forget(key);
}

int SharedWorkQueue::Failures(const std::string& key) const {
  std::lock_guard lock(mutex_);
  return queue_.Failures(key);
}

void SharedWorkQueue::Done(const std::string& key) {
  std::lock_guard lock(mutex_);
  queue_.Done(key);
  waiting_.notify_all();
}

std::optional<std::string> SharedWorkQueue::Take(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    const SteadyTime now = RealClock().Now();
    if (auto key = queue_.Take(now)) return key;
    const auto due = queue_.NextDue();
    bool changed = false;
    const auto until_changed = [&] { return std::exchange(changed, true); };  // false once: a wake-up ends the wait
    if (due) {
      waiting_.wait_until(lock, stop, *due, until_changed);
    } else {
      waiting_.wait(lock, stop, until_changed);
    }
  }
  return std::nullopt;
}

size_t SharedWorkQueue::depth() const {
  std::lock_guard lock(mutex_);
  return queue_.depth();
}

}  // namespace flyball::kube
