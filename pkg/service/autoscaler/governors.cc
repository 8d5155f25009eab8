#include "pkg/service/autoscaler/governors.h"

#include <algorithm>
#include <set>
#include <vector>

#include "pkg/base/log.h"
#include "pkg/service/autoscaler/governor_sink.h"

namespace flyball::service::autoscaler {
namespace {

// Not a namespace: looked at each second, to see whether this leader was deposed.
constexpr const char* kPulse = "";

std::string KeyOf(const app_operator::Resource& governor) {
  return kube::ObjectKey(governor.name_space, governor.name);
}

}  // namespace

bool Governors::Deposed() const {
  return std::any_of(running_.begin(), running_.end(),
                     [](const auto& entry) { return entry.second.runner->deposed(); });
}

kube::Answer<void> Governors::Say(const std::string& key, GovernorNews news) {
  const kube::ObjectPtr object = parts_.cache.Governor(key);
  if (object == nullptr) return {};
  return WriteGovernorStatus(parts_.writer, *object, news, parts_.clock.WallNow());
}

kube::Answer<void> Governors::LookAt(const app_operator::Resource& governor) {
  const std::string key = KeyOf(governor);
  auto running = running_.find(key);
  if (running != running_.end() && running->second.uid != governor.uid) {
    running_.erase(running);
    running = running_.end();
  }
  if (running != running_.end() && running->second.generation == governor.generation) return {};
  auto document = app_operator::ReadGovernor(governor);
  if (running != running_.end()) {
    running->second.generation = governor.generation;
    if (document) {
      running->second.runner->Change(std::move(*document));
    } else {
      running->second.runner->SetProblems(document.error().message);
    }
    return {};
  }
  if (!document) {
    return Say(
        key,
        {.problems = document.error().message, .waiting_reason = "Invalid", .waiting = "the document has problems"});
  }
  running_[key] = {governor.uid, governor.generation,
                   std::make_unique<GovernorRunner>(parts_, key, std::move(*document))};
  return {};
}

// Level-based: what is there decides, whatever was told.
kube::Answer<void> Governors::Look(const std::string& name_space) {
  std::vector<app_operator::Resource> all;
  for (const kube::ObjectPtr& object : parts_.cache.Governors(name_space)) {
    auto read = app_operator::ReadResource(object->json);
    if (read && !read->deleting) all.push_back(std::move(*read));
  }
  std::set<std::string> present;
  for (const app_operator::Resource& governor : all) present.insert(KeyOf(governor));
  std::erase_if(running_, [&](const auto& entry) {
    return entry.first.substr(0, entry.first.find('/')) == name_space && present.count(entry.first) == 0;
  });
  kube::Answer<void> done;
  for (const app_operator::Resource& governor : all) {
    const auto target = app_operator::TargetOf(governor);
    const auto rivals = target ? app_operator::GovernorsOf(all, target->kind, target->name)
                               : std::vector<const app_operator::Resource*>{};
    kube::Answer<void> looked;
    if (!rivals.empty() && rivals.front()->name != governor.name) {
      running_.erase(KeyOf(governor));
      looked = Say(KeyOf(governor), {.waiting_reason = "Conflict",
                                     .waiting = "Governor " + rivals.front()->name + " moves the replicas of " +
                                                target->kind + " " + target->name + "; one target has one Governor"});
    } else {
      looked = LookAt(governor);
    }
    if (!looked) done = looked;
  }
  return done;
}

Result<void> Governors::Run(std::stop_token stop) {
  for (const kube::ObjectPtr& governor : parts_.cache.AllGovernors()) queue_.Add(governor->name_space);
  queue_.Add(kPulse);
  while (const auto name_space = queue_.Take(stop)) {
    if (Deposed()) {
      queue_.Done(*name_space);
      running_.clear();
      return Fail(ErrorCode::kConflict, "a newer leader publishes rates; nothing was written since that was seen");
    }
    if (*name_space == kPulse) {
      queue_.AddAfter(kPulse, seconds(1));
    } else if (const auto done = Look(*name_space)) {
      queue_.Forget(*name_space);
    } else {
      queue_.AddRateLimited(*name_space);
    }
    queue_.Done(*name_space);
  }
  running_.clear();
  return {};
}

}  // namespace flyball::service::autoscaler
