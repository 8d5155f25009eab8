#include "tests/bench/pod_page.h"

#include "pkg/telemetry/pod_metrics.h"

namespace flyball::bench {

using spec::Criticality;
using std::chrono::microseconds;

std::string PodPage() {
  telemetry::PodMetrics::Options options;
  options.app = "tasks";
  for (const char* resource : {"tasks", "users"}) {
    for (const char* verb : {"list", "read", "create", "update", "delete"}) {
      options.endpoints.push_back(std::string(resource) + "." + verb);
    }
  }
  options.endpoints.insert(options.endpoints.end(), {"auth.login", "auth.register"});
  options.roles = {"anonymous", "user", "admin"};
  options.shards = {telemetry::ThreadKind::kReactor, telemetry::ThreadKind::kExecutor};
  options.workers = 8;
  options.cpu_quota_cores = 2;
  FakeClock clock;
  telemetry::PodMetrics metrics(options, clock);
  for (int i = 0; i < 20'000; ++i) {
    const int endpoint = i % 12;
    const auto criticality = endpoint >= 10 ? Criticality::kCritical : Criticality::kNormal;
    metrics.CountArrival(0, endpoint, i % 3, criticality, telemetry::Attempt::kFirst);
    if (i % 50 == 0) {
      metrics.CountShed(0, telemetry::Shed::kConcurrency, endpoint, criticality);
    } else {
      metrics.CountService(1, endpoint, criticality, microseconds(i % 3000), microseconds(200 + i % 40000));
      metrics.CountCompleted(0, endpoint, criticality, i % 100 == 0 ? 404 : 200, microseconds(300 + i % 50000));
    }
  }
  return metrics.Render();
}

}  // namespace flyball::bench
