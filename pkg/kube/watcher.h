// The last known objects of a collection, kept up to date by list + watch on a thread of its own.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/kube/client.h"
#include "pkg/kube/object_cache.h"

namespace flyball::kube {

struct WatcherOptions {
  ResourcePath collection{};
  std::string label_selector{}, field_selector{};
  int page_size = 500;
  // Each watch asks the server to end it after a time drawn evenly from here.
  std::chrono::milliseconds shortest_watch = std::chrono::minutes(5), longest_watch = std::chrono::minutes(10);
  // A watch that has been silent so long is begun again where it stood, and after four of them the collection is
  // listed: servers send a bookmark each minute, but of a collection without any event not even that.
  std::chrono::milliseconds idle{150'000};
  std::chrono::milliseconds list_timeout{60'000};
  // After a failure the wait is drawn from [w/2, w), w doubling from the first to the longest; Retry-After is honoured.
  std::chrono::milliseconds first_backoff{200}, longest_backoff{30'000};
};

struct WatcherCounts {
  uint64_t lists = 0;     // whole collections read
  uint64_t watches = 0;   // watch requests begun
  uint64_t events = 0;    // that changed the cache
  uint64_t stale = 0;     // duplicates and older than what was known; ignored
  uint64_t failures = 0;  // of lists and watches
  uint64_t gone = 0;      // 410s, each followed by a list
  uint64_t silent = 0;    // watches given up because nothing came
};

// Level-based: what is missed between two states is not told, the last state always is. A list that follows a gap tells
// the difference to what was known, so deletes are never lost. After a change the cache already holds it when
// `on_event` is called.
class Watcher {
 public:
  // `on_event` is called on the watcher's thread, one at a time, and should only pass the key on (WorkQueue). `client`
  // must outlive this.
  Watcher(Client& client, WatcherOptions options, std::function<void(const WatchEvent&)> on_event);
  ~Watcher();  // stops and joins; no event afterwards
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  // Any thread.
  bool synced() const;  // the first list is in the cache
  bool WaitSynced(std::chrono::milliseconds limit) const;
  ObjectPtr Get(std::string_view name_space, std::string_view name) const;  // null when there is none
  ObjectPtr Get(std::string_view key) const;                                // "namespace/name"
  std::vector<ObjectPtr> All() const;                                       // in the order of their keys
  WatcherCounts counts() const;
  // What went wrong last; empty while list and watch work.
  std::string trouble() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace flyball::kube
