#pragma once

#include <cstdint>
#include <list>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

#include "pkg/base/clock.h"

namespace flyball::kube {

// The object an event is about.
struct ObjectReference {
  std::string api_version{}, kind{}, name_space{}, name{}, uid{}, resource_version{};
};

enum class EventType { kNormal, kWarning };

struct EventNote {
  ObjectReference about{};
  EventType type = EventType::kNormal;
  std::string reason{};   // "ScaledUp": one word, stable
  std::string message{};  // for people
};

struct EventLimits {
  int similar = 10;                                       // messages of one reason that are told one by one ...
  nanoseconds similar_within = std::chrono::minutes(10);  // ... when they come within so long; then they become one
  double burst = 25;                                      // events about one object ...
  double per_second = 1.0 / 300;                          // ... and how fast more are allowed
  size_t remembered = 4096;                               // the least recent are forgotten
};

// What became of a note.
struct CorrelatedEvent {
  bool dropped = false;   // one object was written about too much
  std::string key{};      // for Forget()
  std::string name{};     // of the Event object
  std::string message{};  // with "(combined from similar events): " in front when it stands for several
  int64_t count = 1;      // > 1: the Event exists, its count and message are to be updated
  WallTime first{}, last{};
};

// Keeps a controller that says the same in every round from filling the API server (the rules of client-go's
// EventCorrelator). Pure; not thread-safe; O(log n).
class EventCorrelator {
 public:
  explicit EventCorrelator(EventLimits limits = {}) : limits_(limits) {}
  CorrelatedEvent Take(const EventNote& note, SteadyTime now, WallTime wall);
  // The Event could not be updated, it is gone: the next one alike is a new one.
  void Forget(const CorrelatedEvent& event);

 private:
  struct Bucket {
    double tokens;
    SteadyTime refilled;
  };
  struct Similar {
    std::set<std::string> messages{};
    SteadyTime last{};
  };
  struct Told {
    std::string name;
    int64_t count;
    WallTime first;
  };
  template <typename V>
  struct Recent {  // least recently used goes first
    std::list<std::pair<std::string, V>> order;
    std::unordered_map<std::string, typename std::list<std::pair<std::string, V>>::iterator> at;
    V* Find(const std::string& key);
    V& Insert(const std::string& key, V value, size_t limit);
    void Erase(const std::string& key);
  };
  bool Allowed(const EventNote& note, SteadyTime now);
  std::string KeyToTell(const EventNote& note, SteadyTime now, bool& combined);

  EventLimits limits_;
  Recent<Bucket> buckets_;
  Recent<Similar> similar_;
  Recent<Told> told_;
};

}  // namespace flyball::kube
