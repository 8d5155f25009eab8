#include "pkg/service/autoscaler/governor_runner.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>

#include "pkg/base/log.h"
#include "pkg/service/autoscaler/governor_sink.h"
#include "pkg/service/autoscaler/kube_target.h"
#include "pkg/service/autoscaler/loop.h"
#include "pkg/service/autoscaler/pod_scraper.h"
#include "pkg/service/autoscaler/prometheus_metrics.h"
#include "pkg/service/autoscaler/redis_of_app.h"
#include "pkg/service/autoscaler/switched_publisher.h"
#include "pkg/service/autoscaler/zones.h"

namespace flyball::service::autoscaler {
namespace {

// A target without limits publishes nothing.
class NoPublisher final : public RatePublisher {
 public:
  Result<void> Publish(const scaling::Decision&, int) override { return {}; }
};

// Counts what goes through it.
class CountedSink final : public StatusSink {
 public:
  CountedSink(GovernorSink& sink, ControllerMetrics& metrics, std::string key)
      : sink_(sink), metrics_(metrics), key_(std::move(key)) {}
  void Report(const std::string& governor, const std::string& status) override { sink_.Report(governor, status); }
  void Ordered(const std::string& governor, int from, int to, const std::string& reason) override {
    metrics_.Ordered(key_, from, to);
    sink_.Ordered(governor, from, to, reason);
  }

 private:
  GovernorSink& sink_;
  ControllerMetrics& metrics_;
  const std::string key_;
};

// What a loop is made of for one document. The loop borrows all the others.
struct Assembly {
  std::unique_ptr<KubeTarget> target;
  std::unique_ptr<PodScraper> scraper;
  std::unique_ptr<RatePublisher> publisher;
  std::unique_ptr<PrometheusMetrics> outside;
  std::unique_ptr<Loop> loop;
};

// Whether other parts than the loop itself read what differs.
bool NeedsOtherParts(const spec::Governor& a, const spec::Governor& b) {
  const auto same_selector = [](const auto& x, const auto& y) {
    return x.has_value() == y.has_value() && (!x || ToPromQL(*x) == ToPromQL(*y));
  };
  const auto same_demand = [&] {
    if (a.demand.has_value() != b.demand.has_value()) return false;
    return !a.demand ||
           (ToPromQL(a.demand->requests) == ToPromQL(b.demand->requests) &&
            same_selector(a.demand->latency, b.demand->latency) &&
            same_selector(a.demand->in_flight, b.demand->in_flight) && same_selector(a.demand->shed, b.demand->shed));
  };
  const auto same_external = [&] {
    return std::equal(
        a.external.begin(), a.external.end(), b.external.begin(), b.external.end(),
        [](const auto& x, const auto& y) { return x.name == y.name && x.promql == y.promql && x.target == y.target; });
  };
  return std::tie(a.target.api_version, a.target.kind, a.target.name, a.metrics.kind, a.metrics.port, a.metrics.path,
                  a.metrics.pod_label, a.prometheus_url, a.scrape, a.replicas.startup) !=
             std::tie(b.target.api_version, b.target.kind, b.target.name, b.metrics.kind, b.metrics.port,
                      b.metrics.path, b.metrics.pod_label, b.prometheus_url, b.scrape, b.replicas.startup) ||
         !same_demand() || !same_external();
}

}  // namespace

struct GovernorRunner::Impl {
  Impl(const ClusterParts& p, std::string k, spec::Governor d)
      : parts(p),
        key(std::move(k)),
        name_space(key.substr(0, key.find('/'))),
        sink(
            parts.writer, parts.events, [this] { return parts.cache.Governor(key); }, parts.clock),
        counted(sink, parts.metrics, key),
        next(std::move(d)) {}

  void Run(const std::stop_token& stop);
  void TakeChange();
  void Assemble(const spec::Governor& document, std::vector<scaling::TimeZone> zones);
  void Tick();
  bool WaitUntil(SteadyTime until, const std::stop_token& stop);

  const ClusterParts parts;
  const std::string key, name_space;
  GovernorSink sink;
  CountedSink counted;
  std::optional<spec::Governor> document;  // that the assembly follows
  Assembly assembly;
  std::atomic<bool> deposed{false};

  std::mutex mutex;
  std::condition_variable_any changed;
  std::optional<spec::Governor> next;   // guarded by mutex
  std::optional<std::string> problems;  // guarded by mutex
  std::jthread thread;                  // last: joins before the rest goes
};

void GovernorRunner::Impl::Assemble(const spec::Governor& wanted, std::vector<scaling::TimeZone> zones) {
  assembly = {};
  Assembly made;
  made.target = std::make_unique<KubeTarget>(parts.client, parts.writer, parts.cache, name_space, wanted, parts.clock);
  made.scraper = MakeScraper(wanted);
  if (wanted.target.kind == "App") {
    made.publisher = std::make_unique<SwitchedPublisher>(
        parts.writer, wanted.target.name,
        [this, app = wanted.target.name] {
          return RedisOfApp(parts.client, parts.cache, parts.defaults, name_space, app);
        },
        parts.clock);
  } else {
    made.publisher = std::make_unique<NoPublisher>();
  }
  if (!wanted.external.empty()) made.outside = std::make_unique<PrometheusMetrics>(wanted.prometheus_url);
  const kube::ObjectPtr object = parts.cache.Governor(key);
  made.loop = std::make_unique<Loop>(wanted, *made.target, *made.scraper, *made.publisher, counted, parts.clock,
                                     std::move(zones), made.outside.get(),
                                     object == nullptr ? scaling::Remembered{} : RememberedFrom(object->json));
  assembly = std::move(made);
}

void GovernorRunner::Impl::TakeChange() {
  std::optional<spec::Governor> wanted;
  {
    const std::lock_guard lock(mutex);
    wanted = std::exchange(next, std::nullopt);
    if (problems) sink.SetProblems(*std::exchange(problems, std::nullopt));
  }
  if (!wanted) return;
  auto zones = ReadZones(wanted->schedule);
  if (!zones) {
    sink.SetProblems(zones.error().message);
    if (!document) sink.Wait("Invalid", zones.error().message);
    return;
  }
  if (!document || NeedsOtherParts(*document, *wanted)) {
    Assemble(*wanted, std::move(*zones));
  } else {
    assembly.loop->Reconfigure(*wanted, std::move(*zones));
  }
  document = std::move(wanted);
}

void GovernorRunner::Impl::Tick() {
  const SteadyTime begin = parts.clock.Now();
  const scaling::Decision decision = assembly.loop->Tick();
  if (decision.seq == 0) {
    sink.Wait("TargetNotFound", assembly.loop->target_trouble());
    return;
  }
  sink.SetTrouble(assembly.loop->target_trouble());
  parts.metrics.Ticked(key, decision, assembly.loop->scrape_errors(), ToSeconds(parts.clock.Now() - begin));
  if (assembly.loop->deposed()) deposed = true;
}

bool GovernorRunner::Impl::WaitUntil(SteadyTime until, const std::stop_token& stop) {
  std::unique_lock lock(mutex);
  changed.wait_until(lock, stop, until, [this] { return next.has_value(); });
  return !stop.stop_requested();
}

void GovernorRunner::Impl::Run(const std::stop_token& stop) {
  SteadyTime next_tick = parts.clock.Now();
  do {
    TakeChange();
    if (parts.clock.Now() < next_tick) continue;  // only the document changed
    if (document && !deposed) Tick();
    const auto period = document ? document->scrape : std::chrono::duration_cast<milliseconds>(seconds(2));
    next_tick = std::max(next_tick + period, parts.clock.Now());
  } while (WaitUntil(next_tick, stop));
}

GovernorRunner::GovernorRunner(const ClusterParts& parts, std::string key, spec::Governor document)
    : impl_(std::make_unique<Impl>(parts, std::move(key), std::move(document))) {
  Log(LogLevel::kInfo, "governing", {{"governor", impl_->key}});
  impl_->thread = std::jthread([impl = impl_.get()](const std::stop_token& stop) { impl->Run(stop); });
}

GovernorRunner::~GovernorRunner() {
  impl_->thread.request_stop();
  impl_->thread.join();
  impl_->parts.metrics.Forget(impl_->key);
}

void GovernorRunner::Change(spec::Governor document) {
  const std::lock_guard lock(impl_->mutex);
  impl_->next = std::move(document);
  impl_->problems = "";
  impl_->changed.notify_all();
}

void GovernorRunner::SetProblems(std::string problems) {
  const std::lock_guard lock(impl_->mutex);
  impl_->problems = std::move(problems);
}

bool GovernorRunner::deposed() const { return impl_->deposed; }

}  // namespace flyball::service::autoscaler
