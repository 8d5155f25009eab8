#include "pkg/service/load/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "pkg/base/random.h"

namespace flyball::load {
namespace {

TEST(HistogramTest, EmptyIsNought) {
  EXPECT_EQ(Histogram().QuantileMicros(0.99), 0u);
  EXPECT_EQ(Histogram().max_micros(), 0u);
}

TEST(HistogramTest, SmallValuesAreExact) {
  Histogram histogram;
  for (uint64_t v = 1; v <= 100; ++v) histogram.Record(v);
  EXPECT_EQ(histogram.QuantileMicros(0.5), 50u);
  EXPECT_EQ(histogram.QuantileMicros(0.99), 99u);
  EXPECT_EQ(histogram.QuantileMicros(1), 100u);
}

TEST(HistogramTest, OneValueIsEveryQuantile) {
  Histogram histogram;
  histogram.Record(1'234'567);
  for (const double q : {0.001, 0.5, 0.999, 1.0}) EXPECT_EQ(histogram.QuantileMicros(q), 1'234'567u);
}

TEST(HistogramTest, QuantilesAreWithinTheirPromiseAtEveryScale) {
  Random random(11);
  for (const double scale : {100.0, 1e4, 1e6, 1e9}) {
    Histogram histogram;
    std::vector<uint64_t> values;
    for (int i = 0; i < 20'000; ++i) {
      values.push_back(static_cast<uint64_t>(-std::log1p(-random.Uniform()) * scale));
      histogram.Record(values.back());
    }
    std::sort(values.begin(), values.end());
    for (const double q : {0.01, 0.5, 0.9, 0.99, 0.999}) {
      const auto exact = static_cast<double>(values[static_cast<size_t>(std::ceil(q * 20'000)) - 1]);
      const auto told = static_cast<double>(histogram.QuantileMicros(q));
      EXPECT_GE(told, exact) << "scale " << scale << " q " << q;
      EXPECT_LE(told, exact * 1.016 + 1) << "scale " << scale << " q " << q;
    }
  }
}

TEST(HistogramTest, TheLargestValuesCountAsTheBound) {
  Histogram histogram;
  histogram.Record(~uint64_t{0});
  EXPECT_EQ(histogram.QuantileMicros(1), Histogram::kMaxMicros);
  histogram.Clear();
  EXPECT_EQ(histogram.count(), 0u);
}

}  // namespace
}  // namespace flyball::load
