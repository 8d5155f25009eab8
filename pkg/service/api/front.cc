#include "pkg/service/api/front.h"

#include <algorithm>
#include <future>
#include <utility>

#include "pkg/admission/fleet_ceiling.h"
#include "pkg/service/api/front_reactor.h"
#include "pkg/service/api/passage.h"

namespace flyball::service::api {
namespace {

using spec::Criticality;
using telemetry::Gauge;
using telemetry::Shed;

constexpr nanoseconds kRecordEvery = milliseconds(500);
constexpr nanoseconds kRetryMemory = std::chrono::seconds(20);
constexpr nanoseconds kFactorHeld = admission::kRecordTtl + admission::FleetCeiling::kHold;

}  // namespace

Front::Front(const Parts& parts, const Settings& settings)
    : parts_(parts),
      settings_(settings),
      concurrency_({.workers = settings.workers, .endpoints = static_cast<int>(parts.endpoints.size())}),
      retries_(parts.clock.Now()) {
  roles_.emplace_back("anonymous");
  for (const spec::Role& role : parts.app.auth.roles) roles_.push_back(role.name);
  for (const spec::Limit& limit : parts.app.limits) {
    auto& rules = rules_.emplace_back();
    for (const std::string& role : roles_) {
      const auto id = static_cast<uint32_t>((rules_.size() - 1) * roles_.size() + rules.size());
      rules.push_back(admission::MakeQuotaRule(limit, role, id));
    }
  }
  for (int i = 0; i < settings.reactors; ++i) {
    latencies_.push_back(std::make_unique<Latencies>(static_cast<int>(parts.endpoints.size())));
    reactors_.push_back(std::make_unique<Reactor>(*this, i));
  }
}

Front::~Front() = default;

void Front::Attach(http::Server& server, Executor& executor, state::SharedState& state) {
  server_ = &server;
  executor_ = &executor;
  state_ = &state;
}

void Front::ReturnLeases() {
  for (auto& reactor : reactors_) {
    auto requests = reactor->TakeBack();
    if (requests.empty()) continue;
    auto told = std::make_shared<std::promise<void>>();
    auto answer = told->get_future();
    if (state_->LeaseQuota(std::move(requests), [told](auto&&) { told->set_value(); })) answer.wait();
  }
}

void Front::Handle(http::Responder responder) {
  const int reactor = responder.request().reactor();
  reactors_[static_cast<size_t>(reactor)]->Handle(std::move(responder));
}

void Front::OnTick(int reactor, SteadyTime now) {
  reactors_[static_cast<size_t>(reactor)]->Tick(now);
  if (reactor != 0) return;
  CountReactorTime(now);
  executor_->Expire();
  MoveConcurrencyLimit(now);
  parts_.metrics.Set(0, Gauge::kInFlight, concurrency_.in_flight.load(std::memory_order_relaxed));
  parts_.metrics.Set(0, Gauge::kQueueDepth, static_cast<double>(executor_->queue_depth()));
  parts_.metrics.Set(0, Gauge::kConcurrencyLimit, concurrency_.limit.limit());
  parts_.metrics.Set(0, Gauge::kConnections, static_cast<double>(server_->counters().open));
  if (now - record_asked_ >= kRecordEvery) AskForRecord(now);
}

void Front::OnAnswered(const http::Answered& answered) {
  Log(answered);
  const http::Request& request = answered.request;
  if (request.endpoint() >= parts_.endpoints.size()) return;
  const Endpoint& endpoint = parts_.endpoints[request.endpoint()];
  const int shard = request.reactor(), id = static_cast<int>(request.endpoint());
  const AnswerTag tag(answered.tag);
  if (tag.kind() == AnswerTag::Kind::kCompleted || answered.by_server) {
    const nanoseconds took = answered.answered - request.arrival();
    parts_.metrics.CountCompleted(shard, id, endpoint.criticality, answered.status, took);
    if (ShedLately(answered.answered)) {
      RememberServed(tag.hash() != 0 ? tag.hash() : HashOf(request), answered.answered);
    }
    Latencies& latencies = *latencies_[static_cast<size_t>(shard)];
    std::lock_guard lock(latencies.mutex);
    latencies.window.Add(id, took);
  } else if (tag.kind() == AnswerTag::Kind::kShed) {
    parts_.metrics.CountShed(shard, tag.shed(), id, endpoint.criticality);
    if (tag.shed() != Shed::kAuth && tag.shed() != Shed::kQuota) RememberShed(tag.hash(), answered.answered);
  }
}

// Probes come every second and say nothing.
void Front::Log(const http::Answered& answered) {
  const uint32_t id = answered.request.endpoint();
  const Endpoint* endpoint = id < parts_.endpoints.size() ? &parts_.endpoints[id] : nullptr;
  if (endpoint != nullptr && (endpoint->kind == Endpoint::Kind::kHealth || endpoint->kind == Endpoint::Kind::kReady)) {
    return;
  }
  const AnswerTag tag(answered.tag);
  parts_.access_log.Record(answered, endpoint == nullptr ? std::string_view() : endpoint->name,
                           tag.kind() == AnswerTag::Kind::kShed ? telemetry::Reason(tag.shed()) : std::string_view());
}

// A place among those in flight. Critical requests may exceed the limit by half: the queue serves them first, so what
// they push out is the less critical.
bool Front::Admit(Criticality criticality) {
  const double limit = concurrency_.admitted.load(std::memory_order_relaxed);
  const double share = criticality == Criticality::kCritical ? 1.5 : criticality == Criticality::kNormal ? 1.0 : 0.8;
  const int in_flight = concurrency_.in_flight.fetch_add(1, std::memory_order_relaxed);
  if (in_flight >= static_cast<int>(std::max(1.0, limit * share))) {
    concurrency_.in_flight.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
  int peak = concurrency_.peak.load(std::memory_order_relaxed);
  while (in_flight + 1 > peak && !concurrency_.peak.compare_exchange_weak(peak, in_flight + 1)) {
  }
  return true;
}

// While nothing is shed there are no retries, and nobody takes the lock.
bool Front::ShedLately(SteadyTime now) const {
  const int64_t last = retries_.last_shed_ns.load(std::memory_order_relaxed);
  return last != 0 && now.time_since_epoch().count() - last <= kRetryMemory.count();
}

bool Front::IsRetry(Passage& passage, SteadyTime now) {
  if (!ShedLately(now)) return false;
  const uint64_t hash = passage.Hash();
  std::lock_guard lock(retries_.mutex);
  return retries_.filter.IsRetry(hash, now);
}

void Front::RememberShed(uint64_t hash, SteadyTime now) {
  retries_.last_shed_ns.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  std::lock_guard lock(retries_.mutex);
  retries_.filter.OnShed(hash, now);
}

void Front::RememberServed(uint64_t hash, SteadyTime now) {
  std::lock_guard lock(retries_.mutex);
  retries_.filter.OnServed(hash, now);
}

void Front::MoveConcurrencyLimit(SteadyTime now) {
  for (auto& latencies : latencies_) {
    std::lock_guard lock(latencies->mutex);
    concurrency_.limit.Absorb(latencies->window);
  }
  if (concurrency_.limit.Tick(concurrency_.peak.load(std::memory_order_relaxed), now)) {
    concurrency_.peak.store(concurrency_.in_flight.load(std::memory_order_relaxed), std::memory_order_relaxed);
    concurrency_.admitted.store(concurrency_.limit.limit(), std::memory_order_relaxed);
  }
}

// The server knows how long its reactors were busy, summed over them; shown as this reactor's.
void Front::CountReactorTime(SteadyTime now) {
  const double busy = server_->counters().busy_seconds;
  parts_.metrics.BeginBusy(0, now);
  parts_.metrics.EndBusy(
      0, now + std::chrono::duration_cast<nanoseconds>(std::chrono::duration<double>(busy - counted_busy_seconds_)));
  counted_busy_seconds_ = busy;
}

void Front::AskForRecord(SteadyTime now) {
  record_asked_ = now;
  const bool asked = state_->ReadRecord([this](Result<state::GovernorReading> reading) {
    server_->Post(0, [this, reading = std::move(reading)] { OnRecord(reading); });
  });
  if (!asked) OnRecord(Fail(ErrorCode::kUnavailable, "not asked"));
}

// The ceiling of each reactor holds the last record by itself; so does the factor, for as long.
void Front::OnRecord(const Result<state::GovernorReading>& reading) {
  const SteadyTime now = parts_.clock.Now();
  if (!reading || !reading->record) {
    if (now - record_seen_ > kFactorHeld) quota_factor_.store(1, std::memory_order_relaxed);
    return;
  }
  const state::GovernorRecord record = *reading->record;
  record_seen_ = now;
  quota_factor_.store(record.quota_factor, std::memory_order_relaxed);
  server_->SetFleet(static_cast<uint32_t>(std::max(0, record.ready)), record.mean_connections);
  for (int i = 0; i < settings_.reactors; ++i) {
    server_->Post(i,
                  [reactor = reactors_[static_cast<size_t>(i)].get(), record, now] { reactor->OnRecord(record, now); });
  }
}

}  // namespace flyball::service::api
