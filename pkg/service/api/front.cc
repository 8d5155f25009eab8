#include "pkg/service/api/front.h"

#include <algorithm>
#include <future>
#include <unordered_map>
#include <utility>

#include "pkg/admission/fleet_ceiling.h"
#include "pkg/base/ids.h"
#include "pkg/base/random.h"
#include "pkg/service/api/limit_headers.h"

namespace flyball::service::api {
namespace {

using admission::Cause;
using admission::QuotaDecision;
using admission::Verdict;
using spec::Criticality;
using telemetry::Attempt;
using telemetry::Gauge;
using telemetry::Shed;

constexpr nanoseconds kLeaseEvery = milliseconds(100);
constexpr nanoseconds kRecordEvery = milliseconds(500);
constexpr nanoseconds kRetryMemory = std::chrono::seconds(20);
constexpr nanoseconds kFactorHeld = admission::kRecordTtl + admission::FleetCeiling::kHold;
constexpr int kAnonymous = 0;  // role id

// What Response::tag says of an answer: how to count it.
enum class Counted : uint32_t { kNot = 0, kCompleted = 1, kShed = 16 };  // kShed + k: Shed k
uint32_t Tag(Shed shed) { return static_cast<uint32_t>(Counted::kShed) + static_cast<uint32_t>(shed); }

std::string_view Detail(Shed shed) {
  switch (shed) {
    case Shed::kAuth:
      return "The credentials are missing, malformed, expired or revoked.";
    case Shed::kQuota:
      return "The quota is used up.";
    case Shed::kAdaptive:
      return "The quota is lowered while the service is overloaded.";
    case Shed::kCeiling:
      return "The service is at its admitted rate.";
    case Shed::kConcurrency:
      return "The pod works on as many requests as it can.";
    case Shed::kQueueFull:
      return "Too many requests are waiting.";
    case Shed::kQueueTimeout:
      return "The request waited too long.";
    case Shed::kPreempted:
      return "The request gave way to a more important one.";
  }
  return "";
}

// One in-flight request of the pod, given back when it goes.
class Permit {
 public:
  explicit Permit(std::atomic<int>& in_flight) : in_flight_(&in_flight) {}
  Permit(Permit&& other) noexcept : in_flight_(std::exchange(other.in_flight_, nullptr)) {}
  Permit& operator=(Permit&&) = delete;
  ~Permit() {
    if (in_flight_ != nullptr) in_flight_->fetch_sub(1, std::memory_order_relaxed);
  }

 private:
  std::atomic<int>* in_flight_;
};

// What the same client would repeat: the credentials (or address), the route, and the whole target.
uint64_t HashOf(const http::Request& request) {
  const std::string_view credentials = request.Header("authorization");
  if (!credentials.empty()) return admission::RequestHash(credentials, request.endpoint(), request.target());
  return admission::RequestHash(request.peer().ToString(), request.endpoint(), request.target());
}

http::Response RefusalOf(const http::Request& request, int status, Shed shed, nanoseconds wait, uint64_t random,
                         std::string_view detail) {
  http::Response response = http::Problem(request, status, detail);
  response.AddHeader("Retry-After", std::to_string(RetryAfterSeconds(wait, random)));
  response.set_tag(Tag(shed));
  return response;
}

// A refusal for lack of capacity: its connection moves on when pods with fewer have joined.
http::Response CapacityRefusal(const http::Request& request, Shed shed, nanoseconds wait, uint64_t random,
                               http::Server& server) {
  http::Response response = RefusalOf(request, 503, shed, wait, random, Detail(shed));
  if (server.MayMoveRefused()) response.CloseConnection();
  return response;
}

// A request on its way through the gate.
struct Passage {
  http::Responder responder;
  const Endpoint* endpoint;
  Caller caller;
  int role = kAnonymous;
  size_t next_limit = 0;  // of endpoint->limits
  QuotaState quota{};     // the nearest to its end so far
};

// The work of one admitted request.
class RequestJob final : public Job {
 public:
  RequestJob(Operations& operations, http::Server& server, Passage passage, Permit permit)
      : Job(static_cast<int>(passage.responder.request().endpoint()), passage.endpoint->criticality),
        operations_(operations),
        server_(server),
        passage_(std::move(passage)),
        permit_(std::move(permit)) {}

  void Run(Worker& worker) override {
    // What the operation needs until it is done travels with the answer's callback.
    auto shared = std::make_shared<InWork>(InWork{std::move(passage_), std::move(permit_)});
    InWork& work = *shared;
    operations_.Run(*work.passage.endpoint, work.passage.responder.request(), work.passage.caller, worker.reader,
                    [shared = std::move(shared)](http::Response response) {
                      AddLimitHeaders(shared->passage.quota, response);
                      response.set_tag(static_cast<uint32_t>(Counted::kCompleted));
                      std::move(shared->passage.responder).Send(std::move(response));
                    });
  }

  void Refuse(Shed why) override {
    const http::Request& request = passage_.responder.request();
    http::Response response = CapacityRefusal(request, why, std::chrono::seconds(1), HashOf(request), server_);
    std::move(passage_.responder).Send(std::move(response));
  }

 private:
  struct InWork {
    Passage passage;
    Permit permit;
  };

  Operations& operations_;
  http::Server& server_;
  Passage passage_;
  Permit permit_;
};

}  // namespace

// What one reactor thread owns.
class Front::Reactor {
 public:
  Reactor(Front& front, int index)
      : front_(front),
        index_(index),
        now_(front.parts_.clock.Now()),
        quotas_({.factor_floor = front.settings_.quota_floor}),
        ceiling_({.capacity_hint_rps = front.settings_.capacity_hint_rps, .holders_in_pod = front.settings_.reactors},
                 now_),
        random_(RandomUint64()) {}

  void Handle(http::Responder responder) {
    const http::Request& request = responder.request();
    const Endpoint& endpoint = front_.parts_.endpoints[request.endpoint()];
    if (endpoint.kind == Endpoint::Kind::kHealth || endpoint.kind == Endpoint::Kind::kReady) {
      return AnswerProbe(endpoint, std::move(responder));
    }
    now_ = front_.parts_.clock.Now();
    Passage passage{std::move(responder), &endpoint, front_.parts_.operations.Identify(request, index_)};
    const auto role = std::find(front_.roles_.begin(), front_.roles_.end(), passage.caller.role);
    if (role != front_.roles_.end()) passage.role = static_cast<int>(role - front_.roles_.begin());
    const bool retry = front_.IsRetry(request, now_);
    front_.parts_.metrics.CountArrival(index_, static_cast<int>(request.endpoint()), passage.role, endpoint.criticality,
                                       retry ? Attempt::kRetry : Attempt::kFirst);
    if (passage.caller.kind == Caller::Kind::kRefused) return RefuseCredentials(std::move(passage));
    TakeQuotas(std::move(passage));
  }

  void Tick(SteadyTime now) {
    now_ = now;
    if (const bool up = front_.state_->health().up; up != store_up_) {
      store_up_ = up;
      quotas_.SetStoreUp(up, now, settled_);
    }
    quotas_.Tick(now, settled_);
    TakeSettled();
    SendQuotaRequests();
    if (now - last_lease_ >= kLeaseEvery) LeaseRate(now);
  }

  void OnRecord(const state::GovernorRecord& record, SteadyTime now) {
    ceiling_.OnRecord(record, now);
    quotas_.SetShares(std::max(1, record.ready) * front_.settings_.reactors);
  }

  std::vector<admission::QuotaLeaseRequest> TakeBack() {
    quotas_.ReturnAll();
    std::vector<admission::QuotaLeaseRequest> requests;
    quotas_.TakeRequests(requests);
    return requests;
  }

  double ceiling_rate(SteadyTime now) { return ceiling_.Rate(now); }

 private:
  void AnswerProbe(const Endpoint& endpoint, http::Responder responder) {
    const bool ok = endpoint.kind == Endpoint::Kind::kHealth || front_.ready_.load(std::memory_order_relaxed);
    http::Response response = ok ? http::Json(200, R"({"status":"ok"})")
                                 : http::Problem(responder.request(), 503, "The pod is starting or draining.");
    if (!ok) response.AddHeader("Retry-After", "1");
    response.AddHeader("Cache-Control", "no-store");
    std::move(responder).Send(std::move(response));
  }

  void RefuseCredentials(Passage passage) {
    http::Response response = http::Problem(passage.responder.request(), 401, Detail(Shed::kAuth));
    response.AddHeader("WWW-Authenticate", R"(Bearer error="invalid_token")");
    response.set_tag(Tag(Shed::kAuth));
    std::move(passage.responder).Send(std::move(response));
  }

  // Goes on with the limits of the endpoint from where the request stands.
  void TakeQuotas(Passage passage) {
    while (passage.next_limit < passage.endpoint->limits.size()) {
      const auto& rules = front_.rules_[static_cast<size_t>(passage.endpoint->limits[passage.next_limit])];
      const admission::QuotaRule& rule = rules[static_cast<size_t>(passage.role)];
      if (rule.quota <= 0) {
        ++passage.next_limit;
        continue;
      }
      const uint64_t ticket = next_ticket_++;
      const QuotaDecision decision = quotas_.Decide(
          rule, Principal(passage, rule), front_.quota_factor_.load(std::memory_order_relaxed), 1, ticket, now_);
      if (decision.verdict == Verdict::kWait) {
        parked_.emplace(ticket, std::move(passage));
        return FlushSoon();
      }
      if (!OnDecision(passage, rule, decision)) return;
    }
    Enter(std::move(passage));
  }

  // Takes in one limit's decision; false when the request was answered with a refusal.
  bool OnDecision(Passage& passage, const admission::QuotaRule& rule, const QuotaDecision& decision) {
    if (passage.quota.limit.empty() || decision.remaining < passage.quota.remaining) {
      passage.quota = {rule.limit, decision.limit, rule.window, decision.remaining, decision.reset};
    }
    ++passage.next_limit;
    if (decision.verdict == Verdict::kAllowed) return true;
    const http::Request& request = passage.responder.request();
    const bool ours = decision.cause == Cause::kStoreDown;  // closed while its counters cannot be read
    const Shed shed = decision.cause == Cause::kAdaptive ? Shed::kAdaptive : Shed::kQuota;
    http::Response response = RefusalOf(request, ours ? 503 : 429, shed, decision.retry_after, random_(),
                                        ours ? "The limit cannot be checked now." : Detail(shed));
    AddLimitHeaders(passage.quota, response);
    std::move(passage.responder).Send(std::move(response));
    return false;
  }

  // Whose bucket it is: the account's, or the address's for those who have none and for limits by address.
  std::string_view Principal(const Passage& passage, const admission::QuotaRule& rule) {
    const spec::Limit& limit = front_.parts_.app.limits[rule.id / front_.roles_.size()];
    if (limit.by != spec::Limit::By::kIp && passage.caller.kind == Caller::Kind::kAccount) return passage.caller.id;
    principal_ = passage.responder.request().peer().ToString();
    return principal_;
  }

  // Behind the quotas: capacity.
  void Enter(Passage passage) {
    const Criticality criticality = passage.endpoint->criticality;
    if (front_.settings_.limits_enforced) {
      if (!ceiling_.Admit(criticality, now_)) {
        return RefuseCapacity(std::move(passage), Shed::kCeiling, ceiling_.RetryAfter(criticality, now_));
      }
      if (!front_.Admit(criticality)) {
        return RefuseCapacity(std::move(passage), Shed::kConcurrency, std::chrono::seconds(1));
      }
    } else {
      front_.concurrency_.in_flight.fetch_add(1, std::memory_order_relaxed);
    }
    Permit permit(front_.concurrency_.in_flight);
    front_.executor_->Submit(
        std::make_unique<RequestJob>(front_.parts_.operations, *front_.server_, std::move(passage), std::move(permit)));
  }

  void RefuseCapacity(Passage passage, Shed shed, nanoseconds wait) {
    http::Response response = CapacityRefusal(passage.responder.request(), shed, wait, random_(), *front_.server_);
    std::move(passage.responder).Send(std::move(response));
  }

  // Requests to the shared state leave once a turn, not once a request.
  void FlushSoon() {
    if (flush_posted_) return;
    flush_posted_ = front_.server_->Post(index_, [this] {
      flush_posted_ = false;
      SendQuotaRequests();
    });
  }

  void SendQuotaRequests() {
    std::vector<admission::QuotaLeaseRequest> requests;
    quotas_.TakeRequests(requests);
    if (requests.empty()) return;
    std::vector<uint64_t> handles;
    handles.reserve(requests.size());
    for (const auto& request : requests) handles.push_back(request.handle);
    const bool sent = front_.state_->LeaseQuota(
        std::move(requests), [this, handles](std::vector<Result<admission::QuotaLease>> leases) {
          front_.server_->Post(index_, [this, handles, leases = std::move(leases)] { OnLeases(handles, leases); });
        });
    if (!sent) OnLeases(handles, {});
  }

  // An empty `leases`: none was given.
  void OnLeases(const std::vector<uint64_t>& handles, const std::vector<Result<admission::QuotaLease>>& leases) {
    now_ = front_.parts_.clock.Now();
    for (size_t i = 0; i < handles.size(); ++i) {
      if (handles[i] == 0) continue;
      if (i < leases.size() && leases[i]) {
        quotas_.OnLease(handles[i], *leases[i], now_, settled_);
      } else {
        quotas_.OnLeaseFailed(handles[i], now_, settled_);
      }
    }
    TakeSettled();
  }

  // Requests that waited for tokens go on.
  void TakeSettled() {
    while (!settled_.empty()) {
      const auto settled = std::exchange(settled_, {});
      for (const auto& [ticket, decision] : settled) {
        auto node = parked_.extract(ticket);
        if (node.empty()) continue;
        Passage passage = std::move(node.mapped());
        const auto& rules = front_.rules_[static_cast<size_t>(passage.endpoint->limits[passage.next_limit])];
        if (OnDecision(passage, rules[static_cast<size_t>(passage.role)], decision)) TakeQuotas(std::move(passage));
      }
    }
  }

  void LeaseRate(SteadyTime now) {
    last_lease_ = now;
    state::RateDemand demand{front_.settings_.pod + "/" + std::to_string(index_), ceiling_.TakeDemand(now)};
    // Not accepted or failed: the ceiling falls back by itself when its lease has run out.
    (void)front_.state_->LeaseRate(std::move(demand), [this](Result<state::RateLease> lease) {
      if (!lease) return;
      front_.server_->Post(index_, [this, lease = *lease] { ceiling_.OnLease(lease, front_.parts_.clock.Now()); });
    });
  }

  Front& front_;
  const int index_;
  SteadyTime now_;  // of the request or turn at hand
  admission::QuotaTable quotas_;
  admission::FleetCeiling ceiling_;
  Random random_;
  std::unordered_map<uint64_t, Passage> parked_;
  uint64_t next_ticket_ = 1;
  std::vector<admission::Settled> settled_;
  std::string principal_;
  SteadyTime last_lease_{};
  bool flush_posted_ = false;
  bool store_up_ = true;
};

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
  const http::Request& request = answered.request;
  if (request.endpoint() >= parts_.endpoints.size()) return;
  const Endpoint& endpoint = parts_.endpoints[request.endpoint()];
  const int shard = request.reactor(), id = static_cast<int>(request.endpoint());
  if (answered.tag == static_cast<uint32_t>(Counted::kCompleted) || answered.by_server) {
    const nanoseconds took = answered.answered - request.arrival();
    parts_.metrics.CountCompleted(shard, id, endpoint.criticality, answered.status, took);
    RememberServed(request, answered.answered);
    Latencies& latencies = *latencies_[static_cast<size_t>(shard)];
    std::lock_guard lock(latencies.mutex);
    latencies.window.Add(id, took);
  } else if (answered.tag >= static_cast<uint32_t>(Counted::kShed)) {
    const auto shed = static_cast<Shed>(answered.tag - static_cast<uint32_t>(Counted::kShed));
    parts_.metrics.CountShed(shard, shed, id, endpoint.criticality);
    if (shed != Shed::kAuth && shed != Shed::kQuota) RememberShed(HashOf(request), answered.answered);
  }
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

bool Front::IsRetry(const http::Request& request, SteadyTime now) {
  if (!ShedLately(now)) return false;
  const uint64_t hash = HashOf(request);
  std::lock_guard lock(retries_.mutex);
  return retries_.filter.IsRetry(hash, now);
}

void Front::RememberShed(uint64_t hash, SteadyTime now) {
  retries_.last_shed_ns.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  std::lock_guard lock(retries_.mutex);
  retries_.filter.OnShed(hash, now);
}

void Front::RememberServed(const http::Request& request, SteadyTime now) {
  if (!ShedLately(now)) return;
  const uint64_t hash = HashOf(request);
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
