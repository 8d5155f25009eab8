// What one API pod counts and shows on /metrics. Everything hot is an array cell of the calling thread's own shard: one
// relaxed load and store, no contention, no allocation, no hashing. Shards are summed when somebody scrapes.
//
// Series (all counters end in _total; a histogram has _bucket, _sum, _count; series still at zero are not shown):
//   flyball_requests_total{app,endpoint,role,criticality,attempt=first|retry}   on arrival, before any limiter
//   flyball_shed_total{app,layer=auth|quota|fleet|pod,reason,endpoint,criticality}
//   flyball_completed_total{app,endpoint,criticality,code_class=2xx|3xx|4xx|5xx}  what was answered and not shed
//   flyball_service_seconds, flyball_queue_seconds, flyball_request_seconds{app,endpoint,criticality}  histograms
//   flyball_executor_busy_seconds_total, flyball_reactor_busy_seconds_total     summed over threads
//   process_cpu_seconds_total, process_resident_memory_bytes
//   flyball_in_flight, flyball_queue_depth, flyball_concurrency_limit, flyball_connections       gauges
//   flyball_workers, flyball_reactors, flyball_cpu_quota_cores, flyball_memory_limit_bytes, flyball_ready gauges
//   flyball_start_time_seconds, flyball_monotonic_seconds, flyball_template_hash{app,hash} 1
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/base/clock.h"
#include "pkg/spec/app.h"

namespace flyball::telemetry {

// Who refused a request and why; each is one (layer, reason) pair of flyball_shed_total.
enum class Shed : uint8_t {
  kAuth,          // auth/credentials: bad or missing credentials, lockout. Not demand.
  kQuota,         // quota/nominal: over the quota as written. Not demand.
  kAdaptive,      // fleet/adaptive: over the quota only because its factor is lowered. Demand.
  kCeiling,       // fleet/ceiling: no lease of the fleet's rate
  kConcurrency,   // pod/concurrency: above the pod's limit and not worth queueing
  kQueueFull,     // pod/queue-full
  kQueueTimeout,  // pod/queue-timeout: waited too long for a worker
  kPreempted,     // pod/preempted: dropped from the queue for something more critical
};
inline constexpr size_t kShedKinds = 8;
std::string_view Layer(Shed shed);
std::string_view Reason(Shed shed);

enum class Attempt : uint8_t { kFirst, kRetry };
enum class Gauge : uint8_t { kInFlight, kQueueDepth, kConcurrencyLimit, kConnections };
inline constexpr size_t kGauges = 4;
enum class ThreadKind : uint8_t { kReactor, kExecutor };

class PodMetrics {
 public:
  struct Options {
    std::string app;
    std::vector<std::string> endpoints;  // "tasks.list", ...; the id of an endpoint is its index
    std::vector<std::string> roles;      // "anonymous", "user", ...; the id of a role is its index; not empty
    // One shard per thread that counts; shard i is written by one thread at a time and `shards[i]` says of which kind.
    std::vector<ThreadKind> shards;
    double workers = 0;             // executor threads
    double cpu_quota_cores = 0;     // CpuQuotaCores()
    double memory_limit_bytes = 0;  // MemoryLimitBytes()
    std::string template_hash;      // of what the pod was made from
    // endpoint x role x criticality x attempt; endpoints that do not fit are counted as "other".
    int max_request_series = 2000;
  };

  // `clock` must outlive it. Check: at least one shard and one role.
  PodMetrics(Options options, const Clock& clock);
  ~PodMetrics();
  PodMetrics(const PodMetrics&) = delete;
  PodMetrics& operator=(const PodMetrics&) = delete;

  // All of the following: only from the thread that owns `shard`; < 10 ns. Ids out of range count as "other" (endpoint)
  // or as the last role.
  void CountArrival(int shard, int endpoint, int role, spec::Criticality criticality, Attempt attempt);
  void CountShed(int shard, Shed shed, int endpoint, spec::Criticality criticality);
  // An answer that was not shed. `total` is arrival to answer. `status` 100..599.
  void CountCompleted(int shard, int endpoint, spec::Criticality criticality, int status, nanoseconds total);
  // A request that an executor worker carried out: what it waited for a worker, and what the worker took.
  void CountService(int shard, int endpoint, spec::Criticality criticality, nanoseconds queued, nanoseconds service);
  // This shard's part; /metrics shows the sum over shards.
  void Set(int shard, Gauge gauge, double value);
  // The thread of this shard begins and ends being busy (a reactor between epoll_wait calls, a worker with a job). What
  // is still going on counts up to the moment of the scrape. Begin twice or End without Begin is a no-op.
  void BeginBusy(int shard, SteadyTime now);
  void EndBusy(int shard, SteadyTime now);

  // Any thread.
  void SetReady(bool ready);
  // More series for /metrics, read at scrape time on the scraping thread. Any thread, at any time. `name` must be a
  // valid metric name; counters end in _total.
  void AddGauge(std::string name, std::string help, std::function<double()> read);
  void AddCounter(std::string name, std::string help, std::function<double()> read);
  // A histogram that somebody else keeps. `bounds`: upper bounds of the buckets, ascending, inclusive.
  struct HistogramReading {
    std::vector<uint64_t> counts;  // of each bucket alone, one more than bounds: the last is beyond them all
    double sum = 0;
  };
  void AddHistogram(std::string name, std::string help, std::vector<double> bounds,
                    std::function<HistogramReading()> read);

  // The whole page in the Prometheus text format 0.0.4. One thread at a time; ~1 us a series.
  std::string Render() const;

  // Sums over shards, for /api/status and tests.
  struct Totals {
    uint64_t arrivals = 0, shed = 0, completed = 0, completed_5xx = 0;
    double in_flight = 0, connections = 0;
  };
  Totals Sum() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Cores this process may use by its cgroup (v2 cpu.max, v1 cfs quota), bounded by the machine's cores. `cgroup_root` is
// /sys/fs/cgroup but for tests. Never 0.
double CpuQuotaCores(const std::string& cgroup_root = "/sys/fs/cgroup");
// Memory this process may use by its cgroup (v2 memory.max, v1 memory.limit_in_bytes), bounded by the machine's.
double MemoryLimitBytes(const std::string& cgroup_root = "/sys/fs/cgroup");

}  // namespace flyball::telemetry
