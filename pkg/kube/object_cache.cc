#include "pkg/kube/object_cache.h"

#include <charconv>
#include <utility>

namespace flyball::kube {
namespace {
constexpr size_t kMostBuried = 4096;
}

std::optional<uint64_t> VersionNumber(std::string_view resource_version) {
  uint64_t number = 0;
  const char* end = resource_version.data() + resource_version.size();
  const auto [stopped, error] = std::from_chars(resource_version.data(), end, number);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return number;
}

bool ObjectCache::IsStale(const std::string& key, const Object& object) const {
  const auto version = VersionNumber(object.resource_version);
  if (!version) return false;
  if (listed_ && *version <= *listed_) return true;
  if (const auto grave = buried_.find(key); grave != buried_.end() && *version <= grave->second) return true;
  const auto known = objects_.find(key);
  if (known == objects_.end()) return false;
  const auto have = VersionNumber(known->second->resource_version);
  return have && *version <= *have;
}

std::vector<WatchEvent> ObjectCache::Put(ObjectPtr object) {
  const std::string key = object->Key();
  if (IsStale(key, *object)) {
    ++stale_;
    return {};
  }
  ObjectPtr& slot = objects_[key];
  const ObjectPtr before = std::exchange(slot, object);
  if (!before) return {{Change::kAdded, object}};
  if (before->uid == object->uid) return {{Change::kModified, object, before}};
  return {{Change::kDeleted, before}, {Change::kAdded, object}};
}

std::vector<WatchEvent> ObjectCache::Remove(ObjectPtr object) {
  const std::string key = object->Key();
  if (IsStale(key, *object)) {
    ++stale_;
    return {};
  }
  Bury(key, object->resource_version);
  if (objects_.erase(key) == 0) return {};
  return {{Change::kDeleted, std::move(object)}};
}

void ObjectCache::Bury(const std::string& key, const std::string& resource_version) {
  const auto version = VersionNumber(resource_version);
  if (!version) return;
  buried_[key] = *version;
  burials_.push_back(key);
  if (burials_.size() <= kMostBuried) return;
  buried_.erase(burials_.front());
  burials_.pop_front();
}

std::vector<WatchEvent> ObjectCache::Replace(ObjectList list) {
  std::vector<WatchEvent> events;
  std::map<std::string, ObjectPtr, std::less<>> listed;
  for (ObjectPtr& object : list.items) listed[object->Key()] = std::move(object);
  for (const auto& [key, before] : objects_) {
    const auto now = listed.find(key);
    if (now == listed.end() || now->second->uid != before->uid) events.push_back({Change::kDeleted, before});
  }
  for (const auto& [key, object] : listed) {
    const auto before = objects_.find(key);
    if (before == objects_.end() || before->second->uid != object->uid) {
      events.push_back({Change::kAdded, object});
    } else if (before->second->resource_version != object->resource_version) {
      events.push_back({Change::kModified, object, before->second});
    }
  }
  objects_ = std::move(listed);
  listed_ = VersionNumber(list.resource_version);
  buried_.clear();
  burials_.clear();
  return events;
}

ObjectPtr ObjectCache::Get(std::string_view key) const {
  const auto found = objects_.find(key);
  return found == objects_.end() ? nullptr : found->second;
}

std::vector<ObjectPtr> ObjectCache::All() const {
  std::vector<ObjectPtr> all;
  all.reserve(objects_.size());
  for (const auto& [key, object] : objects_) all.push_back(object);
  return all;
}

}  // namespace flyball::kube
