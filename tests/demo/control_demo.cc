// The governor on real fleets of this machine.
//
//   control_demo demo --out DIR        one load, three ways at the same time: table, demo.html, demo.svg
//   control_demo agreement --out DIR   four loads, each beside the simulator with the same parameters: agreement.md
//   ... --bin DIR --source DIR         the programs; the repository
//   ... --simulate                     only what the simulator says of the same loads, in a second
//
// Exits with 1 when a claim does not hold.
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/simulate/governed.h"
#include "tests/demo/demo_report.h"
#include "tests/demo/trial.h"

namespace flyball::demo {
namespace {

using simulate::Outcome;
using simulate::Trace;
using Knots = std::vector<simulate::Curve::Knot>;

constexpr double kBase = 120;  // requests a second; a pod carries 4 workers / 20 ms = 200
constexpr uint64_t kSeeds = 5;
// What a request takes of a worker besides the emulated dependency, as the pods measure it.
constexpr double kOwnSeconds = 0.0006;

Trace Named(const char* name, int duration, Knots rps) {
  Trace trace;
  trace.name = name;
  trace.duration = seconds(duration);
  trace.rps.knots = std::move(rps);
  return trace;
}

// A flash crowd 1 -> 5 within 10 s, then on and off.
Trace DemoTrace() {
  const double b = kBase;
  return Named("flash crowd, then on and off", 450,
               {{0, b},
                {30, b},
                {40, 5 * b},
                {90, 5 * b},
                {100, b},
                {240, b},
                {240, 4 * b},
                {280, 4 * b},
                {280, b},
                {330, b},
                {330, 4 * b},
                {370, 4 * b},
                {370, b}});
}

std::vector<Trace> AgreementTraces() {
  const double b = kBase;
  std::vector<Trace> traces;
  traces.push_back(Named("flash 1 -> 5", 220, {{0, b}, {40, b}, {50, 5 * b}, {130, 5 * b}, {140, b}}));
  traces.push_back(
      Named("on/off", 240,
            {{0, b}, {40, b}, {40, 4 * b}, {90, 4 * b}, {90, b}, {150, b}, {150, 4 * b}, {200, 4 * b}, {200, b}}));
  traces.push_back(Named("capacity -50 %", 240, {{0, 2.2 * b}}));
  traces.back().service_factor.knots = {{0, 1}, {80, 1}, {80, 2}, {180, 2}, {180, 1}};
  traces.push_back(Named("retry storm", 200, {{0, b}, {40, b}, {40, 4 * b}, {120, 4 * b}, {120, b}}));
  traces.back().retry_share = 1;
  return traces;
}

// The same fleet in the simulator: parameters of the documents and the fault, nothing fitted.
Outcome Simulated(const Trace& trace, Way way, uint64_t seed) {
  class Fixed final : public simulate::Autoscaler {
   public:
    std::string_view name() const override { return "fixed"; }
    int Decide(const simulate::FleetSight& sight, SteadyTime) override { return sight.ordered; }
  };
  simulate::FleetOptions fleet;
  fleet.pods = way == Way::kFixed ? kFixedPods : kMinPods;
  fleet.workers = kWorkers;
  fleet.startup = kStartDelay;
  fleet.startup_spread = 0.02;
  fleet.service = simulate::FleetOptions::Service::kFixed;
  fleet.service_seconds = ToSeconds(kDelay) + kOwnSeconds;
  fleet.cpu_share = kOwnSeconds / fleet.service_seconds;
  fleet.balancing = simulate::FleetOptions::Balancing::kRandom;
  fleet.critical_share = 0.2;
  fleet.sheddable_share = 0;
  fleet.slo = kObjective;
  fleet.limiter = way != Way::kScalingOnly;
  fleet.seed = seed;
  if (way == Way::kFixed) {
    Fixed fixed;
    return Simulate(trace, fleet, fixed);
  }
  spec::Governor document;
  document.name = "demo";
  document.replicas = {.min = kMinPods, .max = kMaxPods, .startup = std::chrono::duration_cast<seconds>(kStartDelay)};
  document.workers = kWorkers;
  document.enforce_limits = way == Way::kGovernor;
  simulate::Governed governed(document, simulate::kSimulationStart - kStartDelay);
  return Simulate(trace, fleet, governed);
}

struct Flags {
  std::string command, bin, source, out;
  bool simulate = false;
};

// All at the same time, so that they meet the same machine.
Result<std::vector<Trialled>> RunTogether(const std::vector<TrialOptions>& all, const Flags& flags) {
  const std::string folder = std::filesystem::temp_directory_path() / fmt::format("flyball-demo.{}", ::getpid());
  std::vector<std::unique_ptr<Trial>> trials;
  Result<std::vector<Trialled>> results = std::vector<Trialled>();
  const auto run = [&]() -> Result<void> {
    for (size_t i = 0; i < all.size(); ++i) {
      const std::string own = fmt::format("{}/{}", folder, i);
      std::filesystem::create_directories(own);
      trials.push_back(std::make_unique<Trial>(all[i], flags.bin, flags.source, own));
      if (auto started = trials.back()->Start(); !started) return started;
    }
    std::fprintf(stderr, "%zu fleets are up; load for %lld s\n", all.size(),
                 static_cast<long long>(all.front().trace.duration.count()));
    for (auto& trial : trials) trial->Begin();
    for (auto& trial : trials) {
      auto result = trial->Finish();
      if (!result) return Fail(result.error().code, trial->options().name + ": " + result.error().message);
      results->push_back(std::move(*result));
    }
    return {};
  };
  const auto ran = run();
  trials.clear();
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  if (!ran) return Fail(ran.error());
  return results;
}

int Failed(const std::string& message) { return std::fprintf(stderr, "control_demo: %s\n", message.c_str()), 1; }

int Demo(const Flags& flags) {
  struct {
    Way way;
    const char *name, *what;
  } const ways[] = {
      {Way::kFixed, "fixed fleet", "Four pods, what the peak needs at 80 %, all the time."},
      {Way::kScalingOnly, "scaling only",
       "The governor's replicas without its limits (limits.enforce: false): requests queue in front of the workers."},
      {Way::kGovernor, "governor", "Replicas and admission decided together."},
  };
  const Trace trace = DemoTrace();
  std::vector<Row> rows;
  if (flags.simulate) {
    for (const auto& way : ways) rows.push_back({way.name, way.what, Simulated(trace, way.way, 1), 0});
  } else {
    std::vector<TrialOptions> trials;
    for (const auto& way : ways) trials.push_back({way.name, way.way, trace});
    auto results = RunTogether(trials, flags);
    if (!results) return Failed(results.error().message);
    for (size_t i = 0; i < results->size(); ++i) {
      rows.push_back({ways[i].name, ways[i].what, (*results)[i].outcome, (*results)[i].load.latency.p99_ms});
    }
  }
  std::printf("%s, %lld s, base %.0f requests/s, a pod carries about 200, Ready %lld s after it is ordered\n\n%s",
              trace.name.c_str(), static_cast<long long>(trace.duration.count()), kBase,
              static_cast<long long>(kStartDelay.count() / 1000), Table(rows).c_str());
  std::ofstream(flags.out + "/demo.html") << DemoPage(trace.duration, rows);
  std::ofstream(flags.out + "/demo.svg") << DemoPicture(trace.duration, rows);
  std::printf("\ncharts: %s/demo.html, %s/demo.svg\n", flags.out.c_str(), flags.out.c_str());
  const std::string wrong = WrongClaims(rows);
  return wrong.empty() ? 0 : Failed(wrong);
}

int Agree(const Flags& flags) {
  std::vector<Agreement> agreements;
  std::vector<TrialOptions> trials;
  for (const Trace& trace : AgreementTraces()) {
    agreements.push_back({trace.name, {}, {}});
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
      agreements.back().simulated.push_back(Simulated(trace, Way::kGovernor, seed));
    }
    trials.push_back({trace.name, Way::kGovernor, trace});
  }
  if (flags.simulate) {
    for (Agreement& agreement : agreements) agreement.real = agreement.simulated.front();
  } else {
    auto results = RunTogether(trials, flags);
    if (!results) return Failed(results.error().message);
    for (size_t i = 0; i < results->size(); ++i) agreements[i].real = (*results)[i].outcome;
  }
  const std::string report = AgreementReport(agreements);
  std::printf("%s", report.c_str());
  std::ofstream(flags.out + "/agreement.md") << fmt::format(
                                                    "# The real loop beside the simulator\n\nMade by `make "
                                                    "control-agreement`: four loads on real fleets, at the "
                                                    "same time on one machine, and the mean of {} simulated runs with "
                                                    "the same parameters ({} workers a pod, {} "
                                                    "ms a request, Ready {} s after it is ordered, {:.0f} requests/s "
                                                    "as base). The real figures differ a little "
                                                    "from run to run.\n\n",
                                                    kSeeds, kWorkers, kDelay.count(), kStartDelay.count() / 1000, kBase)
                                             << report;
  for (const Agreement& agreement : agreements) {
    if (!Compare(agreement).Holds()) return Failed("the simulator and the real loop differ");
  }
  return 0;
}

int Main(int argc, char** argv) {
  Flags flags;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    std::string* const into = word == "--bin"      ? &flags.bin
                              : word == "--source" ? &flags.source
                              : word == "--out"    ? &flags.out
                                                   : nullptr;
    if (word == "--simulate") {
      flags.simulate = true;
    } else if (into != nullptr && i + 1 < argc) {
      *into = std::filesystem::absolute(argv[++i]);
    } else if (word == "demo" || word == "agreement") {
      flags.command = word;
    } else {
      return std::fprintf(stderr, "control_demo: %s is not known\n", argv[i]), 2;
    }
  }
  if (flags.command.empty() || flags.out.empty() || (!flags.simulate && (flags.bin.empty() || flags.source.empty()))) {
    std::fprintf(stderr, "control_demo demo|agreement --out DIR [--simulate | --bin DIR --source DIR]\n");
    return 2;
  }
  std::filesystem::create_directories(flags.out);
  return flags.command == "demo" ? Demo(flags) : Agree(flags);
}

}  // namespace
}  // namespace flyball::demo

int main(int argc, char** argv) { return flyball::demo::Main(argc, argv); }
