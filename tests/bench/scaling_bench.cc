// G1 without the scraping: the metrics text of 1,000 pods is parsed and one decision made; and the parser's speed.
// G2: a minute of 50 pods at 20,000 requests/s in the simulator.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "pkg/scaling/governor.h"
#include "pkg/simulate/governed.h"
#include "pkg/simulate/simulation.h"
#include "pkg/telemetry/exposition_parser.h"
#include "pkg/telemetry/pod_metrics.h"
#include "pkg/telemetry/pod_sample.h"
#include "tests/bench/pod_page.h"

namespace flyball {
namespace {

using spec::Criticality;
using std::chrono::milliseconds;

class CountingSink final : public telemetry::SeriesSink {
 public:
  void OnSeries(const telemetry::SeriesView& series) override { sum += series.value + series.labels.size(); }
  double sum = 0;
};

void Parse(benchmark::State& state) {
  const std::string page = bench::PodPage();
  CountingSink sink;
  for (auto _ : state) benchmark::DoNotOptimize(telemetry::ParseExposition(page, sink).value());
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * page.size()));
  state.counters["page_bytes"] = static_cast<double>(page.size());
}
BENCHMARK(Parse);

void ReadSample(benchmark::State& state) {
  const std::string page = bench::PodPage();
  for (auto _ : state) benchmark::DoNotOptimize(telemetry::ReadPodSample(page).value());
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * page.size()));
}
BENCHMARK(ReadSample);

void ParseAndDecide(benchmark::State& state) {
  const std::string page = bench::PodPage();
  const auto count = static_cast<size_t>(state.range(0));
  spec::Governor document;
  document.replicas = {.min = 1, .max = 10'000};
  SteadyTime now{std::chrono::hours(1)};
  scaling::Governor governor(document, now);
  std::vector<scaling::PodSample> samples(count);
  scaling::Inputs inputs;
  inputs.ordered = static_cast<int>(count);
  inputs.pods.resize(count);
  double tick = 0;
  for (auto _ : state) {
    now += std::chrono::seconds(2);
    tick += 2;
    for (size_t i = 0; i < count; ++i) {
      samples[i] = telemetry::ReadPodSample(page).value();
      samples[i].monotonic_seconds += tick;
      samples[i].endpoints[0].first_attempts += 100 * tick;
      scaling::PodView& pod = inputs.pods[i];
      if (pod.name.empty()) pod.name = "pod-" + std::to_string(i);
      pod.ready = true;
      pod.sample = &samples[i];
      pod.sampled_at = now;
    }
    benchmark::DoNotOptimize(governor.Decide(inputs, now));
  }
  state.counters["pods"] = static_cast<double>(count);
}
BENCHMARK(ParseAndDecide)->Arg(10)->Arg(1000)->Arg(5000)->Unit(benchmark::kMillisecond);

void CountRequest(benchmark::State& state) {
  telemetry::PodMetrics::Options options;
  options.endpoints = {"tasks.list"};
  options.roles = {"user"};
  options.shards = {telemetry::ThreadKind::kReactor};
  telemetry::PodMetrics metrics(options, RealClock());
  for (auto _ : state) {
    metrics.CountArrival(0, 0, 0, Criticality::kNormal, telemetry::Attempt::kFirst);
    metrics.CountCompleted(0, 0, Criticality::kNormal, 200, milliseconds(3));
  }
}
BENCHMARK(CountRequest);

void SimulateMinute(benchmark::State& state) {
  simulate::Trace trace;
  trace.duration = seconds(60);
  trace.rps.knots = {{0, 20'000}};
  double events = 0;
  for (auto _ : state) {
    simulate::FleetOptions options;
    options.pods = 50;
    options.workers = 10;
    spec::Governor document;
    document.replicas = {.min = 50, .max = 100};
    simulate::Governed governed(document, simulate::kSimulationStart);
    events += static_cast<double>(simulate::Simulate(trace, options, governed).events);
  }
  state.counters["events"] = benchmark::Counter(events, benchmark::Counter::kIsRate);
  state.counters["x_real_time"] = benchmark::Counter(60.0 * state.iterations(), benchmark::Counter::kIsRate);
}
BENCHMARK(SimulateMinute)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace flyball

BENCHMARK_MAIN();
