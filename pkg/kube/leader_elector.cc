#include "pkg/kube/leader_elector.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "pkg/base/ids.h"
#include "pkg/base/random.h"
#include "pkg/base/time_format.h"
#include "pkg/kube/detail/json.h"

namespace flyball::kube {
namespace {

using detail::Json;
using detail::StringAt;

// MicroTime has six digits behind the point, no less.
std::string MicroTime(WallTime time) {
  std::string text = FormatRfc3339(time);
  text.insert(text.size() - 1, "000");
  return text;
}

Json ToJson(const LeaseRecord& record) {
  Json spec = {{"leaseDurationSeconds", record.duration_seconds},
               {"acquireTime", MicroTime(record.acquired)},
               {"renewTime", MicroTime(record.renewed)},
               {"leaseTransitions", record.transitions}};
  if (!record.holder.empty()) spec["holderIdentity"] = record.holder;
  return spec;
}

std::optional<ObservedLease> ReadLease(const std::string& text) {
  const auto json = detail::ParseJson(text);
  if (!json || StringAt(*json, {"kind"}) != "Lease") return std::nullopt;
  ObservedLease lease{.record = {.holder = StringAt(*json, {"spec", "holderIdentity"}),
                                 .duration_seconds = detail::IntegerAt(*json, {"spec", "leaseDurationSeconds"}),
                                 .transitions = detail::IntegerAt(*json, {"spec", "leaseTransitions"})},
                      .resource_version = StringAt(*json, {"metadata", "resourceVersion"})};
  lease.record.acquired = ParseRfc3339(StringAt(*json, {"spec", "acquireTime"})).value_or(WallTime{});
  lease.record.renewed = ParseRfc3339(StringAt(*json, {"spec", "renewTime"})).value_or(WallTime{});
  return lease;
}

}  // namespace

struct LeaderElector::Impl {
  Impl(Client& c, LeaderElectorOptions o, std::function<void(uint64_t)> changed)
      : client(c),
        options(std::move(o)),
        identity(options.identity + "_" + RandomHex(4)),
        lease{.group = "coordination.k8s.io",
              .version = "v1",
              .plural = "leases",
              .name_space = options.name_space,
              .name = options.name},
        on_change(std::move(changed)),
        election(identity, options.times),
        random(RandomUint64()) {}

  Client& client;
  const LeaderElectorOptions options;
  const std::string identity;
  const ResourcePath lease;
  const std::function<void(uint64_t)> on_change;
  mutable std::mutex mutex;
  LeaderElection election;  // guarded by mutex
  std::string trouble;      // guarded by mutex
  Random random;
  uint64_t told_epoch = 0;
  std::jthread thread;

  void Run(std::stop_token stop);
  void Read(const CallOptions& call);
  void Write(const LeaderElection::Action& action, const CallOptions& call);
  Answer<std::string> Put(const LeaderElection::Action& action, const CallOptions& call);
  void GiveBack();
  void Tell();
  void Failed(const std::string& why) {
    std::lock_guard lock(mutex);
    election.OnFailed(RealClock().Now());
    trouble = why;
  }
};

void LeaderElector::Impl::Tell() {
  uint64_t epoch = 0;
  {
    std::lock_guard lock(mutex);
    if (election.leading(RealClock().Now())) epoch = election.fence().epoch;
  }
  if (epoch == told_epoch) return;
  told_epoch = epoch;
  if (on_change) on_change(epoch);
}

void LeaderElector::Impl::Read(const CallOptions& call) {
  auto answer = client.Get(lease, call);
  if (!answer && answer.error().failure != Failure::kNotFound) return Failed(answer.error().message);
  std::optional<ObservedLease> seen;
  if (answer) {
    seen = ReadLease(*answer);
    if (!seen) return Failed("get " + lease.ForPeople() + ": the answer is no Lease");
  }
  std::lock_guard lock(mutex);
  election.OnRead(RealClock().Now(), seen);
  trouble.clear();
}

Answer<std::string> LeaderElector::Impl::Put(const LeaderElection::Action& action, const CallOptions& call) {
  Json object = {{"apiVersion", "coordination.k8s.io/v1"},
                 {"kind", "Lease"},
                 {"metadata", {{"name", options.name}, {"namespace", options.name_space}}},
                 {"spec", ToJson(action.record)}};
  if (action.what == LeaderElection::Do::kCreate) return client.Create(lease.Collection(), detail::Dump(object), call);
  object["metadata"]["resourceVersion"] = action.resource_version;
  return client.Update(lease, detail::Dump(object), call);
}

void LeaderElector::Impl::Write(const LeaderElection::Action& action, const CallOptions& call) {
  const SteadyTime sent = RealClock().Now();
  auto answer = Put(action, call);
  if (!answer) return Failed(answer.error().message);
  const auto written = ReadLease(*answer);
  if (!written) return Failed("update " + lease.ForPeople() + ": the answer is no Lease");
  std::lock_guard lock(mutex);
  election.OnWritten(sent, *written);
  trouble.clear();
}

void LeaderElector::Impl::Run(std::stop_token stop) {
  std::mutex sleeping;
  std::condition_variable_any waiting;
  while (!stop.stop_requested()) {
    LeaderElection::Action action;
    {
      std::lock_guard lock(mutex);
      action = election.Next(RealClock().Now(), RealClock().WallNow(), random.Uniform());
    }
    Tell();
    const CallOptions call{.timeout = std::chrono::duration_cast<milliseconds>(options.times.renew / 2), .stop = stop};
    if (action.what == LeaderElection::Do::kWait) {
      std::unique_lock lock(sleeping);
      waiting.wait_until(lock, stop, action.at, [] { return false; });
    } else if (action.what == LeaderElection::Do::kRead) {
      Read(call);
    } else {
      Write(action, call);
    }
    Tell();
  }
  GiveBack();
}

void LeaderElector::Impl::GiveBack() {
  std::optional<LeaderElection::Action> action;
  {
    std::lock_guard lock(mutex);
    action = election.Release(RealClock().Now(), RealClock().WallNow());
  }
  Tell();
  if (action && options.release_on_stop) (void)Put(*action, {.timeout = milliseconds(2'000)});
}

LeaderElector::LeaderElector(Client& client, LeaderElectorOptions options,
                             std::function<void(uint64_t epoch)> on_change)
    : impl_(std::make_unique<Impl>(client, std::move(options), std::move(on_change))) {
  impl_->thread = std::jthread([impl = impl_.get()](std::stop_token stop) { impl->Run(stop); });
}

LeaderElector::~LeaderElector() {
  impl_->thread.request_stop();
  impl_->thread.join();
}

Fence LeaderElector::fence() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->election.fence();
}

bool LeaderElector::leading() const { return fence().MayWrite(RealClock().Now()); }

std::string LeaderElector::holder() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->election.holder();
}

const std::string& LeaderElector::identity() const { return impl_->identity; }

std::string LeaderElector::trouble() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->trouble;
}

}  // namespace flyball::kube
