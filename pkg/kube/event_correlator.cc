#include "pkg/kube/event_correlator.h"

#include <algorithm>

#include "pkg/base/ids.h"

namespace flyball::kube {
namespace {

constexpr char kBetween = '\x1f';

std::string KeyOf(const ObjectReference& about) {
  std::string key;
  for (const std::string* part : {&about.api_version, &about.kind, &about.name_space, &about.name, &about.uid})
    key.append(*part).push_back(kBetween);
  return key;
}

std::string KeyOfReason(const EventNote& note) {
  return KeyOf(note.about) + (note.type == EventType::kNormal ? 'N' : 'W') + note.reason;
}

}  // namespace

template <typename V>
V* EventCorrelator::Recent<V>::Find(const std::string& key) {
  const auto found = at.find(key);
  if (found == at.end()) return nullptr;
  order.splice(order.begin(), order, found->second);
  return &found->second->second;
}

template <typename V>
V& EventCorrelator::Recent<V>::Insert(const std::string& key, V value, size_t limit) {
  order.emplace_front(key, std::move(value));
  at[key] = order.begin();
  if (order.size() > limit) {
    at.erase(order.back().first);
    order.pop_back();
  }
  return order.front().second;
}

template <typename V>
void EventCorrelator::Recent<V>::Erase(const std::string& key) {
  const auto found = at.find(key);
  if (found == at.end()) return;
  order.erase(found->second);
  at.erase(found);
}

bool EventCorrelator::Allowed(const EventNote& note, SteadyTime now) {
  const std::string key = KeyOf(note.about);
  Bucket* bucket = buckets_.Find(key);
  if (bucket == nullptr) bucket = &buckets_.Insert(key, {limits_.burst, now}, limits_.remembered);
  if (now > bucket->refilled) {
    bucket->tokens = std::min(limits_.burst, bucket->tokens + ToSeconds(now - bucket->refilled) * limits_.per_second);
    bucket->refilled = now;
  }
  if (bucket->tokens < 1) return false;
  bucket->tokens -= 1;
  return true;
}

// What tells notes apart that become one Event: the message too, until there were too many different ones.
std::string EventCorrelator::KeyToTell(const EventNote& note, SteadyTime now, bool& combined) {
  const std::string reason = KeyOfReason(note);
  Similar* similar = similar_.Find(reason);
  if (similar == nullptr) similar = &similar_.Insert(reason, {}, limits_.remembered);
  if (now - similar->last > limits_.similar_within) similar->messages.clear();
  similar->last = now;
  if (static_cast<int>(similar->messages.size()) < limits_.similar) similar->messages.insert(note.message);
  combined = !similar->messages.contains(note.message);
  return combined ? reason : reason + kBetween + note.message;
}

CorrelatedEvent EventCorrelator::Take(const EventNote& note, SteadyTime now, WallTime wall) {
  bool combined = false;
  const std::string key = KeyToTell(note, now, combined);
  CorrelatedEvent event{.key = key, .message = note.message, .first = wall, .last = wall};
  if (combined) event.message = "(combined from similar events): " + note.message;
  if (Told* told = told_.Find(key)) {
    event.name = told->name;
    event.count = ++told->count;
    event.first = told->first;
    event.dropped = !Allowed(note, now);
    return event;
  }
  event.name = note.about.name + "." + RandomHex(8);
  event.dropped = !Allowed(note, now);
  if (!event.dropped) told_.Insert(key, {event.name, 1, wall}, limits_.remembered);
  return event;
}

void EventCorrelator::Forget(const CorrelatedEvent& event) { told_.Erase(event.key); }

}  // namespace flyball::kube
