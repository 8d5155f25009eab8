#include "pkg/telemetry/pod_metrics.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <thread>

#include "pkg/telemetry/pod_sample.h"

namespace flyball::telemetry {
namespace {

using spec::Criticality;
using std::chrono::milliseconds;

constexpr int kReactor = 0, kExecutor = 1;

PodMetrics::Options Options() {
  PodMetrics::Options options;
  options.app = "tasks";
  options.endpoints = {"tasks.list", "tasks.create"};
  options.roles = {"anonymous", "user"};
  options.shards = {ThreadKind::kReactor, ThreadKind::kExecutor};
  options.workers = 8;
  options.cpu_quota_cores = 2;
  options.memory_limit_bytes = 1e9;
  options.template_hash = "abc";
  return options;
}

bool Shows(const std::string& page, const std::string& line) { return page.find(line + "\n") != std::string::npos; }

TEST(PodMetrics, ShowsArrivalsByEveryLabel) {
  FakeClock clock;
  PodMetrics metrics(Options(), clock);
  metrics.CountArrival(kReactor, 0, 1, Criticality::kNormal, Attempt::kFirst);
  metrics.CountArrival(kReactor, 0, 1, Criticality::kNormal, Attempt::kFirst);
  metrics.CountArrival(kReactor, 1, 0, Criticality::kCritical, Attempt::kRetry);
  const std::string page = metrics.Render();
  EXPECT_TRUE(Shows(page,
                    "flyball_requests_total{app=\"tasks\",endpoint=\"tasks.list\",criticality=\"normal\",role=\"user\","
                    "attempt=\"first\"} 2"))
      << page;
  EXPECT_TRUE(Shows(page,
                    "flyball_requests_total{app=\"tasks\",endpoint=\"tasks.create\",criticality=\"critical\",role="
                    "\"anonymous\",attempt=\"retry\"} 1"));
}

TEST(PodMetrics, ShowsRefusalsByLayerAndReason) {
  FakeClock clock;
  PodMetrics metrics(Options(), clock);
  metrics.CountShed(kReactor, Shed::kAdaptive, 0, Criticality::kSheddable);
  EXPECT_TRUE(
      Shows(metrics.Render(),
            "flyball_shed_total{app=\"tasks\",endpoint=\"tasks.list\",criticality=\"sheddable\",layer=\"fleet\","
            "reason=\"adaptive\"} 1"));
}

TEST(PodMetrics, SumsShardsAndWhatTheyHold) {
  FakeClock clock;
  PodMetrics metrics(Options(), clock);
  metrics.CountCompleted(kReactor, 0, Criticality::kNormal, 200, milliseconds(3));
  metrics.CountCompleted(kExecutor, 0, Criticality::kNormal, 204, milliseconds(3));
  metrics.Set(kReactor, Gauge::kInFlight, 3);
  metrics.Set(kExecutor, Gauge::kInFlight, 4);
  const std::string page = metrics.Render();
  EXPECT_TRUE(Shows(page,
                    "flyball_completed_total{app=\"tasks\",endpoint=\"tasks.list\",criticality=\"normal\","
                    "code_class=\"2xx\"} 2"));
  EXPECT_TRUE(Shows(page, "flyball_in_flight 7"));
  EXPECT_EQ(metrics.Sum().completed, 2u);
  EXPECT_EQ(metrics.Sum().in_flight, 7);
}

TEST(PodMetrics, UnknownEndpointsAndThoseBeyondTheCapAreOther) {
  FakeClock clock;
  auto options = Options();
  options.max_request_series = 24;  // two endpoints of two roles, three criticalities, two attempts
  PodMetrics metrics(options, clock);
  metrics.CountArrival(kReactor, 1, 0, Criticality::kNormal, Attempt::kFirst);
  metrics.CountArrival(kReactor, -1, 0, Criticality::kNormal, Attempt::kFirst);
  metrics.CountArrival(kReactor, 77, 99, Criticality::kNormal, Attempt::kFirst);
  const std::string page = metrics.Render();
  EXPECT_EQ(page.find("tasks.create"), std::string::npos);
  EXPECT_TRUE(Shows(page,
                    "flyball_requests_total{app=\"tasks\",endpoint=\"other\",criticality=\"normal\",role=\"anonymous\","
                    "attempt=\"first\"} 2"));
  EXPECT_EQ(metrics.Sum().arrivals, 3u);
}

TEST(PodMetrics, WorkInProgressCountsAsBusy) {
  FakeClock clock;
  PodMetrics metrics(Options(), clock);
  metrics.BeginBusy(kExecutor, clock.Now());
  clock.Advance(milliseconds(1500));
  EXPECT_TRUE(Shows(metrics.Render(), "flyball_executor_busy_seconds_total 1.5"));
  metrics.EndBusy(kExecutor, clock.Now());
  clock.Advance(milliseconds(5000));
  const std::string page = metrics.Render();
  EXPECT_TRUE(Shows(page, "flyball_executor_busy_seconds_total 1.5"));
  EXPECT_TRUE(Shows(page, "flyball_reactor_busy_seconds_total 0"));
}

TEST(PodMetrics, ExtraSeriesAreReadAtTheScrape) {
  FakeClock clock;
  PodMetrics metrics(Options(), clock);
  double hits = 1;
  metrics.AddCounter("flyball_cache_hits_total", "Hits.", [&] { return hits; });
  hits = 5;
  EXPECT_TRUE(Shows(metrics.Render(), "flyball_cache_hits_total 5"));
}

TEST(PodMetrics, AHistogramKeptElsewhereIsShownCumulated) {
  FakeClock clock;
  PodMetrics metrics(Options(), clock);
  metrics.AddHistogram("flyball_lag_seconds", "Lag.", {0.5, 2}, [] {
    return PodMetrics::HistogramReading{{3, 1, 2}, 12.5};
  });
  const std::string page = metrics.Render();
  EXPECT_TRUE(Shows(page, "flyball_lag_seconds_bucket{le=\"0.5\"} 3"));
  EXPECT_TRUE(Shows(page, "flyball_lag_seconds_bucket{le=\"2\"} 4"));
  EXPECT_TRUE(Shows(page, "flyball_lag_seconds_bucket{le=\"+Inf\"} 6"));
  EXPECT_TRUE(Shows(page, "flyball_lag_seconds_sum 12.5"));
  EXPECT_TRUE(Shows(page, "flyball_lag_seconds_count 6"));
}

TEST(PodMetrics, WhatItShowsReadsBackAsASample) {
  FakeClock clock;
  PodMetrics metrics(Options(), clock);
  const auto list = [&](int status) {
    metrics.CountArrival(kReactor, 0, 1, Criticality::kNormal, Attempt::kFirst);
    metrics.CountCompleted(kReactor, 0, Criticality::kNormal, status, milliseconds(20));
    metrics.CountService(kExecutor, 0, Criticality::kNormal, milliseconds(2), milliseconds(16));
  };
  list(200), list(201), list(500);
  metrics.CountArrival(kReactor, 0, 0, Criticality::kNormal, Attempt::kRetry);
  metrics.CountShed(kReactor, Shed::kQueueFull, 0, Criticality::kNormal);
  metrics.CountArrival(kReactor, 1, 0, Criticality::kCritical, Attempt::kFirst);
  metrics.CountShed(kReactor, Shed::kAuth, 1, Criticality::kCritical);
  metrics.CountShed(kReactor, Shed::kAdaptive, 1, Criticality::kCritical);
  metrics.Set(kReactor, Gauge::kConcurrencyLimit, 32);
  metrics.Set(kReactor, Gauge::kConnections, 12);
  const auto sample = ReadPodSample(metrics.Render());
  ASSERT_TRUE(sample) << sample.error().message;
  ASSERT_EQ(sample->endpoints.size(), 2u);
  const auto& create = sample->endpoints[0];
  EXPECT_EQ(create.endpoint, "tasks.create");
  EXPECT_EQ(create.criticality, Criticality::kCritical);
  EXPECT_EQ(create.refused_auth, 1);
  EXPECT_EQ(create.refused_adaptive, 1);
  const auto& listed = sample->endpoints[1];
  EXPECT_EQ(listed.first_attempts, 3);
  EXPECT_EQ(listed.retries, 1);
  EXPECT_EQ(listed.shed_pod, 1);
  EXPECT_EQ(listed.completed[0], 2);
  EXPECT_EQ(listed.completed[3], 1);
  EXPECT_EQ(listed.service_count, 3);
  EXPECT_NEAR(listed.service_seconds, 0.048, 1e-9);
  EXPECT_EQ(sample->request[1].Count(), 3);
  EXPECT_EQ(sample->request[1].buckets[7], 3);  // 16 to 32 ms
  EXPECT_EQ(sample->queue.buckets[3], 3);       // 1 to 2 ms
  EXPECT_EQ(sample->workers, 8);
  EXPECT_EQ(sample->reactors, 1);
  EXPECT_EQ(sample->cpu_quota_cores, 2);
  EXPECT_EQ(sample->memory_limit_bytes, 1e9);
  EXPECT_GT(sample->memory_bytes, 1e6);
  EXPECT_EQ(sample->concurrency_limit, 32);
  EXPECT_EQ(sample->connections, 12);
  EXPECT_EQ(sample->template_hash, "abc");
  EXPECT_GT(sample->cpu_seconds, 0);
  EXPECT_DOUBLE_EQ(sample->monotonic_seconds, ToSeconds(clock.Now().time_since_epoch()));
  EXPECT_TRUE(scaling::Validate(*sample));
}

TEST(PodMetrics, BucketBoundsAreInclusive) {
  FakeClock clock;
  PodMetrics metrics(Options(), clock);
  metrics.CountCompleted(kReactor, 0, Criticality::kNormal, 200, microseconds(250));
  metrics.CountCompleted(kReactor, 0, Criticality::kNormal, 200, microseconds(251));
  metrics.CountCompleted(kReactor, 0, Criticality::kNormal, 200, milliseconds(1));
  metrics.CountCompleted(kReactor, 0, Criticality::kNormal, 200, seconds(100));
  metrics.CountCompleted(kReactor, 0, Criticality::kNormal, 200, nanoseconds(-5));
  const auto sample = ReadPodSample(metrics.Render());
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample->request[1].buckets[0], 2);
  EXPECT_EQ(sample->request[1].buckets[1], 1);
  EXPECT_EQ(sample->request[1].buckets[2], 1);
  EXPECT_EQ(sample->request[1].buckets[scaling::kLatencyBounds], 1);
}

TEST(PodMetrics, CountsWhileSomebodyScrapes) {
  const Clock& clock = RealClock();
  PodMetrics metrics(Options(), clock);
  constexpr int kRequests = 20'000;
  std::thread reactor([&] {
    for (int i = 0; i < kRequests; ++i) metrics.CountArrival(kReactor, 0, 0, Criticality::kNormal, Attempt::kFirst);
  });
  std::thread worker([&] {
    for (int i = 0; i < kRequests; ++i) {
      metrics.BeginBusy(kExecutor, clock.Now());
      metrics.CountService(kExecutor, 0, Criticality::kNormal, milliseconds(1), milliseconds(1));
      metrics.EndBusy(kExecutor, clock.Now());
    }
  });
  double busy = 0;
  for (int i = 0; i < 20; ++i) {
    const auto sample = ReadPodSample(metrics.Render());
    ASSERT_TRUE(sample) << sample.error().message;
    EXPECT_GE(sample->executor_busy_seconds, busy);
    busy = sample->executor_busy_seconds;
  }
  reactor.join();
  worker.join();
  EXPECT_EQ(metrics.Sum().arrivals, static_cast<uint64_t>(kRequests));
}

class CpuQuota : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(root_); }
  void TearDown() override { std::filesystem::remove_all(root_); }
  void Write(const std::string& file, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(root_ + file).parent_path());
    std::ofstream(root_ + file) << text;
  }
  const std::string root_ = testing::TempDir() + "flyball_cgroup_" + std::to_string(getpid());
};

TEST_F(CpuQuota, ReadsVersionTwo) {
  Write("/cpu.max", "50000 100000\n");
  EXPECT_DOUBLE_EQ(CpuQuotaCores(root_), 0.5);
}

TEST_F(CpuQuota, ReadsVersionOne) {
  Write("/cpu/cpu.cfs_quota_us", "25000\n");
  Write("/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_DOUBLE_EQ(CpuQuotaCores(root_), 0.25);
}

TEST_F(CpuQuota, TheMemoryLimitOfBothVersionsAndTheMachineWithout) {
  const double machine = MemoryLimitBytes("/nonexistent");
  EXPECT_GT(machine, 64 << 20);
  Write("/memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_DOUBLE_EQ(MemoryLimitBytes(root_), machine);
  Write("/memory/memory.limit_in_bytes", "33554432\n");
  EXPECT_DOUBLE_EQ(MemoryLimitBytes(root_), 32 << 20);
  Write("/memory.max", "67108864\n");
  EXPECT_DOUBLE_EQ(MemoryLimitBytes(root_), 64 << 20);
  std::filesystem::remove_all(root_);
  Write("/memory.max", "max\n");
  EXPECT_DOUBLE_EQ(MemoryLimitBytes(root_), machine);
}

TEST_F(CpuQuota, NoQuotaIsTheMachine) {
  const double machine = CpuQuotaCores("/nonexistent");
  EXPECT_GE(machine, 1);
  Write("/cpu.max", "max 100000\n");
  EXPECT_DOUBLE_EQ(CpuQuotaCores(root_), machine);
}

}  // namespace
}  // namespace flyball::telemetry
