#include "pkg/telemetry/pod_sample.h"

#include <gtest/gtest.h>

#include <string>

namespace flyball::telemetry {
namespace {

const std::string kAlive = "flyball_workers 8\nflyball_monotonic_seconds 12.5\n";

std::string Problem(const std::string& text) {
  const auto sample = ReadPodSample(text);
  return sample ? "read" : sample.error().message;
}

TEST(ReadPodSample, AnEmptyAnswerIsAnError) {
  EXPECT_NE(Problem("").find("expected flyball_workers"), std::string::npos);
  EXPECT_NE(Problem("flyball_workers 8\n").find("expected flyball_workers"), std::string::npos);
}

TEST(ReadPodSample, NotANumberAndNegativeAreErrorsNeverZero) {
  EXPECT_EQ(Problem(kAlive + "flyball_requests_total{endpoint=\"a\",criticality=\"normal\",attempt=\"first\"} NaN\n")
                .find("flyball_requests_total"),
            0u);
  EXPECT_EQ(Problem(kAlive + "flyball_in_flight -1\n").find("flyball_in_flight"), 0u);
  EXPECT_EQ(Problem(kAlive + "process_cpu_seconds_total +Inf\n").find("process_cpu_seconds_total"), 0u);
}

TEST(ReadPodSample, ACutOffPageIsAnError) {
  EXPECT_EQ(Problem(kAlive + "flyball_requests_total{endpoint=\"a\",critic").find("line 3"), 0u);
}

TEST(ReadPodSample, SkipsSeriesOfOthersWhateverTheirValue) {
  const auto sample = ReadPodSample(kAlive + "go_gc_duration_seconds{quantile=\"0\"} NaN\nup -1\n");
  ASSERT_TRUE(sample);
  EXPECT_TRUE(sample->endpoints.empty());
  EXPECT_EQ(sample->monotonic_seconds, 12.5);
}

TEST(ReadPodSample, SumsRolesAndKeepsCriticalitiesApart) {
  const auto sample = ReadPodSample(
      kAlive +
      "flyball_requests_total{endpoint=\"a\",role=\"user\",criticality=\"normal\",attempt=\"first\"} 3\n"
      "flyball_requests_total{endpoint=\"a\",role=\"admin\",criticality=\"normal\",attempt=\"first\"} 4\n"
      "flyball_requests_total{endpoint=\"a\",role=\"user\",criticality=\"critical\",attempt=\"first\"} 5\n");
  ASSERT_TRUE(sample);
  ASSERT_EQ(sample->endpoints.size(), 2u);
  EXPECT_EQ(sample->endpoints[0].criticality, scaling::Criticality::kCritical);
  EXPECT_EQ(sample->endpoints[0].first_attempts, 5);
  EXPECT_EQ(sample->endpoints[1].first_attempts, 7);
}

TEST(ReadPodSample, AddsHistogramsOfEndpoints) {
  std::string page = kAlive;
  for (const char* endpoint : {"a", "b"}) {
    const std::string labels = "{endpoint=\"" + std::string(endpoint) + "\",criticality=\"normal\",le=";
    page += "flyball_request_seconds_bucket" + labels + "\"0.001\"} 2\n";
    page += "flyball_request_seconds_bucket" + labels + "\"0.002\"} 5\n";
    page += "flyball_request_seconds_bucket" + labels + "\"+Inf\"} 6\n";
  }
  const auto sample = ReadPodSample(page);
  ASSERT_TRUE(sample) << sample.error().message;
  EXPECT_EQ(sample->request[1].buckets[2], 4);
  EXPECT_EQ(sample->request[1].buckets[3], 6);
  EXPECT_EQ(sample->request[1].buckets[scaling::kLatencyBounds], 2);
}

TEST(ReadPodSample, BucketsOffTheGridCountInTheNextLarger) {
  const auto sample = ReadPodSample(kAlive + "flyball_request_seconds_bucket{criticality=\"normal\",le=\"0.3\"} 2\n");
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample->request[1].buckets[11], 2);  // 256 to 512 ms
}

TEST(ReadPodSample, BucketsThatGoDownAreAnError) {
  EXPECT_NE(Problem(kAlive + "flyball_queue_seconds_bucket{criticality=\"normal\",le=\"0.001\"} 5\n"
                             "flyball_queue_seconds_bucket{criticality=\"normal\",le=\"0.002\"} 3\n")
                .find("buckets go down"),
            std::string::npos);
}

TEST(ReadPodSample, RefusesUnboundedEndpoints) {
  std::string page = kAlive;
  for (int i = 0; i < 4001; ++i) {
    page += "flyball_requests_total{endpoint=\"e" + std::to_string(i) + "\",criticality=\"normal\"} 1\n";
  }
  EXPECT_NE(Problem(page).find("more than 4000"), std::string::npos);
}

}  // namespace
}  // namespace flyball::telemetry
