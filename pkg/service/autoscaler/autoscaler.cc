#include "pkg/service/autoscaler/autoscaler.h"

#include <condition_variable>
#include <memory>
#include <mutex>

#include "pkg/base/log.h"
#include "pkg/service/autoscaler/loop.h"
#include "pkg/service/autoscaler/pod_scraper.h"
#include "pkg/service/autoscaler/prometheus_metrics.h"
#include "pkg/service/autoscaler/record_publisher.h"
#include "pkg/service/autoscaler/supervisor_target.h"
#include "pkg/service/autoscaler/zones.h"
#include "pkg/spec/reader.h"
#include "pkg/state/redis/redis_state.h"

namespace flyball::service::autoscaler {
namespace {

// A fleet without shared state has one pod at most, which needs no published rates.
class NoPublisher final : public RatePublisher {
 public:
  Result<void> Publish(const scaling::Decision&, int) override { return {}; }
};

Result<spec::Governor> ReadGovernor(const Options& options) {
  spec::Documents documents = spec::ReadFiles(options.files);
  if (!documents.ok()) {
    std::string all;
    for (const spec::Problem& problem : documents.problems) all += "\n" + spec::Format(problem);
    return Fail(ErrorCode::kInvalid, "the documents are wrong:" + all);
  }
  if (documents.governors.size() != 1) {
    return Fail(ErrorCode::kInvalid,
                "expected one Governor in the documents, found " + std::to_string(documents.governors.size()));
  }
  spec::Governor governor = std::move(documents.governors.front());
  if (options.min_replicas > 0) governor.replicas.min = options.min_replicas;
  if (options.max_replicas > 0) governor.replicas.max = options.max_replicas;
  return governor;
}

// Waits until `next` or a stop; false on a stop.
bool WaitUntil(SteadyTime next, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any woken;
  std::unique_lock lock(mutex);
  woken.wait_until(lock, stop, next, [] { return false; });
  return !stop.stop_requested();
}

}  // namespace

Result<void> Run(const Options& options, std::stop_token stop) {
  auto governor = ReadGovernor(options);
  if (!governor) return Fail(governor.error());
  auto zones = ReadZones(governor->schedule);
  if (!zones) return Fail(zones.error());
  const Clock& clock = RealClock();

  std::unique_ptr<state::SharedState> state;
  std::unique_ptr<RatePublisher> publisher = std::make_unique<NoPublisher>();
  if (options.redis != "none") {
    auto address = state::ParseRedisAddress(options.redis);
    if (!address) return Fail(address.error());
    state = state::MakeRedisState({.address = std::move(*address), .app = governor->target.name}, clock);
    const auto epoch = std::chrono::duration_cast<milliseconds>(clock.WallNow().time_since_epoch()).count();
    publisher = std::make_unique<RecordPublisher>(*state, static_cast<uint64_t>(epoch));
  }
  SupervisorTarget supervisor(options.supervisor_url, options.supervisor_token, governor->metrics.path);
  const std::unique_ptr<PodScraper> scraper = MakeScraper(*governor);
  std::unique_ptr<PrometheusMetrics> outside;
  if (!governor->external.empty()) outside = std::make_unique<PrometheusMetrics>(governor->prometheus_url);
  const auto period = governor->scrape;
  Loop loop(std::move(*governor), supervisor, *scraper, *publisher, supervisor, clock, std::move(*zones),
            outside.get());

  Log(LogLevel::kInfo, "governing", {{"supervisor", options.supervisor_url}, {"period_ms", period.count()}});
  SteadyTime next = clock.Now();
  do {
    loop.Tick();
    if (loop.deposed()) return Fail(ErrorCode::kConflict, "a newer leader governs this fleet");
    next = std::max(next + period, clock.Now());
  } while (WaitUntil(next, stop));
  return {};
}

}  // namespace flyball::service::autoscaler
