#include "pkg/service/load/tally.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace flyball::load {
namespace {

using namespace std::chrono_literals;

TEST(TallyTest, CountsWhatHappened) {
  Tally tally;
  for (int i = 0; i < 6; ++i) tally.OnOffered(0ms);
  for (int i = 0; i < 5; ++i) tally.OnSent(0ms, 1ms, i == 4 ? 2 : 1);
  tally.OnAnswered(0ms, 10ms, {200, 1, false});
  tally.OnAnswered(0ms, 20ms, {503, 1, false});
  tally.OnAnswered(0ms, 30ms, {503, 2, false});
  tally.OnReset(40ms, false);
  tally.OnTimeout(50ms);
  tally.OnNotSent(60ms);
  const Report report = tally.Finish(100ms, 2s);
  EXPECT_EQ(report.offered, 6u);
  EXPECT_EQ(report.sent, 5u);
  EXPECT_EQ(report.answered + report.resets + report.timeouts, report.sent);
  EXPECT_EQ(report.not_sent, 1u);
  EXPECT_EQ(report.retries, 1u);
  EXPECT_EQ(report.missing_retry_after, 1u) << "of first attempts only";
  EXPECT_EQ(report.by_status, (std::map<int, uint64_t>{{200, 1}, {503, 2}}));
  EXPECT_DOUBLE_EQ(report.goodput_rps, 0.5);
}

// A second is judged by the first attempts due in it: refusing them does not improve it, nor does answering them late.
TEST(TallyTest, ASecondIsViolatedByFirstAttemptsRefusedOrLate) {
  Tally tally(100ms);
  for (const auto due : {0ms, 1000ms, 2000ms}) {
    for (int i = 0; i < 20; ++i) tally.OnOffered(due);
  }
  tally.OnOffered(1500ms, 2);
  for (int i = 0; i < 20; ++i) tally.OnAnswered(0ms, i == 0 ? 101ms : 100ms, {200, 1, false});
  for (int i = 0; i < 18; ++i) tally.OnAnswered(1000ms, 1050ms, {200, 1, false});
  tally.OnAnswered(1000ms, 1050ms, {503, 1, true});
  tally.OnAnswered(1500ms, 1550ms, {200, 2, false});
  for (int i = 0; i < 18; ++i) tally.OnAnswered(2000ms, 2050ms, {201, 1, false});
  for (int i = 0; i < 2; ++i) tally.OnAnswered(2000ms, 2900ms, {200, 1, false});
  const Report report = tally.Finish(3000ms, 3s);
  EXPECT_EQ(report.series[0].good, 19u);
  EXPECT_EQ(report.series[1].first, 20u) << "a retry is not offered anew";
  EXPECT_EQ(report.series[1].good, 18u);
  EXPECT_EQ(report.series[2].good, 18u);
  EXPECT_EQ(report.ViolatedSeconds(), 2);
}

TEST(TallyTest, LatencyLeavesOutWhatWasShed) {
  Tally tally;
  tally.OnAnswered(0ms, 100ms, {200, 1, false});
  for (int i = 0; i < 99; ++i) tally.OnAnswered(99ms, 100ms, {i % 2 ? 503 : 429, 1, true});
  const Report report = tally.Finish(100ms, 1s);
  EXPECT_DOUBLE_EQ(report.latency.p50_ms, 100) << "quick refusals must not flatter the answers";
  EXPECT_EQ(report.series[0].shed, 99u);
}

TEST(TallyTest, SecondsHaveNoGapsAndTheirOwnLatencies) {
  Tally tally;
  tally.OnOffered(100ms);
  tally.OnAnswered(100ms, 150ms, {200, 1, false});
  tally.OnOffered(3100ms);
  tally.OnAnswered(3100ms, 3110ms, {200, 1, false});
  EXPECT_EQ(tally.closed(), 3u);
  const Report report = tally.Finish(3500ms, 4s);
  ASSERT_EQ(report.series.size(), 4u);
  for (int t = 0; t < 4; ++t) EXPECT_EQ(report.series[static_cast<size_t>(t)].t, t);
  EXPECT_NEAR(report.series[0].p99_ms, 50, 1);
  EXPECT_EQ(report.series[1].measured, 0u);
  EXPECT_EQ(report.series[2].answered, 0u);
  EXPECT_NEAR(report.series[3].p99_ms, 10, 0.2);
}

TEST(TallyTest, AnArrivalCountsInTheSecondItWasDue) {
  Tally tally;
  tally.Tick(2s);
  tally.OnOffered(1999ms);
  tally.OnAnswered(1999ms, 2001ms, {200, 1, false});
  const Report report = tally.Finish(2s + 1ms, 3s);
  EXPECT_EQ(report.series[1].offered, 1u);
  EXPECT_EQ(report.series[2].ok, 1u);
}

TEST(TallyTest, JsonHasThePromisedShape) {
  Tally tally;
  tally.OnOffered(0ms);
  tally.OnSent(0ms, 0ms, 1);
  tally.OnAnswered(0ms, 5ms, {200, 1, false});
  tally.Tick(1s);
  const auto json = nlohmann::json::parse(ToJson(tally.Finish(1100ms, 1s)));
  EXPECT_EQ(json["sent"], 1);
  EXPECT_EQ(json["answered"], 1);
  EXPECT_EQ(json["byStatus"]["200"], 1);
  EXPECT_EQ(json["resets"], 0);
  EXPECT_EQ(json["timeouts"], 0);
  for (const char* name : {"p50", "p95", "p99", "max"}) EXPECT_DOUBLE_EQ(json["latencyMs"][name], 5) << name;
  EXPECT_DOUBLE_EQ(json["goodputRps"], 1);
  EXPECT_EQ(json["missingRetryAfter"], 0);
  ASSERT_EQ(json["series"].size(), 2u);
  EXPECT_EQ(json["series"][0]["t"], 0);
  EXPECT_EQ(json["series"][0]["offered"], 1);
  EXPECT_EQ(json["series"][0]["ok"], 1);
  EXPECT_EQ(json["series"][0]["shed"], 0);
  EXPECT_DOUBLE_EQ(json["series"][0]["p99Ms"], 5);
  EXPECT_TRUE(json["series"][1]["p99Ms"].is_null()) << "no answer, no latency";
}

}  // namespace
}  // namespace flyball::load
