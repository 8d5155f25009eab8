// The request path of a pod on its reactors: who asks, may they, may we; then the executor does the work.
//
//   identity -> count the arrival -> quotas -> fleet ceiling -> concurrency limit -> executor queue
//
// Everything before the executor is this reactor's own state: no lock is shared with workers, and nothing waits; a
// request that needs tokens from the shared state is parked and taken up again when they come.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "pkg/admission/concurrency_limit.h"
#include "pkg/admission/quota_table.h"
#include "pkg/admission/retry_filter.h"
#include "pkg/http/server.h"
#include "pkg/service/api/access_log.h"
#include "pkg/service/api/endpoints.h"
#include "pkg/service/api/executor.h"
#include "pkg/service/api/operations.h"
#include "pkg/state/shared_state.h"
#include "pkg/telemetry/pod_metrics.h"

namespace flyball::service::api {

struct Passage;

class Front final : public http::Handler {
 public:
  // All borrowed, all outlive the front.
  struct Parts {
    const spec::App& app;
    const std::vector<Endpoint>& endpoints;
    Operations& operations;
    telemetry::PodMetrics& metrics;  // shard i is reactor i
    const Clock& clock;
    AccessLog& access_log;
  };
  struct Settings {
    std::string pod;  // unique in the fleet
    int reactors = 1;
    int workers = 8;
    double capacity_hint_rps = 0;  // of a pod; 0 = unknown
    double quota_floor = 0.25;
    bool limits_enforced = true;  // false: neither ceiling nor concurrency limit refuses
  };
  Front(const Parts& parts, const Settings& settings);
  ~Front() override;

  // Before the server starts. All borrowed; `state` must go first, then `executor`, then `server`: each calls back into
  // what was made before it.
  void Attach(http::Server& server, Executor& executor, state::SharedState& state);

  void set_ready(bool ready) { ready_.store(ready, std::memory_order_relaxed); }

  // Gives leased tokens back, for a pod that ends; waits for the answer, which the state bounds. After the server has
  // stopped.
  void ReturnLeases();

  void Handle(http::Responder responder) override;
  void OnTick(int reactor, SteadyTime now) override;
  void OnAnswered(const http::Answered& answered) override;

 private:
  class Reactor;
  friend class Reactor;

  // The pod's in-flight count and its limit: counted by all reactors, moved by reactor 0 every 200 ms.
  struct Concurrency {
    explicit Concurrency(const admission::ConcurrencyLimit::Options& options)
        : limit(options), admitted(limit.limit()) {}
    std::atomic<int> in_flight{0};
    std::atomic<int> peak{0};
    admission::ConcurrencyLimit limit;  // reactor 0
    std::atomic<double> admitted;       // limit.limit(), as the others read it
  };
  // Latencies a reactor measured, until reactor 0 takes them.
  struct Latencies {
    explicit Latencies(int endpoints) : window(endpoints) {}
    std::mutex mutex;
    admission::LatencyWindow window;  // guarded by mutex
  };
  // Requests that were shed, of all reactors.
  struct Retries {
    explicit Retries(SteadyTime now) : filter(now) {}
    std::atomic<int64_t> last_shed_ns{0};  // when; 0 = never. Nobody takes the lock while nothing is shed
    std::mutex mutex;
    admission::RetryFilter filter;  // guarded by mutex
  };

  void Log(const http::Answered& answered);
  bool Admit(spec::Criticality criticality);
  bool IsRetry(Passage& passage, SteadyTime now);
  void RememberShed(uint64_t hash, SteadyTime now);
  void RememberServed(uint64_t hash, SteadyTime now);
  bool ShedLately(SteadyTime now) const;
  void MoveConcurrencyLimit(SteadyTime now);
  void CountReactorTime(SteadyTime now);
  void AskForRecord(SteadyTime now);
  void OnRecord(const Result<state::GovernorReading>& reading);  // reactor 0

  const Parts parts_;
  const Settings settings_;
  std::vector<std::string> roles_;                        // "anonymous" first
  std::vector<std::vector<admission::QuotaRule>> rules_;  // by limit, by role
  http::Server* server_ = nullptr;
  Executor* executor_ = nullptr;
  state::SharedState* state_ = nullptr;
  std::atomic<bool> ready_{false};
  std::atomic<double> quota_factor_{1};
  double counted_busy_seconds_ = 0;  // reactor 0
  SteadyTime record_asked_{};        // reactor 0
  SteadyTime record_seen_{};         // reactor 0: when there last was one
  Concurrency concurrency_;
  Retries retries_;
  std::vector<std::unique_ptr<Latencies>> latencies_;  // by reactor
  std::vector<std::unique_ptr<Reactor>> reactors_;
};

}  // namespace flyball::service::api
