#include "pkg/service/autoscaler/loop.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace flyball::service::autoscaler {
namespace {

using Json = nlohmann::json;

// A fleet of pods with 8 workers and 20 ms a request behind every port of the loop.
class World final : public ScaleTarget, public PodScraper, public RatePublisher, public StatusSink {
 public:
  explicit World(int replicas) { view.ordered = replicas, Start(replicas); }

  Result<TargetView> Observe() override {
    if (target_down) return Fail(ErrorCode::kUnavailable, "connection refused");
    return view;
  }
  Result<void> SetReplicas(int replicas) override {
    if (refuse_scale) return Fail(ErrorCode::kConflict, "somebody else wrote it");
    orders.push_back(replicas);
    view.ordered = replicas;
    if (replicas > static_cast<int>(view.pods.size())) Start(replicas);
    return {};
  }
  std::vector<Result<scaling::PodSample>> Scrape(const std::vector<TargetPod>& pods) override {
    std::vector<Result<scaling::PodSample>> out;
    for (const TargetPod& pod : pods) {
      if (scrapes_fail) {
        out.emplace_back(Fail(ErrorCode::kTimeout, "no answer"));
      } else {
        out.emplace_back(counters[pod.metrics_url]);
      }
    }
    return out;
  }
  Result<void> Publish(const scaling::Decision& decision, int ready) override {
    if (newer_leader) return Fail(ErrorCode::kConflict, "epoch 2 is newer than 1");
    if (redis_down) return Fail(ErrorCode::kUnavailable, "no connection");
    published.push_back(decision.allocation);
    published_ready = ready;
    return {};
  }
  void Report(const std::string&, const std::string& status) override { reported = Json::parse(status); }

  // `seconds` of `rps` spread over the Ready pods, each serving at most 400/s and shedding the rest.
  void Load(double rps, double seconds) {
    clock.Advance(std::chrono::duration_cast<nanoseconds>(std::chrono::duration<double>(seconds)));
    for (const TargetPod& pod : view.pods) {
      scaling::PodSample& sample = counters[pod.metrics_url];
      const double arrived = rps / static_cast<double>(view.pods.size()) * seconds;
      const double served = std::min(arrived, 400 * seconds);
      scaling::EndpointCounters& endpoint = sample.endpoints.at(0);
      endpoint.first_attempts += arrived;
      endpoint.shed_pod += arrived - served;
      endpoint.completed[0] += served;
      endpoint.service_count += served;
      endpoint.service_seconds += served * 0.020;
      sample.executor_busy_seconds += served * 0.020;
      sample.request[1].buckets[7] += served;
      sample.request[1].sum_seconds += served * 0.025;
      sample.monotonic_seconds += seconds;
    }
  }

  TargetView view;
  std::map<std::string, scaling::PodSample> counters;
  std::vector<int> orders;
  std::vector<scaling::Allocation> published;
  int published_ready = 0;
  Json reported;
  FakeClock clock;
  bool target_down = false, refuse_scale = false, scrapes_fail = false, newer_leader = false, redis_down = false;

 private:
  void Start(int replicas) {
    while (static_cast<int>(view.pods.size()) < replicas) {
      const std::string name = "pod-" + std::to_string(view.pods.size());
      view.pods.push_back({.name = name, .ready = true, .metrics_url = "http://" + name + "/metrics"});
      scaling::PodSample sample;
      sample.endpoints.push_back({.endpoint = "tasks.list"});
      sample.endpoints[0].criticality = spec::Criticality::kNormal;
      sample.workers = 8;
      sample.monotonic_seconds = 1;
      sample.start_time_seconds = 1000;
      sample.template_hash = "a";
      counters["http://" + name + "/metrics"] = sample;
    }
  }
};

spec::Governor TwoToTen() {
  spec::Governor governor;
  governor.name = "tasks";
  governor.replicas = {.min = 2, .max = 10, .startup = std::chrono::seconds(2)};
  return governor;
}

void Ticks(World& world, Loop& loop, double rps, int n) {
  for (int i = 0; i < n; ++i) world.Load(rps, 2), loop.Tick();
}

TEST(Loop, OrdersReplicasForWhatArrivedAndPublishesTheCeiling) {
  World world(2);
  Loop loop(TwoToTen(), world, world, world, world, world.clock);
  Ticks(world, loop, 300, 5);
  EXPECT_TRUE(world.orders.empty());
  Ticks(world, loop, 2000, 10);
  ASSERT_FALSE(world.orders.empty());
  EXPECT_GE(world.view.ordered, 6);  // 2000/s * 20 ms / (8 * 0.8) = 6.25
  EXPECT_LE(world.view.ordered, 10);
  ASSERT_FALSE(world.published.empty());
  EXPECT_TRUE(world.published.back().ceiling_rps.has_value());
  EXPECT_EQ(world.published_ready, world.view.ordered);
}

TEST(Loop, ANumberFromOutsideIsASignalAndWithoutOneNothingFalls) {
  class Outside final : public ExternalMetrics {
   public:
    std::vector<Result<double>> Query(const std::vector<std::string>& queries) override {
      asked = queries;
      return {value};
    }
    std::vector<std::string> asked;
    Result<double> value = 730;
  };
  World world(2);
  Outside outside;
  spec::Governor document = TwoToTen();
  document.external = {{"lag", "sum(queue_lag)", 100}};
  document.scale_down.stabilization_window = milliseconds(0);
  Loop loop(document, world, world, world, world, world.clock, {}, &outside);
  Ticks(world, loop, 300, 3);
  EXPECT_EQ(outside.asked, std::vector<std::string>{"sum(queue_lag)"});
  EXPECT_EQ(world.view.ordered, 8);
  EXPECT_EQ(world.reported["lastDecision"]["signals"][0]["name"], "external/lag");
  outside.value = Fail(ErrorCode::kTimeout, "no answer");
  Ticks(world, loop, 300, 30);
  EXPECT_EQ(world.view.ordered, 8);
  EXPECT_EQ(world.reported["scrapeErrors"]["external/lag"], "no answer");
  EXPECT_EQ(world.reported["conditions"][0]["reason"], "External");
  outside.value = 0;
  Ticks(world, loop, 300, 60);
  EXPECT_EQ(world.view.ordered, 2);
}

TEST(Loop, AScheduleRaisesTheFloorAndIsNamed) {
  World world(2);
  spec::Governor document = TwoToTen();
  document.schedule.push_back({spec::Cron::Parse("* * * * *").value(), "UTC", std::chrono::minutes(1), 5});
  Loop loop(document, world, world, world, world, world.clock, {scaling::TimeZone()});
  Ticks(world, loop, 300, 1);
  EXPECT_EQ(world.view.ordered, 5);
  const Json& steps = world.reported["lastDecision"]["steps"];
  EXPECT_NE(steps.dump().find("schedule * * * * * UTC keeps 5"), std::string::npos) << steps.dump(1);
}

TEST(Loop, ReportsWhatPeopleAskFor) {
  World world(2);
  Loop loop(TwoToTen(), world, world, world, world, world.clock);
  Ticks(world, loop, 300, 5);
  EXPECT_EQ(world.reported["name"], "tasks");
  EXPECT_EQ(world.reported["replicas"]["desired"], 2);
  EXPECT_EQ(world.reported["replicas"]["ready"], 2);
  EXPECT_NEAR(world.reported["demandRps"].get<double>(), 300, 30);
  EXPECT_TRUE(world.reported["lastDecision"].contains("reason"));
}

TEST(Loop, AFailedScrapeIsNamedAndIsNotZeroLoad) {
  World world(4);
  Loop loop(TwoToTen(), world, world, world, world, world.clock);
  Ticks(world, loop, 1200, 5);
  world.scrapes_fail = true;
  Ticks(world, loop, 1200, 10);
  for (const int order : world.orders) EXPECT_GE(order, 4);
  EXPECT_EQ(world.reported["scrapeErrors"].size(), world.view.pods.size());
}

TEST(Loop, DecidesNothingBeforeTheTargetWasSeen) {
  World world(4);
  world.target_down = true;
  Loop loop(TwoToTen(), world, world, world, world, world.clock);
  Ticks(world, loop, 300, 3);
  EXPECT_TRUE(world.orders.empty());
  EXPECT_TRUE(world.reported.is_null());
}

TEST(Loop, NothingIsReplayedWhenTheTargetComesBack) {
  World world(2);
  Loop loop(TwoToTen(), world, world, world, world, world.clock);
  Ticks(world, loop, 300, 5);
  world.target_down = true;
  Ticks(world, loop, 2000, 3);
  EXPECT_TRUE(world.orders.empty());
  EXPECT_FALSE(world.published.empty());  // limits go on being tuned
  world.target_down = false;
  Ticks(world, loop, 300, 5);
  for (const int order : world.orders) EXPECT_LE(order, 7);
}

TEST(Loop, ANewerLeaderSilencesThisOne) {
  World world(2);
  Loop loop(TwoToTen(), world, world, world, world, world.clock);
  world.newer_leader = true;
  Ticks(world, loop, 2000, 10);
  EXPECT_TRUE(loop.deposed());
  EXPECT_TRUE(world.orders.empty());
  EXPECT_TRUE(world.published.empty());
}

TEST(Loop, ScalingGoesOnWithoutSharedState) {
  World world(2);
  Loop loop(TwoToTen(), world, world, world, world, world.clock);
  world.redis_down = true;
  Ticks(world, loop, 2000, 10);
  EXPECT_GE(world.view.ordered, 6);
}

TEST(Loop, ObserveWritesNothing) {
  World world(2);
  spec::Governor document = TwoToTen();
  document.mode = spec::Governor::Mode::kObserve;
  Loop loop(document, world, world, world, world, world.clock);
  Ticks(world, loop, 2000, 10);
  EXPECT_TRUE(world.orders.empty());
  EXPECT_TRUE(world.published.empty());
  EXPECT_EQ(world.reported["mode"], "Observe");
  EXPECT_GE(world.reported["replicas"]["raw"].get<int>(), 6);
}

}  // namespace
}  // namespace flyball::service::autoscaler
