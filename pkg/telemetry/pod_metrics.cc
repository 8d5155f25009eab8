#include "pkg/telemetry/pod_metrics.h"

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <mutex>
#include <utility>

#include "pkg/base/check.h"
#include "pkg/scaling/sample.h"

namespace flyball::telemetry {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using scaling::kCriticalities;
using scaling::kLatencyBounds;

constexpr size_t kClasses = 4;
constexpr size_t kHistogramCells = kLatencyBounds + 2;  // buckets, the longer ones, and the sum in nanoseconds
enum HistogramKind : size_t { kService, kQueue, kRequest };
constexpr const char* kHistogramNames[] = {"flyball_service_seconds", "flyball_queue_seconds",
                                           "flyball_request_seconds"};
constexpr const char* kHistogramHelps[] = {"Time on an executor worker, waiting excluded.",
                                           "Wait for an executor worker.", "Arrival to answer, of what was not shed."};
constexpr const char* kClassNames[] = {"2xx", "3xx", "4xx", "5xx"};
constexpr const char* kAttemptNames[] = {"first", "retry"};

// Where a cell lies inside a shard: per endpoint one block of arrivals, refusals, answers and histograms.
struct Layout {
  size_t endpoints = 0, roles = 0;  // endpoints include "other", the last one

  size_t Block() const { return kCriticalities * (roles * 2 + kShedKinds + kClasses + 3 * kHistogramCells); }
  size_t Size() const { return endpoints * Block(); }
  size_t At(size_t endpoint, size_t criticality) const {
    return endpoint * Block() + criticality * (Block() / kCriticalities);
  }
  size_t Arrival(size_t e, size_t c, size_t role, size_t attempt) const { return At(e, c) + role * 2 + attempt; }
  size_t Refusal(size_t e, size_t c, size_t kind) const { return At(e, c) + roles * 2 + kind; }
  size_t Answer(size_t e, size_t c, size_t code) const { return At(e, c) + roles * 2 + kShedKinds + code; }
  size_t Histogram(size_t e, size_t c, size_t kind) const {
    return At(e, c) + roles * 2 + kShedKinds + kClasses + kind * kHistogramCells;
  }
};

// The only writer of a cell adds without a locked instruction; readers on other threads see some recent value.
void Add(uint64_t& cell, uint64_t n) {
  std::atomic_ref<uint64_t> shared(cell);
  shared.store(shared.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
}
uint64_t Read(uint64_t& cell) { return std::atomic_ref<uint64_t>(cell).load(std::memory_order_relaxed); }

// Bucket of a duration on the grid of sample.h: bounds are 0.25 ms times powers of two, inclusive.
size_t BucketOf(uint64_t ns) {
  if (ns <= 250'000) return 0;
  return std::min<size_t>(std::bit_width((ns - 1) / 250'000), kLatencyBounds);
}

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};

struct alignas(64) Shard {
  ThreadKind kind = ThreadKind::kReactor;
  std::unique_ptr<uint64_t[], Free> cells;  // from calloc: pages nobody counts in are never resident
  std::array<std::atomic<double>, kGauges> gauges{};
  std::atomic<uint64_t> busy_ns{0};
  std::atomic<int64_t> busy_since{0};      // nanoseconds of the steady clock; 0 = idle
  alignas(64) uint64_t shown_busy_ns = 0;  // the reader's: what was shown may not fall
};

void Observe(uint64_t* histogram, nanoseconds duration) {
  const auto ns = static_cast<uint64_t>(std::max<int64_t>(duration.count(), 0));
  Add(histogram[BucketOf(ns)], 1);
  Add(histogram[kLatencyBounds + 1], ns);
}

// Finished time plus what is still going on. Reads again when the thread changed state in between.
uint64_t BusyNanoseconds(Shard& shard, int64_t now) {
  uint64_t busy = 0;
  for (int attempt = 0; attempt < 8; ++attempt) {
    const int64_t since = shard.busy_since.load(std::memory_order_acquire);
    busy = shard.busy_ns.load(std::memory_order_acquire);
    if (since != 0 && since < now) busy += static_cast<uint64_t>(now - since);
    if (shard.busy_since.load(std::memory_order_acquire) == since) break;
  }
  return shard.shown_busy_ns = std::max(busy, shard.shown_busy_ns);
}

double ProcessCpuSeconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

double ResidentBytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "re");
  if (file == nullptr) return 0;
  long total = 0, resident = 0;
  const int read = std::fscanf(file, "%ld %ld", &total, &resident);
  std::fclose(file);
  return read == 2 ? static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)) : 0;
}

MetricFamily Family(const char* name, const char* help, MetricType type) { return {name, help, type, {}}; }

struct Extra {
  std::string name, help;
  MetricType type;
  std::function<double()> read;
};

struct ExtraHistogram {
  std::string name, help;
  std::vector<double> bounds;
  std::function<PodMetrics::HistogramReading()> read;

  MetricFamily Collect() const {
    MetricFamily family = Family(name.c_str(), help.c_str(), MetricType::Histogram);
    auto& histogram = family.metric.emplace_back().histogram;
    const PodMetrics::HistogramReading now = read();
    Check(now.counts.size() == bounds.size() + 1, "a histogram has one bucket more than bounds");
    for (size_t i = 0; i < now.counts.size(); ++i) {
      histogram.sample_count += now.counts[i];
      const double bound = i < bounds.size() ? bounds[i] : std::numeric_limits<double>::infinity();
      histogram.bucket.push_back({histogram.sample_count, bound});
    }
    histogram.sample_sum = now.sum;
    return family;
  }
};

}  // namespace

std::string_view Layer(Shed shed) {
  constexpr std::string_view kLayers[] = {"auth", "quota", "fleet", "fleet", "pod", "pod", "pod", "pod"};
  return kLayers[static_cast<size_t>(shed)];
}

std::string_view Reason(Shed shed) {
  constexpr std::string_view kReasons[] = {"credentials", "nominal",    "adaptive",      "ceiling",
                                           "concurrency", "queue-full", "queue-timeout", "preempted"};
  return kReasons[static_cast<size_t>(shed)];
}

struct PodMetrics::State final : prometheus::Collectable {
  State(Options given, const Clock& its_clock) : options(std::move(given)), clock(its_clock) {
    Check(!options.shards.empty() && !options.roles.empty(), "PodMetrics: needs a shard and a role");
    layout.roles = options.roles.size();
    const size_t per_endpoint = layout.roles * kCriticalities * 2;
    const size_t fitting = std::max<size_t>(static_cast<size_t>(options.max_request_series) / per_endpoint, 1) - 1;
    if (options.endpoints.size() > fitting) options.endpoints.resize(fitting);
    options.endpoints.emplace_back("other");
    layout.endpoints = options.endpoints.size();
    shards = std::vector<Shard>(options.shards.size());
    for (size_t i = 0; i < shards.size(); ++i) {
      shards[i].kind = options.shards[i];
      shards[i].cells.reset(static_cast<uint64_t*>(std::calloc(layout.Size(), sizeof(uint64_t))));
      Check(shards[i].cells != nullptr, "PodMetrics: out of memory");
    }
    start_time_seconds = ToSeconds(clock.WallNow().time_since_epoch());
  }

  size_t Endpoint(int id) const {
    return static_cast<unsigned>(id) < layout.endpoints ? static_cast<size_t>(id) : layout.endpoints - 1;
  }
  size_t Role(int id) const {
    return static_cast<unsigned>(id) < layout.roles ? static_cast<size_t>(id) : layout.roles - 1;
  }
  uint64_t* Cells(int shard) { return shards[static_cast<size_t>(shard)].cells.get(); }

  uint64_t SumAt(size_t cell) const {
    uint64_t sum = 0;
    for (const Shard& shard : shards) sum += Read(shard.cells[cell]);
    return sum;
  }

  std::vector<ClientMetric::Label> Labels(size_t endpoint, size_t criticality) const {
    return {{"app", options.app},
            {"endpoint", options.endpoints[endpoint]},
            {"criticality", std::string(spec::Name(static_cast<spec::Criticality>(criticality)))}};
  }

  template <typename Each>
  void ForEachCell(Each each) const {
    for (size_t e = 0; e < layout.endpoints; ++e) {
      for (size_t c = 0; c < kCriticalities; ++c) each(e, c);
    }
  }

  static void AddCounterMetric(MetricFamily& family, std::vector<ClientMetric::Label> labels, uint64_t value) {
    ClientMetric& metric = family.metric.emplace_back();
    metric.label = std::move(labels);
    metric.counter.value = static_cast<double>(value);
  }

  MetricFamily Arrivals() const {
    MetricFamily family =
        Family("flyball_requests_total", "Requests on arrival, before any limiter.", MetricType::Counter);
    ForEachCell([&](size_t e, size_t c) {
      for (size_t r = 0; r < layout.roles; ++r) {
        for (size_t a = 0; a < 2; ++a) {
          const uint64_t n = SumAt(layout.Arrival(e, c, r, a));
          if (n == 0) continue;
          auto labels = Labels(e, c);
          labels.push_back({"role", options.roles[r]});
          labels.push_back({"attempt", kAttemptNames[a]});
          AddCounterMetric(family, std::move(labels), n);
        }
      }
    });
    return family;
  }

  MetricFamily Refusals() const {
    MetricFamily family = Family("flyball_shed_total", "Requests refused, by the layer that did.", MetricType::Counter);
    ForEachCell([&](size_t e, size_t c) {
      for (size_t k = 0; k < kShedKinds; ++k) {
        const uint64_t n = SumAt(layout.Refusal(e, c, k));
        if (n == 0) continue;
        auto labels = Labels(e, c);
        labels.push_back({"layer", std::string(Layer(static_cast<Shed>(k)))});
        labels.push_back({"reason", std::string(Reason(static_cast<Shed>(k)))});
        AddCounterMetric(family, std::move(labels), n);
      }
    });
    return family;
  }

  MetricFamily Answers() const {
    MetricFamily family = Family("flyball_completed_total", "Requests answered and not shed.", MetricType::Counter);
    ForEachCell([&](size_t e, size_t c) {
      for (size_t k = 0; k < kClasses; ++k) {
        const uint64_t n = SumAt(layout.Answer(e, c, k));
        if (n == 0) continue;
        auto labels = Labels(e, c);
        labels.push_back({"code_class", kClassNames[k]});
        AddCounterMetric(family, std::move(labels), n);
      }
    });
    return family;
  }

  MetricFamily Histograms(HistogramKind kind) const {
    MetricFamily family = Family(kHistogramNames[kind], kHistogramHelps[kind], MetricType::Histogram);
    ForEachCell([&](size_t e, size_t c) {
      const size_t base = layout.Histogram(e, c, kind);
      ClientMetric metric;
      uint64_t count = 0;
      for (size_t b = 0; b <= kLatencyBounds; ++b) {
        count += SumAt(base + b);
        const double bound = b < kLatencyBounds ? scaling::LatencyBound(b) : std::numeric_limits<double>::infinity();
        metric.histogram.bucket.push_back({count, bound});
      }
      if (count == 0) return;
      metric.label = Labels(e, c);
      metric.histogram.sample_count = count;
      metric.histogram.sample_sum = static_cast<double>(SumAt(base + kLatencyBounds + 1)) * 1e-9;
      family.metric.push_back(std::move(metric));
    });
    return family;
  }

  static MetricFamily Single(const char* name, const char* help, MetricType type, double value) {
    MetricFamily family = Family(name, help, type);
    ClientMetric& metric = family.metric.emplace_back();
    (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
    return family;
  }

  double SumGauge(Gauge gauge) const {
    double sum = 0;
    for (const Shard& shard : shards) sum += shard.gauges[static_cast<size_t>(gauge)].load(std::memory_order_relaxed);
    return sum;
  }

  void CollectBusy(std::vector<MetricFamily>& families) const {
    const int64_t now = clock.Now().time_since_epoch().count();
    uint64_t busy[2] = {0, 0};
    size_t threads[2] = {0, 0};
    for (Shard& shard : shards) {
      busy[static_cast<size_t>(shard.kind)] += BusyNanoseconds(shard, now);
      ++threads[static_cast<size_t>(shard.kind)];
    }
    families.push_back(Single("flyball_reactor_busy_seconds_total", "Reactor threads not waiting.", MetricType::Counter,
                              static_cast<double>(busy[0]) * 1e-9));
    families.push_back(Single("flyball_executor_busy_seconds_total", "Executor workers at work.", MetricType::Counter,
                              static_cast<double>(busy[1]) * 1e-9));
    families.push_back(
        Single("flyball_reactors", "Reactor threads.", MetricType::Gauge, static_cast<double>(threads[0])));
  }

  void CollectProcess(std::vector<MetricFamily>& families) const {
    const auto gauge = [&](const char* name, const char* help, double value) {
      families.push_back(Single(name, help, MetricType::Gauge, value));
    };
    families.push_back(Single("process_cpu_seconds_total", "User and system CPU time spent in seconds.",
                              MetricType::Counter, ProcessCpuSeconds()));
    gauge("process_resident_memory_bytes", "Resident memory size in bytes.", ResidentBytes());
    gauge("flyball_in_flight", "Requests admitted and not answered.", SumGauge(Gauge::kInFlight));
    gauge("flyball_queue_depth", "Requests waiting for an executor worker.", SumGauge(Gauge::kQueueDepth));
    gauge("flyball_concurrency_limit", "Requests the pod admits at once.", SumGauge(Gauge::kConcurrencyLimit));
    gauge("flyball_connections", "Open connections.", SumGauge(Gauge::kConnections));
    gauge("flyball_workers", "Executor workers.", options.workers);
    gauge("flyball_cpu_quota_cores", "Cores this process may use.", options.cpu_quota_cores);
    gauge("flyball_memory_limit_bytes", "Memory this process may use.", options.memory_limit_bytes);
    gauge("flyball_ready", "1 when the pod may take traffic.", ready.load(std::memory_order_relaxed) ? 1 : 0);
    gauge("flyball_start_time_seconds", "Unix time the pod started.", start_time_seconds);
    gauge("flyball_monotonic_seconds", "The pod's steady clock.", ToSeconds(clock.Now().time_since_epoch()));
    MetricFamily hash = Single("flyball_template_hash", "What the pod was made from.", MetricType::Gauge, 1);
    hash.metric[0].label = {{"app", options.app}, {"hash", options.template_hash}};
    families.push_back(std::move(hash));
  }

  std::vector<MetricFamily> Collect() const override {
    std::vector<MetricFamily> families{Arrivals(),           Refusals(),         Answers(),
                                       Histograms(kService), Histograms(kQueue), Histograms(kRequest)};
    std::erase_if(families, [](const MetricFamily& family) { return family.metric.empty(); });
    CollectBusy(families);
    CollectProcess(families);
    std::lock_guard lock(extras_mutex);
    for (const Extra& extra : extras) {
      families.push_back(Single(extra.name.c_str(), extra.help.c_str(), extra.type, extra.read()));
    }
    for (const ExtraHistogram& extra : extra_histograms) families.push_back(extra.Collect());
    return families;
  }

  Options options;
  const Clock& clock;
  Layout layout;
  mutable std::vector<Shard> shards;
  std::atomic<bool> ready{false};
  double start_time_seconds = 0;
  mutable std::mutex extras_mutex;  // guards the rest
  std::vector<Extra> extras;
  std::vector<ExtraHistogram> extra_histograms;
};

PodMetrics::PodMetrics(Options options, const Clock& clock)
    : state_(std::make_unique<State>(std::move(options), clock)) {}
PodMetrics::~PodMetrics() = default;

void PodMetrics::CountArrival(int shard, int endpoint, int role, spec::Criticality criticality, Attempt attempt) {
  Add(state_->Cells(shard)[state_->layout.Arrival(state_->Endpoint(endpoint), static_cast<size_t>(criticality),
                                                  state_->Role(role), static_cast<size_t>(attempt))],
      1);
}

void PodMetrics::CountShed(int shard, Shed shed, int endpoint, spec::Criticality criticality) {
  Add(state_->Cells(shard)[state_->layout.Refusal(state_->Endpoint(endpoint), static_cast<size_t>(criticality),
                                                  static_cast<size_t>(shed))],
      1);
}

void PodMetrics::CountCompleted(int shard, int endpoint, spec::Criticality criticality, int status, nanoseconds total) {
  uint64_t* cells = state_->Cells(shard);
  const size_t e = state_->Endpoint(endpoint), c = static_cast<size_t>(criticality);
  Add(cells[state_->layout.Answer(e, c, static_cast<size_t>(std::clamp(status / 100 - 2, 0, 3)))], 1);
  Observe(&cells[state_->layout.Histogram(e, c, kRequest)], total);
}

void PodMetrics::CountService(int shard, int endpoint, spec::Criticality criticality, nanoseconds queued,
                              nanoseconds service) {
  uint64_t* cells = state_->Cells(shard);
  const size_t e = state_->Endpoint(endpoint), c = static_cast<size_t>(criticality);
  Observe(&cells[state_->layout.Histogram(e, c, kQueue)], queued);
  Observe(&cells[state_->layout.Histogram(e, c, kService)], service);
}

void PodMetrics::Set(int shard, Gauge gauge, double value) {
  state_->shards[static_cast<size_t>(shard)].gauges[static_cast<size_t>(gauge)].store(value, std::memory_order_relaxed);
}

void PodMetrics::BeginBusy(int shard, SteadyTime now) {
  Shard& own = state_->shards[static_cast<size_t>(shard)];
  if (own.busy_since.load(std::memory_order_relaxed) != 0) return;
  own.busy_since.store(now.time_since_epoch().count(), std::memory_order_release);
}

void PodMetrics::EndBusy(int shard, SteadyTime now) {
  Shard& own = state_->shards[static_cast<size_t>(shard)];
  const int64_t since = own.busy_since.load(std::memory_order_relaxed);
  if (since == 0) return;
  const int64_t spent = std::max<int64_t>(now.time_since_epoch().count() - since, 0);
  own.busy_since.store(0, std::memory_order_release);
  own.busy_ns.store(own.busy_ns.load(std::memory_order_relaxed) + static_cast<uint64_t>(spent),
                    std::memory_order_release);
}

void PodMetrics::SetReady(bool ready) { state_->ready.store(ready, std::memory_order_relaxed); }

void PodMetrics::AddGauge(std::string name, std::string help, std::function<double()> read) {
  std::lock_guard lock(state_->extras_mutex);
  state_->extras.push_back({std::move(name), std::move(help), MetricType::Gauge, std::move(read)});
}

void PodMetrics::AddCounter(std::string name, std::string help, std::function<double()> read) {
  std::lock_guard lock(state_->extras_mutex);
  state_->extras.push_back({std::move(name), std::move(help), MetricType::Counter, std::move(read)});
}

void PodMetrics::AddHistogram(std::string name, std::string help, std::vector<double> bounds,
                              std::function<HistogramReading()> read) {
  std::lock_guard lock(state_->extras_mutex);
  state_->extra_histograms.push_back({std::move(name), std::move(help), std::move(bounds), std::move(read)});
}

std::string PodMetrics::Render() const { return prometheus::TextSerializer().Serialize(state_->Collect()); }

PodMetrics::Totals PodMetrics::Sum() const {
  Totals totals;
  const Layout& layout = state_->layout;
  state_->ForEachCell([&](size_t e, size_t c) {
    for (size_t r = 0; r < layout.roles; ++r) {
      totals.arrivals += state_->SumAt(layout.Arrival(e, c, r, 0)) + state_->SumAt(layout.Arrival(e, c, r, 1));
    }
    for (size_t k = 0; k < kShedKinds; ++k) totals.shed += state_->SumAt(layout.Refusal(e, c, k));
    for (size_t k = 0; k < kClasses; ++k) totals.completed += state_->SumAt(layout.Answer(e, c, k));
    totals.completed_5xx += state_->SumAt(layout.Answer(e, c, 3));
  });
  totals.in_flight = state_->SumGauge(Gauge::kInFlight);
  totals.connections = state_->SumGauge(Gauge::kConnections);
  return totals;
}

}  // namespace flyball::telemetry
