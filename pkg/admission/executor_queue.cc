#include "pkg/admission/executor_queue.h"

#include <algorithm>

namespace flyball::admission {

size_t ExecutorQueue::size() const {
  size_t n = 0;
  for (const auto& lane : lanes_) n += lane.size();
  return n;
}

ExecutorQueue::Pushed ExecutorQueue::Push(uint64_t item, Criticality criticality, SteadyTime now) {
  Pushed pushed;
  if (size() >= options_.capacity) {
    size_t lowest = kCriticalities - 1;
    while (lanes_[lowest].empty()) --lowest;
    if (lowest < Index(criticality)) return pushed;
    pushed.evicted = lanes_[lowest].front().item;
    lanes_[lowest].pop_front();
  }
  lanes_[Index(criticality)].push_back({item, now});
  pushed.accepted = true;
  return pushed;
}

void ExecutorQueue::Expire(SteadyTime now, std::vector<uint64_t>& expired) {
  for (auto& lane : lanes_) {
    while (!lane.empty() && now - lane.front().since >= options_.max_wait) {
      expired.push_back(lane.front().item);
      lane.pop_front();
    }
  }
}

void ExecutorQueue::CountFrom(SteadyTime now) {
  for (auto& lane : lanes_) {
    for (Waiting& waiting : lane) waiting.since = now;
  }
}

std::optional<uint64_t> ExecutorQueue::Pop(SteadyTime now, std::vector<uint64_t>& expired) {
  Expire(now, expired);
  for (auto& lane : lanes_) {
    if (lane.empty()) continue;
    const bool pressure = 2 * size() > options_.capacity || now - lane.front().since >= options_.max_wait / 2;
    const uint64_t item = pressure ? lane.back().item : lane.front().item;
    pressure ? lane.pop_back() : lane.pop_front();
    return item;
  }
  return std::nullopt;
}

bool ExecutorQueue::Remove(uint64_t item) {
  for (auto& lane : lanes_) {
    auto it = std::find_if(lane.begin(), lane.end(), [&](const Waiting& w) { return w.item == item; });
    if (it == lane.end()) continue;
    lane.erase(it);
    return true;
  }
  return false;
}

}  // namespace flyball::admission
