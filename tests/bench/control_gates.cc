// The governor against HPA, KEDA and Knative in the simulator: `control_gates [--quick] [--ours] [trace...]`, or what
// the governor does in one trace: `control_gates --timeline TRACE STARTUP_SECONDS`.
//
// Every autoscaler runs behind the same pod limiter, over the same arrivals (same seeds). The references' targets are
// swept; they are compared at equal pod-hours by interpolating their curve, and violations are counted net of an oracle
// that knows the trace, because no scaler can fix a burst shorter than a start-up.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/simulate/governed.h"
#include "pkg/simulate/references.h"
#include "pkg/simulate/simulation.h"

namespace flyball::simulate {
namespace {

constexpr double kBase = 400;  // requests a second
constexpr int kMin = 2, kMax = 60;
constexpr double kPodRps = 400;  // workers / service time
constexpr double kTargets[] = {0.5, 0.6, 0.7, 0.8, 0.9};

struct Cost {
  double pod_hours = 0, violated = 0, critical_offered = 0, critical_served = 0;
  void Add(const Outcome& outcome) {
    pod_hours += outcome.PodHours();
    violated += outcome.violated_seconds;
    critical_offered += outcome.critical_offered;
    critical_served += outcome.critical_served;
  }
};

using Make = std::function<std::unique_ptr<Autoscaler>(const Trace&, milliseconds)>;

struct Contender {
  std::string name;
  std::vector<Make> swept;
};

std::vector<Contender> Contenders() {
  std::vector<Contender> all;
  all.push_back({"flyball", {[](const Trace&, milliseconds startup) {
                   spec::Governor document;
                   document.replicas = {.min = kMin, .max = kMax, .startup = startup};
                   return std::make_unique<Governed>(document, kSimulationStart);
                 }}});
  all.push_back({"oracle", {[](const Trace& trace, milliseconds startup) {
                   return std::make_unique<Oracle>(trace, kSimulationStart, startup, kPodRps, 0.8, kMin, kMax);
                 }}});
  Contender hpa{"hpa", {}}, keda{"keda", {}}, both{"cpu+rate", {}}, kpa{"kpa", {}}, slow_kpa{"kpa-120s", {}};
  for (const double target : kTargets) {
    hpa.swept.push_back([=](const Trace&, milliseconds) { return std::make_unique<Hpa>(target, kMin, kMax); });
    keda.swept.push_back(
        [=](const Trace&, milliseconds) { return std::make_unique<Keda>(target * kPodRps, 0, kMin, kMax); });
    both.swept.push_back(
        [=](const Trace&, milliseconds) { return std::make_unique<Keda>(target * kPodRps, target, kMin, kMax); });
    Kpa::Options options;
    options.target = 8 * target;
    options.min = kMin;
    options.max = kMax;
    kpa.swept.push_back([=](const Trace&, milliseconds) { return std::make_unique<Knative>(options); });
    options.scale_down_delay = seconds(120);
    slow_kpa.swept.push_back([=](const Trace&, milliseconds) { return std::make_unique<Knative>(options); });
  }
  for (Contender* each : {&hpa, &keda, &both, &kpa, &slow_kpa}) all.push_back(*each);
  return all;
}

struct Matrix {
  std::vector<std::string> traces;
  std::vector<int> startups;
  std::vector<uint64_t> seeds;
};

Cost Run(const Make& make, const Matrix& matrix, const std::string& name) {
  Cost cost;
  const Trace trace = MakeTrace(name, kBase).value();
  for (const int startup : matrix.startups) {
    for (const uint64_t seed : matrix.seeds) {
      FleetOptions options;
      options.pods = 3;
      options.startup = seconds(startup);
      options.seed = seed;
      const auto autoscaler = make(trace, options.startup);
      cost.Add(Simulate(trace, options, *autoscaler));
    }
  }
  return cost;
}

// What the swept reference violates at `pod_hours`: between its points linearly, beyond them the nearest.
double ViolatedAt(std::vector<Cost> points, double pod_hours) {
  std::sort(points.begin(), points.end(), [](const Cost& a, const Cost& b) { return a.pod_hours < b.pod_hours; });
  if (pod_hours <= points.front().pod_hours) return points.front().violated;
  for (size_t i = 1; i < points.size(); ++i) {
    const Cost &a = points[i - 1], &b = points[i];
    if (pod_hours > b.pod_hours) continue;
    return a.violated + (b.violated - a.violated) * (pod_hours - a.pod_hours) / (b.pod_hours - a.pod_hours);
  }
  return points.back().violated;
}

void PrintRow(const std::string& trace, const std::map<std::string, std::vector<Cost>>& costs) {
  const Cost& ours = costs.at("flyball")[0];
  const Cost& oracle = costs.at("oracle")[0];
  std::printf("%-14s %6.1f ph %6.0f s  critical %.4f | oracle %5.1f ph %5.0f s |", trace.c_str(), ours.pod_hours,
              ours.violated, ours.critical_served / std::max(1.0, ours.critical_offered), oracle.pod_hours,
              oracle.violated);
  for (const char* name : {"hpa", "cpu+rate", "keda", "kpa", "kpa-120s"}) {
    if (!costs.contains(name)) continue;
    const double theirs = ViolatedAt(costs.at(name), ours.pod_hours);
    const double net = std::max(0.0, ours.violated - oracle.violated) / std::max(1.0, theirs - oracle.violated);
    std::printf(" %s %.0f s net %.2f |", name, theirs, net);
  }
  std::printf("\n");
  std::fflush(stdout);
}

// What the governor did in one run, every 10 s and whenever it changed something.
void PrintTimeline(const std::string& name, int startup) {
  const Trace trace = MakeTrace(name, kBase).value();
  class Watched final : public Autoscaler {
   public:
    explicit Watched(std::unique_ptr<Autoscaler> inner) : inner_(std::move(inner)) {}
    std::string_view name() const override { return inner_->name(); }
    std::optional<scaling::Allocation> Limits() const override { return inner_->Limits(); }
    int Decide(const FleetSight& sight, SteadyTime now) override {
      const int desired = inner_->Decide(sight, now);
      const scaling::Decision& d = static_cast<Governed&>(*inner_).last();
      const auto at = std::chrono::duration_cast<seconds>(now - kSimulationStart).count();
      if (desired == sight.ordered && at % 10 != 0) return desired;
      std::printf(
          "%4lld s  %2d -> %2d (%d Ready)  %.0f/s, %.0f answered, shed %.0f %%, late %.0f %%, price %.1f ms, k %.2f, "
          "ceiling "
          "%.0f, %s%s\n",
          static_cast<long long>(at), d.ordered, desired, d.constraint_inputs.ready, d.estimates.demand_rps,
          d.estimates.admitted_rps, d.estimates.shed_share * 100, d.estimates.late_share * 100,
          d.estimates.price_seconds * 1e3, d.estimates.headroom, d.allocation.ceiling_rps.value_or(0), d.reason.c_str(),
          d.conditions.empty() ? "" : (" [" + d.conditions[0].reason + "]").c_str());
      return desired;
    }

   private:
    std::unique_ptr<Autoscaler> inner_;
  };
  FleetOptions options;
  options.pods = 3;
  options.startup = seconds(startup);
  Watched watched(Contenders()[0].swept[0](trace, options.startup));
  const Outcome outcome = Simulate(trace, options, watched);
  std::printf("violated:");
  for (size_t i = 0; i < outcome.seconds.size(); ++i) {
    const Second& second = outcome.seconds[i];
    if (second.offered > 0 && second.good < 0.95 * second.offered) {
      std::printf(" %zu(%.0f%%)", i, 100 * second.good / second.offered);
    }
  }
  std::printf("\n");
}

int Main(int argc, char** argv) {
  if (argc == 4 && std::string_view(argv[1]) == "--timeline" && MakeTrace(argv[2], kBase)) {
    PrintTimeline(argv[2], std::atoi(argv[3]));
    return 0;
  }
  Matrix matrix{{}, {10, 30, 60}, {1, 2, 3}};
  bool ours_only = false;
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--quick") {
      matrix.startups = {30};
      matrix.seeds = {1};
    } else if (std::string_view(argv[i]) == "--ours") {
      ours_only = true;
    } else if (auto trace = MakeTrace(argv[i], kBase)) {
      matrix.traces.push_back(argv[i]);
    } else {
      std::fprintf(stderr, "%s\n", trace.error().message.c_str());
      return 2;
    }
  }
  if (matrix.traces.empty()) matrix.traces = TraceNames();
  std::map<std::string, std::vector<Cost>> sums;
  for (const std::string& trace : matrix.traces) {
    std::map<std::string, std::vector<Cost>> costs;
    for (const Contender& contender : Contenders()) {
      if (ours_only && contender.swept.size() > 1) continue;
      auto& total = sums[contender.name];
      total.resize(contender.swept.size());
      for (size_t i = 0; i < contender.swept.size(); ++i) {
        const Cost cost = Run(contender.swept[i], matrix, trace);
        costs[contender.name].push_back(cost);
        total[i].pod_hours += cost.pod_hours;
        total[i].violated += cost.violated;
        total[i].critical_offered += cost.critical_offered;
        total[i].critical_served += cost.critical_served;
      }
    }
    PrintRow(trace, costs);
  }
  PrintRow("all", sums);
  for (const auto& [name, points] : sums) {
    std::printf("%-9s", name.c_str());
    for (const Cost& point : points) std::printf("  %6.1f ph %6.0f s", point.pod_hours, point.violated);
    std::printf("\n");
  }
  return 0;
}

}  // namespace
}  // namespace flyball::simulate

int main(int argc, char** argv) { return flyball::simulate::Main(argc, argv); }
