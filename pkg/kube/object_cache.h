#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "pkg/kube/object.h"

namespace flyball::kube {

enum class Change { kAdded, kModified, kDeleted };

struct WatchEvent {
  Change change = Change::kModified;
  ObjectPtr object{};  // kDeleted: the last that was known
  ObjectPtr before{};  // kModified: what it replaces
};

// The newest known state of each object of a collection. What comes twice, late or out of order changes nothing: an
// object is only replaced by a newer resourceVersion (compared as a number, which etcd's are; where one is no number,
// what comes later counts). Pure; not thread-safe. O(log n) an object.
class ObjectCache {
 public:
  // What changed by one watch event; mostly one event or, for duplicates, none. An object of the same name with another
  // uid is the old one deleted and a new one added.
  std::vector<WatchEvent> Put(ObjectPtr object);     // ADDED, MODIFIED
  std::vector<WatchEvent> Remove(ObjectPtr object);  // DELETED: its last state, with the resourceVersion of the delete

  // Replaces everything by a list; what is not in it was deleted.
  std::vector<WatchEvent> Replace(ObjectList list);

  ObjectPtr Get(std::string_view key) const;  // null when there is none
  std::vector<ObjectPtr> All() const;         // in the order of their keys
  size_t size() const { return objects_.size(); }
  uint64_t stale() const { return stale_; }  // events that came too late

 private:
  bool IsStale(const std::string& key, const Object& object) const;
  void Bury(const std::string& key, const std::string& resource_version);

  std::map<std::string, ObjectPtr, std::less<>> objects_;
  std::optional<uint64_t> listed_;  // everything up to here is in the cache
  // Deleted since the list, so that an older event does not bring them back; the last few thousand.
  std::unordered_map<std::string, uint64_t> buried_;
  std::deque<std::string> burials_;
  uint64_t stale_ = 0;
};

// None when `resource_version` is no number.
std::optional<uint64_t> VersionNumber(std::string_view resource_version);

}  // namespace flyball::kube
