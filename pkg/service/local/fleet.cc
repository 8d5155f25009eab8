#include "pkg/service/local/fleet.h"

#include <algorithm>

#include "pkg/base/check.h"

namespace flyball::local {
namespace {

constexpr seconds kLongestBackoff{30};
constexpr seconds kForgetAfter{60};

bool Active(const Pod& pod) { return pod.state != PodState::kDraining; }
bool HasProcess(const Pod& pod) { return pod.pid != 0; }

}  // namespace

milliseconds RestartBackoff::After(nanoseconds lived) {
  if (lived >= kForgetAfter) failures_ = 0;
  const int before = failures_++;
  if (before == 0) return milliseconds(0);
  return std::min<milliseconds>(kLongestBackoff, seconds(1) * (1 << std::min(before - 1, 10)));
}

const char* Name(PodState state) {
  switch (state) {
    case PodState::kWaiting:
    case PodState::kStarting:
      return "starting";
    case PodState::kReady:
      return "ready";
    case PodState::kDraining:
      return "draining";
  }
  return "";
}

Fleet::Fleet(ReplicaBounds bounds, milliseconds grace, int slots)
    : bounds_(bounds), grace_(grace), desired_(bounds.min), slots_(static_cast<size_t>(slots)) {
  Check(bounds.min >= 1 && bounds.min <= bounds.max && bounds.max < slots, "bounds of the fleet");
}

void Fleet::SetDesired(int replicas) {
  Check(replicas >= bounds_.min && replicas <= bounds_.max, "desired replicas within the bounds");
  desired_ = replicas;
}

void Fleet::SetBounds(ReplicaBounds bounds) {
  Check(bounds.min >= 1 && bounds.min <= bounds.max && bounds.max < static_cast<int>(slots_.size()), "new bounds");
  bounds_ = bounds;
  desired_ = std::clamp(desired_, bounds.min, bounds.max);
}

void Fleet::Renew(uint64_t generation, SteadyTime now) {
  generation_ = generation;
  for (auto& pod : slots_) {
    if (!pod || pod->state != PodState::kWaiting) continue;
    pod->generation = generation_;
    pod->backoff.Forget();
    pod->due = now;
  }
}

Fleet::Actions Fleet::Step(SteadyTime now) {
  Actions actions;
  if (stopping_) {
    StopAll(now, actions);
  } else {
    if (NextOutOfDate() != nullptr) Replace(now, actions);
    if (NextOutOfDate() == nullptr) Scale(now, actions);
  }
  StartAndKillWhatIsDue(now, actions);
  return actions;
}

void Fleet::StopAll(SteadyTime now, Actions& actions) {
  for (auto& pod : slots_) {
    if (pod && Active(*pod)) Drain(*pod, now, actions);
  }
}

void Fleet::Scale(SteadyTime now, Actions& actions) {
  while (CountActive() < desired_ && Order(now)) {
  }
  while (CountActive() > desired_) Drain(*Surplus(), now, actions);
}

void Fleet::Replace(SteadyTime now, Actions& actions) {
  while (CountActive() < desired_ && Order(now)) {
  }
  while (Pod* old = NextOutOfDate()) {
    const int out_of_date = CountActive() - CountCurrent(false);
    if (CountCurrent(true) + out_of_date <= desired_) break;
    Drain(*old, now, actions);
  }
  const bool all_new_are_ready = CountCurrent(false) == CountCurrent(true);
  if (all_new_are_ready && CountActive() == desired_ && NextOutOfDate() != nullptr) Order(now);
}

void Fleet::StartAndKillWhatIsDue(SteadyTime now, Actions& actions) {
  for (auto& pod : slots_) {
    if (!pod || pod->due > now) continue;
    if (pod->state == PodState::kWaiting) actions.start.push_back(pod->slot);
    if (pod->state == PodState::kDraining && !pod->kill_sent) {
      pod->kill_sent = true;
      actions.kill.push_back(pod->slot);
    }
  }
}

bool Fleet::Order(SteadyTime now) {
  const auto free = std::find(slots_.begin(), slots_.end(), std::nullopt);
  if (free == slots_.end()) return false;
  Pod& pod = free->emplace();
  pod.slot = static_cast<int>(free - slots_.begin());
  pod.name = "pod-" + std::to_string(pod.slot + 1);
  pod.generation = generation_;
  pod.ordered_at = now;
  pod.due = now;
  return true;
}

void Fleet::Drain(Pod& pod, SteadyTime now, Actions& actions) {
  if (!HasProcess(pod)) {
    slots_[static_cast<size_t>(pod.slot)].reset();
    return;
  }
  pod.state = PodState::kDraining;
  pod.due = now + grace_;
  actions.terminate.push_back(pod.slot);
}

// Not Ready before Ready, then the youngest: what has cost least so far goes first.
Pod* Fleet::Surplus() {
  Pod* choice = nullptr;
  const auto goes_before = [](const Pod& a, const Pod& b) {
    const bool a_ready = a.state == PodState::kReady, b_ready = b.state == PodState::kReady;
    if (a_ready != b_ready) return b_ready;
    if (a_ready && a.ready_at != b.ready_at) return a.ready_at > b.ready_at;
    if (a.ordered_at != b.ordered_at) return a.ordered_at > b.ordered_at;
    return a.slot > b.slot;
  };
  for (auto& pod : slots_) {
    if (pod && Active(*pod) && (choice == nullptr || goes_before(*pod, *choice))) choice = &*pod;
  }
  Check(choice != nullptr, "there is a pod to take away");
  return choice;
}

// Not Ready before Ready, then the oldest.
Pod* Fleet::NextOutOfDate() {
  Pod* choice = nullptr;
  for (auto& pod : slots_) {
    if (!pod || !Active(*pod) || pod->generation == generation_) continue;
    const bool unready = pod->state != PodState::kReady;
    const bool choice_unready = choice != nullptr && choice->state != PodState::kReady;
    if (choice == nullptr || (unready && !choice_unready) ||
        (unready == choice_unready && pod->ordered_at < choice->ordered_at)) {
      choice = &*pod;
    }
  }
  return choice;
}

std::optional<SteadyTime> Fleet::NextDeadline() const {
  std::optional<SteadyTime> next;
  for (const auto& pod : slots_) {
    if (!pod) continue;
    const bool due =
        pod->state == PodState::kWaiting || (pod->state == PodState::kDraining && !pod->kill_sent && HasProcess(*pod));
    if (due && (!next || pod->due < *next)) next = pod->due;
  }
  return next;
}

void Fleet::Started(int slot, int pid, SteadyTime now) {
  Pod& pod = slots_[static_cast<size_t>(slot)].value();
  Check(pod.state == PodState::kWaiting && pid > 0, "a waiting pod was started");
  pod.state = PodState::kStarting;
  pod.pid = pid;
  pod.started_at = now;
}

void Fleet::StartFailed(int slot, SteadyTime now) {
  Pod& pod = slots_[static_cast<size_t>(slot)].value();
  Check(pod.state == PodState::kWaiting, "a waiting pod could not be started");
  pod.due = now + std::max<milliseconds>(seconds(1), pod.backoff.After(nanoseconds(0)));
}

void Fleet::Ready(int slot, int admin_port, SteadyTime now) {
  Pod& pod = slots_[static_cast<size_t>(slot)].value();
  pod.admin_port = admin_port;
  pod.ready_at = now;
  if (pod.state == PodState::kStarting) pod.state = PodState::kReady;
}

bool Fleet::Exited(int slot, SteadyTime now) {
  auto& place = slots_[static_cast<size_t>(slot)];
  Check(place && HasProcess(*place), "a pod with a process exited");
  if (place->state == PodState::kDraining) {
    place.reset();
    return true;
  }
  place->due = now + place->backoff.After(now - place->started_at);
  place->state = PodState::kWaiting;
  place->generation = generation_;
  place->pid = 0;
  place->admin_port = 0;
  ++place->restarts;
  return false;
}

std::vector<Pod> Fleet::Pods() const {
  std::vector<Pod> pods;
  for (const auto& pod : slots_) {
    if (pod) pods.push_back(*pod);
  }
  return pods;
}

const Pod* Fleet::Find(int slot) const {
  const auto& pod = slots_.at(static_cast<size_t>(slot));
  return pod ? &*pod : nullptr;
}

bool Fleet::empty() const {
  return std::none_of(slots_.begin(), slots_.end(), [](const auto& pod) { return pod.has_value(); });
}

int Fleet::CountActive() const {
  return static_cast<int>(
      std::count_if(slots_.begin(), slots_.end(), [](const auto& pod) { return pod && Active(*pod); }));
}

int Fleet::CountCurrent(bool ready_only) const {
  return static_cast<int>(std::count_if(slots_.begin(), slots_.end(), [&](const auto& pod) {
    return pod && Active(*pod) && pod->generation == generation_ && (!ready_only || pod->state == PodState::kReady);
  }));
}

int Fleet::ready() const {
  return static_cast<int>(
      std::count_if(slots_.begin(), slots_.end(), [](const auto& p) { return p && p->state == PodState::kReady; }));
}

bool Fleet::settled() const {
  const bool others_gone =
      std::none_of(slots_.begin(), slots_.end(), [&](const auto& p) { return p && p->generation != generation_; });
  return others_gone && CountCurrent(true) == desired_ && CountActive() == desired_;
}

}  // namespace flyball::local
