#include "pkg/scaling/sample.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace flyball::scaling {
namespace {

PodSample Sample() {
  PodSample sample;
  sample.workers = 8;
  sample.monotonic_seconds = 5;
  sample.endpoints.push_back({.endpoint = "tasks.list", .first_attempts = 3});
  return sample;
}

TEST(LatencyHistogram, BoundsDoubleFromAQuarterMillisecondToSixteenSeconds) {
  EXPECT_DOUBLE_EQ(LatencyBound(0), 0.00025);
  EXPECT_DOUBLE_EQ(LatencyBound(2), 0.001);
  EXPECT_DOUBLE_EQ(LatencyBound(kLatencyBounds - 1), 16.384);
}

TEST(LatencyHistogram, LongerThanInterpolatesInsideItsBucket) {
  LatencyHistogram histogram;
  histogram.buckets[10] = 100;  // 128 to 256 ms
  histogram.buckets[12] = 7;    // 512 ms to 1.024 s
  EXPECT_NEAR(histogram.LongerThan(0.192), 57, 1e-9);
  EXPECT_NEAR(histogram.LongerThan(0.256), 7, 1e-9);
  EXPECT_NEAR(histogram.LongerThan(2), 0, 1e-9);
}

TEST(LatencyHistogram, LongerThanCountsTheOpenBucket) {
  LatencyHistogram histogram;
  histogram.buckets[kLatencyBounds] = 5;
  EXPECT_NEAR(histogram.LongerThan(1), 5, 1e-9);
}

TEST(LatencyHistogram, Quantiles) {
  LatencyHistogram histogram;
  EXPECT_EQ(histogram.Quantile(0.5), 0);
  histogram.buckets[2] = 50;  // 0.5 to 1 ms
  histogram.buckets[3] = 50;  // 1 to 2 ms
  EXPECT_NEAR(histogram.Quantile(0.5), 0.001, 1e-12);
  EXPECT_NEAR(histogram.Quantile(0.75), 0.0015, 1e-12);
}

TEST(Validate, TakesAnOrdinarySample) { EXPECT_TRUE(Validate(Sample())); }

TEST(Validate, RefusesWhatIsNotANumberAndNamesIt) {
  PodSample sample = Sample();
  sample.cpu_seconds = std::numeric_limits<double>::quiet_NaN();
  const auto result = Validate(sample);
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("cpu_seconds"), std::string::npos);
}

TEST(Validate, RefusesNegativeCountsAnywhere) {
  PodSample sample = Sample();
  sample.endpoints[0].completed[3] = -1;
  EXPECT_FALSE(Validate(sample));
  sample = Sample();
  sample.request[1].buckets[4] = -1;
  EXPECT_FALSE(Validate(sample));
}

TEST(Validate, AnEmptyAnswerIsAnErrorAndNotZeroLoad) { EXPECT_FALSE(Validate(PodSample{})); }

}  // namespace
}  // namespace flyball::scaling
