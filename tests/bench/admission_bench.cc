// What a decision costs on the request path: admission_bench [--benchmark_filter=...]
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "pkg/admission/concurrency_limit.h"
#include "pkg/admission/executor_queue.h"
#include "pkg/admission/fleet_ceiling.h"
#include "pkg/admission/quota_table.h"
#include "pkg/admission/retry_filter.h"
#include "pkg/base/ids.h"
#include "pkg/base/random.h"

namespace flyball::admission {
namespace {

const SteadyTime kStart{std::chrono::hours(1)};

// A request of one of N principals, from a block that the (instant) fleet keeps full.
void BM_QuotaDecision(benchmark::State& state) {
  QuotaRule rule;
  rule.limit = "api";
  rule.quota = 1e9;
  rule.window = seconds(1);
  rule.max_block = 100;
  QuotaTable table({});
  std::vector<std::string> principals;
  for (int64_t i = 0; i < state.range(0); ++i) principals.push_back(NewUuidV7(WallTime{} + milliseconds(i)));
  std::vector<QuotaLeaseRequest> requests;
  std::vector<Settled> settled;
  const auto answer = [&](SteadyTime now) {
    requests.clear();
    table.TakeRequests(requests);
    for (const auto& q : requests) table.OnLease(q.handle, {.granted = 1'000'000, .remaining = 1e9}, now, settled);
    settled.clear();
  };
  Random random(1);
  uint64_t ticket = 0;
  SteadyTime now = kStart;
  for (const std::string& who : principals) {
    table.Decide(rule, who, 1, 1, ++ticket, now);
    answer(now);
  }
  for (auto _ : state) {
    now += microseconds(10);
    benchmark::DoNotOptimize(table.Decide(rule, principals[random.Below(principals.size())], 1, 1, ++ticket, now));
  }
}
BENCHMARK(BM_QuotaDecision)->Arg(1)->Arg(1000)->Arg(100'000);

void BM_CeilingAdmit(benchmark::State& state) {
  FleetCeiling ceiling({}, kStart);
  ceiling.OnRecord({.epoch = 1, .rates = {100, 1e6, 100}, .ready = 1}, kStart);
  SteadyTime now = kStart;
  for (auto _ : state) {
    now += nanoseconds(100);
    benchmark::DoNotOptimize(ceiling.Admit(Criticality::kNormal, now));
  }
}
BENCHMARK(BM_CeilingAdmit);

void BM_LatencySample(benchmark::State& state) {
  LatencyWindow window(20);
  Random random(1);
  for (auto _ : state) window.Add(static_cast<int>(random.Below(20)), nanoseconds(random.Below(100'000'000)));
}
BENCHMARK(BM_LatencySample);

void BM_ConcurrencyTick(benchmark::State& state) {
  ConcurrencyLimit limit({.workers = 8, .endpoints = 20});
  SteadyTime now = kStart;
  for (auto _ : state) {
    for (int e = 0; e < 20; ++e)
      for (int i = 0; i < 20; ++i) limit.Sample(e, milliseconds(10 + i));
    now += ConcurrencyLimit::kWindow;
    limit.Tick(8, now);
  }
}
BENCHMARK(BM_ConcurrencyTick);

void BM_QueuePushPop(benchmark::State& state) {
  ExecutorQueue queue({.capacity = 32});
  std::vector<uint64_t> expired;
  SteadyTime now = kStart;
  for (uint64_t i = 0; i < 10; ++i) queue.Push(i, Criticality::kNormal, now);
  for (auto _ : state) {
    now += microseconds(1);
    queue.Push(1, Criticality::kNormal, now);
    benchmark::DoNotOptimize(queue.Pop(now, expired));
  }
}
BENCHMARK(BM_QueuePushPop);

void BM_RetryFilter(benchmark::State& state) {
  RetryFilter filter(kStart);
  Random random(1);
  for (int i = 0; i < 50'000; ++i) filter.OnShed(random(), kStart);
  for (auto _ : state)
    benchmark::DoNotOptimize(filter.IsRetry(RequestHash("0192e4a0-0000-7000-8000-000000000000", 3, "page=2"), kStart));
}
BENCHMARK(BM_RetryFilter);

}  // namespace
}  // namespace flyball::admission

BENCHMARK_MAIN();
