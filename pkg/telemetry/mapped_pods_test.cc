#include "pkg/telemetry/mapped_pods.h"

#include <gtest/gtest.h>

#include <cmath>

namespace flyball::telemetry {
namespace {

spec::MetricSelector Select(std::string_view text) { return spec::ParseMetricSelector(text).value(); }

spec::DemandMetrics Named(std::string_view requests, std::string_view latency = "", std::string_view in_flight = "",
                          std::string_view shed = "") {
  spec::DemandMetrics metrics{.requests = Select(requests)};
  if (!latency.empty()) metrics.latency = Select(latency);
  if (!in_flight.empty()) metrics.in_flight = Select(in_flight);
  if (!shed.empty()) metrics.shed = Select(shed);
  return metrics;
}

// The pods of one target, scraped by text.
class Target {
 public:
  explicit Target(spec::DemandMetrics metrics) : metrics_(std::move(metrics)), reader_(metrics_), pods_(metrics_) {}

  Result<scaling::PodSample> Scrape(std::string_view text, const std::string& pod = "a") {
    auto page = ReadMappedPage(reader_, text);
    if (!page) return Fail(page.error());
    page->clock_seconds = clock;
    return pods_.Add(pod, *page);
  }
  double Requests(std::string_view text, const std::string& pod = "a") {
    const auto sample = Scrape(text, pod);
    EXPECT_TRUE(sample) << sample.error().message;
    return sample ? sample->endpoints.at(0).first_attempts : -1;
  }
  std::string Problem(std::string_view text, const std::string& pod = "a") {
    const auto sample = Scrape(text, pod);
    return sample ? "a sample" : sample.error().message;
  }
  void Forget() { pods_.ForgetOthers(); }

  double clock = 0;

 private:
  const spec::DemandMetrics metrics_;
  MappedPageReader reader_;
  MappedPods pods_;
};

TEST(MappedPods, SumsTheSeriesThatTheLabelsChoose) {
  Target target(Named(R"(http_requests_total{handler=~"/api/.*",code!="500"})"));
  target.Requests("http_requests_total{handler=\"/api/a\",code=\"200\"} 10\n");
  EXPECT_EQ(target.Requests("http_requests_total{handler=\"/api/a\",code=\"200\"} 13\n"
                            "http_requests_total{handler=\"/api/b\"} 4\n"
                            "http_requests_total{handler=\"/api/a\",code=\"500\"} 100\n"
                            "http_requests_total{handler=\"/v1/api/\",code=\"200\"} 100\n"
                            "http_requests_total_other 100\n"),
            3 + 4);  // a series that was not there before counted from zero
}

TEST(MappedPods, ACounterThatFellWasResetAndCountsItsNewValue) {
  Target target(Named("n"));
  EXPECT_EQ(target.Requests("n{a=\"1\"} 100\nn{a=\"2\"} 5\n"), 0);
  EXPECT_EQ(target.Requests("n{a=\"1\"} 7\nn{a=\"2\"} 6\n"), 8);  // 7 since its reset, and 1
  EXPECT_EQ(target.Requests("n{a=\"2\"} 6\n"), 8);                // a series may vanish
  EXPECT_EQ(target.Requests("n{a=\"2\"} 6\nn{a=\"1\"} 9\n"), 10);
}

TEST(MappedPods, ARestartIsSeenByTheStartTimeEvenWhenCountersGrew) {
  Target target(Named("n"));
  target.Requests("n 100\nprocess_start_time_seconds 1.7e9\n");
  EXPECT_EQ(target.Requests("n 110\nprocess_start_time_seconds 1.7000000004e9\n"), 10);  // the same, rounded
  EXPECT_EQ(target.Requests("n 150\nprocess_start_time_seconds 1.700000100e9\n"), 160);
  EXPECT_EQ(target.Requests("n 151\nprocess_start_time_seconds 1.700000100e9\n"), 161);
}

TEST(MappedPods, MissingIsNeverZero) {
  Target target(Named(R"(n{handler="/q"})", "", "busy"));
  EXPECT_EQ(target.Problem("m 1\nbusy 0\n"), "no series is named n");
  EXPECT_EQ(target.Problem("n{handler=\"/\"} 1\nbusy 0\n"), R"(none of the series of n matches n{handler="/q"})");
  EXPECT_EQ(target.Problem("n{handler=\"/q\"} 1\n"), "no series is named busy");
  EXPECT_EQ(target.Problem(""), "the page has no metrics");
  EXPECT_EQ(target.Problem("n{handler=\"/q\"} NaN\nbusy 0\n"), "n: nan, expected a finite number >= 0");
  EXPECT_EQ(target.Problem("n{handler=\"/q\"} 1\nbusy -1\n"), "busy: -1.000000, expected a finite number >= 0");
}

TEST(MappedPods, APodThatWasNotAskedYetIsIdleOnceAnotherShowedTheLabelsToBeRight) {
  Target target(Named(R"(n{handler="/q"})"));
  EXPECT_EQ(target.Problem("n{handler=\"/metrics\"} 1\n", "new"), R"(none of the series of n matches n{handler="/q"})");
  target.Requests("n{handler=\"/q\"} 5\n", "old");
  EXPECT_EQ(target.Requests("n{handler=\"/metrics\"} 2\n", "new"), 0);
  EXPECT_EQ(target.Requests("n{handler=\"/metrics\"} 2\nn{handler=\"/q\"} 3\n", "new"), 3);
  EXPECT_EQ(target.Problem("renamed{handler=\"/q\"} 3\n", "newer"), "no series is named n");
}

TEST(MappedPods, RefusalsAreThoseOfTheRequestsAndNoneUntilThereAreSome) {
  Target target(Named("n", "", "", R"(n{code=~"503|429"})"));
  target.Requests("n{code=\"200\"} 10\n");
  const auto sample = target.Scrape("n{code=\"200\"} 50\nn{code=\"503\"} 20\n").value();
  EXPECT_EQ(sample.endpoints[0].first_attempts, 60);
  EXPECT_EQ(sample.endpoints[0].shed_pod, 20);
  EXPECT_EQ(sample.endpoints[0].completed[0], 40);
}

TEST(MappedPods, SpreadsBucketsOfAnyBoundsOverTheGrid) {
  Target target(Named("n", "t"));
  const char* empty = "n 0\nt_bucket{le=\"0.1\"} 0\nt_bucket{le=\"0.4\"} 0\nt_bucket{le=\"+Inf\"} 0\nt_sum 0\n";
  ASSERT_TRUE(target.Scrape(empty));
  const auto sample = target.Scrape(
      "n 100\nt_bucket{le=\"0.1\"} 50\nt_bucket{le=\"0.4\"} 98\nt_bucket{le=\"+Inf\"} 100\nt_sum 20\nt_count 100\n");
  ASSERT_TRUE(sample) << sample.error().message;
  const scaling::LatencyHistogram& latency = sample->request[1];
  EXPECT_NEAR(latency.Count(), 100, 1e-9);
  EXPECT_NEAR(latency.Quantile(0.25), 0.05, 0.005);  // as histogram_quantile() has it
  EXPECT_NEAR(latency.Quantile(0.5), 0.1, 0.02);     // the grid is coarser here than the bounds
  EXPECT_NEAR(latency.LongerThan(0.25), 48 * 0.5 + 2, 2);
  EXPECT_EQ(latency.sum_seconds, 20);
  EXPECT_EQ(sample->endpoints[0].completed[0], 100);
  EXPECT_EQ(sample->workers, 0);  // nobody said
}

TEST(MappedPods, BucketsMayBeInMillisecondsAndOfSeveralSeries) {
  Target target(Named("n", "t_milliseconds"));
  ASSERT_TRUE(target.Scrape("n 0\nt_milliseconds_bucket{le=\"100\"} 0\nt_milliseconds_bucket{le=\"+Inf\"} 0\n"));
  const auto sample =
      target
          .Scrape(
              "n 20\nt_milliseconds_bucket{h=\"b\",le=\"+Inf\"} 10\nt_milliseconds_bucket{le=\"100\",h=\"b\"} 10\n"
              "t_milliseconds_sum{h=\"b\"} 500\n"
              "t_milliseconds_bucket{le=\"100\"} 0\nt_milliseconds_bucket{le=\"+Inf\"} 10\n")
          .value();
  EXPECT_NEAR(sample.request[1].LongerThan(0.1), 10, 0.5);
  EXPECT_NEAR(sample.request[1].Quantile(0.25), 0.05, 0.01);
  EXPECT_EQ(sample.request[1].sum_seconds, 0.5);
}

TEST(MappedPods, RefusesWhatTellsNoTimes) {
  Target target(Named("n", "t"));
  EXPECT_EQ(target.Problem("n 1\nt{quantile=\"0.9\"} 0.2\nt_sum 1\nt_count 3\n"),
            "t is a summary, whose quantiles cannot be added up over pods; a histogram is needed");
  EXPECT_EQ(target.Problem("# TYPE t summary\nn 1\n"),
            "t is a summary, whose quantiles cannot be added up over pods; a histogram is needed");
  EXPECT_EQ(target.Problem("n 1\n"), "no series is named t_bucket");
  EXPECT_EQ(target.Problem("n 1\nt_bucket{le=\"1\"} 3\nt_bucket{le=\"+Inf\"} 2\n"), "t_bucket: buckets go down");
  EXPECT_EQ(target.Problem("n 1\nt_bucket{le=\"1\"} 3\nt_bucket{le=\"2\"} 3\n"),
            "t_bucket: the bucket le=\"+Inf\" is missing");
  EXPECT_EQ(target.Problem("n 1\nt_bucket{le=\"+Inf\"} 3\n"),
            "t_bucket: there is no bucket but le=\"+Inf\", which tells no times");
  EXPECT_EQ(target.Problem("n 1\nt_bucket{le=\"x\"} 3\n"), "t_bucket: le is not a number");
  EXPECT_EQ(target.Problem("# TYPE t gauge\nn 1\nt 1\n"), "t is a gauge, expected a histogram");
  Target gauge(Named("n_total", "", "busy"));
  EXPECT_EQ(gauge.Problem("# TYPE n gauge\nn_total 1\n"), "n is a gauge, expected a counter");
  EXPECT_EQ(gauge.Problem("# TYPE busy counter\nn_total 1\nbusy 1\n"), "busy is a counter, expected a gauge");
}

TEST(MappedPods, AHistogramOfNothingMayNotBeThereYet) {
  Target target(Named("n", "t"));
  EXPECT_EQ(target.Requests("n 0\n"), 0);
  EXPECT_EQ(target.Requests("n 2\nt_bucket{le=\"1\"} 2\nt_bucket{le=\"+Inf\"} 2\n"), 2);
}

TEST(MappedPods, OlderNumbersAreRefusedAndForgottenPodsBeginAnew) {
  Target target(Named("n"));
  target.clock = 100;
  target.Requests("n 5\n");
  target.clock = 98;
  EXPECT_EQ(target.Problem("n 4\n"), "these numbers are older than the last ones");
  target.clock = 102;
  EXPECT_EQ(target.Requests("n 6\n"), 1);
  target.Forget();
  target.Requests("n 1\n", "b");
  target.Forget();
  EXPECT_EQ(target.Requests("n 60\n"), 0);
}

TEST(MappedPods, TooManySeriesAreRefused) {
  std::string text;
  for (int i = 0; i < 2001; ++i) text += "n{i=\"" + std::to_string(i) + "\"} 1\n";
  Target target(Named("n"));
  EXPECT_EQ(target.Problem(text), "more than 2,000 series of one pod match; choose fewer by labels");
}

}  // namespace
}  // namespace flyball::telemetry
