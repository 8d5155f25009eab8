#include "pkg/scaling/governor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "pkg/scaling/testing/fake_fleet.h"

namespace flyball::scaling {
namespace {

using testing::FakeFleet;

spec::Governor Document() {
  spec::Governor doc;
  doc.name = "tasks";
  doc.replicas = {.min = 2, .max = 30};
  return doc;
}

bool Has(const Decision& d, std::string_view type, std::string_view reason) {
  for (const Condition& c : d.conditions) {
    if (c.type == type && c.reason == reason) return true;
  }
  return false;
}

TEST(Governor, RisesWithinTwoTicksOfAFlashCrowdThoughPodsShedMostOfIt) {
  FakeFleet fleet(Document(), 2);
  fleet.load.rps = 300;
  fleet.Run(seconds(60));
  fleet.load.rps = 3000;
  fleet.Run(seconds(4));
  EXPECT_GT(fleet.ordered, 2);
  fleet.Run(seconds(2));
  EXPECT_EQ(fleet.last().constraint_inputs.raw, 10);  // 3000 x 20 ms / 6.4
}

TEST(Governor, WhatTheLoweredQuotaFactorRefusesIsDemand) {
  FakeFleet fleet(Document(), 2);
  fleet.load.rps = 300;
  fleet.Run(seconds(20));
  // The pods carry 640/s; everything beyond is refused by the lowered factor before it reaches their limiter.
  fleet.load.rps = 640;
  fleet.adaptive_rps = 640;
  fleet.Run(seconds(6));
  EXPECT_NEAR(fleet.last().estimates.demand_rps, 1280, 1);
  EXPECT_EQ(fleet.last().constraint_inputs.raw, 4);
}

TEST(Governor, TheCpuTargetUsesTheHpaRatio) {
  spec::Governor doc = Document();
  doc.cpu_target = 0.5;
  FakeFleet fleet(doc, 4);
  fleet.load.rps = 400;
  fleet.cpu_share = 0.5;  // 4 cores in use
  fleet.Run(seconds(20));
  EXPECT_EQ(fleet.last().signals[0].name, "cpu-target");
  EXPECT_EQ(fleet.last().signals[0].raw, 8);
}

TEST(Governor, AForeignTargetIsSizedByRequestsAndTheHint) {
  spec::Governor doc = Document();
  doc.capacity_hint_rps = 100;
  FakeFleet fleet(doc, 4);
  fleet.workers = 0;
  fleet.foreign = true;
  for (auto& pod : fleet.pods) pod.sample.workers = 0;
  fleet.load.rps = 320;
  fleet.Run(seconds(20));
  ASSERT_FALSE(fleet.last().signals.empty());
  EXPECT_EQ(fleet.last().signals[0].name, "demand");
  EXPECT_EQ(fleet.last().signals[0].raw, 4);
}

TEST(Governor, CrashLoopingPodsAreNotCapacity) {
  FakeFleet fleet(Document(), 4);
  fleet.load.rps = 1200;
  fleet.Run(seconds(30));
  const double ceiling = *fleet.last().allocation.ceiling_rps;
  fleet.pods[0].broken = true;
  fleet.Run(seconds(10));
  EXPECT_NEAR(*fleet.last().allocation.ceiling_rps, ceiling * 3 / 4, 1);
  EXPECT_EQ(fleet.last().constraint_inputs.ready, 3);
}

TEST(Governor, ASampleThatIsNotANumberIsAMissingSample) {
  FakeFleet fleet(Document(), 2);
  fleet.load.rps = 400;
  fleet.Run(seconds(30));
  for (auto& pod : fleet.pods) pod.sample.cpu_seconds = std::nan("");
  fleet.Run(seconds(10));
  EXPECT_TRUE(Has(fleet.last(), "MetricsMissing", "SomeStale"));
  EXPECT_EQ(fleet.ordered, 2);
}

TEST(Governor, AnUnreachableTargetIsNotWrittenButLimitsGoOn) {
  Governor governor(Document(), SteadyTime{});
  Inputs inputs;
  inputs.ordered = 2;
  inputs.target_reachable = false;
  const Decision d = governor.Decide(inputs, SteadyTime{} + seconds(2));
  EXPECT_FALSE(d.act);
  EXPECT_TRUE(Has(d, "TargetUnreachable", "NotWritable"));
}

TEST(Governor, WithNoPodAtAllItHoldsWithinBounds) {
  Governor governor(Document(), SteadyTime{});
  for (int tick = 1; tick < 200; ++tick) {
    Inputs inputs;
    inputs.ordered = 0;
    EXPECT_EQ(governor.Decide(inputs, SteadyTime{} + seconds(2 * tick)).desired, 2);
  }
}

TEST(Governor, SharesOfOneCrashedPodDoNotStopALargeFleet) {
  FakeFleet fleet(Document(), 20);
  fleet.load.rps = 6000;
  fleet.Run(seconds(60));
  fleet.pods[0].broken = true;
  fleet.load.rps = 8000;
  fleet.Run(seconds(60));
  EXPECT_GE(fleet.ordered, 25);
}

TEST(Governor, TheCapacityKnownToThePreviousLeaderIsUsedAtOnce) {
  Governor governor(Document(), SteadyTime{}, {400});
  Inputs inputs;
  inputs.ordered = 2;
  PodView& pod = inputs.pods.emplace_back();
  pod.name = "a";
  pod.ready = true;
  EXPECT_NEAR(governor.Decide(inputs, SteadyTime{} + seconds(2)).allocation.ceiling_rps.value_or(0), 440, 1e-9);
}

TEST(Governor, TheSameCallsGiveTheSameDecisions) {
  const auto run = [] {
    FakeFleet fleet(Document(), 2);
    fleet.noise = 0.2;
    std::string all;
    for (int i = 0; i < 100; ++i) {
      fleet.load.rps = 200 + 40 * (i % 37);
      all += ToJson(fleet.Tick());
    }
    return all;
  };
  EXPECT_EQ(run(), run());
}

TEST(Decision, JsonHoldsWhatIsNeededToRecomputeIt) {
  FakeFleet fleet(Document(), 2);
  fleet.load.rps = 2000;
  fleet.Run(seconds(20));
  const auto json = nlohmann::json::parse(ToJson(fleet.last()));
  int raw = 0;
  for (const auto& s : json["signals"]) {
    const double fractional = s["headroom"].get<double>() * (1 + s["trend"].get<double>()) * s["work"].get<double>() /
                              (s["resource"].get<double>() * s["target"].get<double>());
    EXPECT_NEAR(fractional, s["fractional"], 1e-9);
    EXPECT_EQ(std::ceil(fractional - 1e-9), s["raw"]);
    raw = std::max(raw, s["raw"].get<int>());
  }
  EXPECT_EQ(raw, json["constraintInputs"]["raw"]);
  int now = json["ordered"];
  for (const auto& step : json["steps"]) {
    EXPECT_EQ(step["before"], now);
    now = step["after"];
  }
  EXPECT_EQ(now, json["desired"]);
  EXPECT_EQ(json["text"], Explain(fleet.last()));
  const auto& rates = json["allocation"]["ratesRps"];
  EXPECT_NEAR(rates["critical"].get<double>() + rates["normal"].get<double>() + rates["sheddable"].get<double>(),
              json["allocation"]["ceilingRps"], 1e-6);
}

TEST(Decision, ExplainSaysItInWordsAndNumbers) {
  FakeFleet fleet(Document(), 2);
  fleet.load.rps = 1980;
  fleet.Run(seconds(20));
  fleet.Tick();
  const std::string text = Explain(fleet.last());
  EXPECT_NE(text.find("1,980 requests/s need 6.2 pods with workers 80 % busy, so 7"), std::string::npos) << text;
  EXPECT_NE(text.find("Limits from now on: at most "), std::string::npos);
}

}  // namespace
}  // namespace flyball::scaling
