// The governor against HPA, KEDA and Knative in the simulator.
//
//   control_gates --quick | --medium | --full [--threads N] [--report FILE]   the gates (pkg/simulate/gates.h)
//   control_gates --timeline TRACE STARTUP_SECONDS                            what the governor does in one run
//
// Exits with 1 when a gate is missed, unless --report was given: then the report says so.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "pkg/simulate/gates.h"
#include "pkg/simulate/governed.h"

namespace flyball::simulate {
namespace {

std::vector<Score> RunAll(const Gates& gates, int threads) {
  const std::vector<Job> jobs = gates.Jobs();
  std::vector<Score> scores(jobs.size());
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t i = next++; i < jobs.size(); i = next++) {
      scores[i] = gates.Run(jobs[i]);
      if (i % 100 == 0) std::fprintf(stderr, "%zu of %zu runs\n", i, jobs.size());
    }
  };
  std::vector<std::thread> helpers;
  for (int i = 1; i < threads; ++i) helpers.emplace_back(work);
  work();
  for (std::thread& helper : helpers) helper.join();
  return scores;
}

// Prints what the governor decided, every 10 s and whenever it changed something.
class Told final : public Autoscaler {
 public:
  explicit Told(std::unique_ptr<Governed> inner) : inner_(std::move(inner)) {}
  std::string_view name() const override { return inner_->name(); }
  std::optional<scaling::Allocation> Limits() const override { return inner_->Limits(); }
  int Decide(const FleetSight& sight, SteadyTime now) override {
    const int desired = inner_->Decide(sight, now);
    const scaling::Decision& d = inner_->last();
    const auto at = std::chrono::duration_cast<seconds>(now - kSimulationStart).count();
    if (desired == sight.ordered && at % 10 != 0) return desired;
    std::printf(
        "%4lld s  %2d -> %2d (%d Ready)  %.0f/s, %.0f answered, shed %.0f %%, late %.0f %%, price %.1f ms, k %.2f, ",
        static_cast<long long>(at), d.ordered, desired, d.constraint_inputs.ready, d.estimates.demand_rps,
        d.estimates.admitted_rps, d.estimates.shed_share * 100, d.estimates.late_share * 100,
        d.estimates.price_seconds * 1e3, d.estimates.headroom);
    std::printf("ceiling %.0f, %s%s\n", d.allocation.ceiling_rps.value_or(0), d.reason.c_str(),
                d.conditions.empty() ? "" : (" [" + d.conditions[0].reason + "]").c_str());
    return desired;
  }

 private:
  std::unique_ptr<Governed> inner_;
};

int Timeline(const std::string& name, int startup) {
  const auto trace = MakeTrace(name, 400);
  if (!trace) return std::fprintf(stderr, "%s\n", trace.error().message.c_str()), 2;
  FleetOptions options;
  options.pods = 3;
  options.startup = seconds(startup);
  spec::Governor document;
  document.replicas = {.min = 2, .max = 60, .startup = options.startup};
  Told told(std::make_unique<Governed>(document, kSimulationStart));
  const Outcome outcome = Simulate(*trace, options, told);
  std::printf("violated:");
  for (size_t i = 0; i < outcome.seconds.size(); ++i) {
    const Second& second = outcome.seconds[i];
    if (second.offered == 0 || second.good >= 0.95 * second.offered) continue;
    std::printf(" %zu(%.0f%%)", i, 100 * second.good / second.offered);
  }
  std::printf("\n");
  return 0;
}

int Main(int argc, char** argv) {
  Matrix matrix = QuickMatrix();
  int threads = 1;
  std::string report;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--quick") {
      matrix = QuickMatrix();
    } else if (word == "--medium") {
      matrix = MediumMatrix();
    } else if (word == "--full") {
      matrix = FullMatrix();
    } else if (word == "--threads" && i + 1 < argc) {
      threads = std::atoi(argv[++i]);
    } else if (word == "--report" && i + 1 < argc) {
      report = argv[++i];
    } else if (word == "--timeline" && i + 2 < argc) {
      return Timeline(argv[i + 1], std::atoi(argv[i + 2]));
    } else {
      std::fprintf(stderr,
                   "control_gates: %s: expected --quick, --medium, --full, --threads N, --report FILE or "
                   "--timeline TRACE STARTUP_SECONDS\n",
                   argv[i]);
      return 2;
    }
  }
  const Gates gates(std::move(matrix));
  const std::vector<Score> scores = RunAll(gates, threads);
  const std::string text = gates.Report(scores);
  std::printf("%s", text.c_str());
  if (!report.empty()) {
    std::ofstream(report) << text;
    return 0;
  }
  for (const Gates::Result& result : gates.Evaluate(scores)) {
    if (!result.met) return 1;
  }
  return 0;
}

}  // namespace
}  // namespace flyball::simulate

int main(int argc, char** argv) { return flyball::simulate::Main(argc, argv); }
