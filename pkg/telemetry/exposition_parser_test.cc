#include "pkg/telemetry/exposition_parser.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "pkg/base/random.h"

namespace flyball::telemetry {
namespace {

class Recorder final : public SeriesSink {
 public:
  void OnSeries(const SeriesView& series) override {
    std::string line(series.name);
    for (const LabelView& label : series.labels) {
      line += ' ' + std::string(label.name) + '=' + std::string(label.value);
    }
    lines.push_back(line);
    values.push_back(series.value);
  }
  std::vector<std::string> lines;
  std::vector<double> values;
};

Recorder Parse(std::string_view text) {
  Recorder recorder;
  const auto parsed = ParseExposition(text, recorder);
  EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().message);
  EXPECT_EQ(parsed.value_or(0), recorder.lines.size());
  return recorder;
}

std::string Problem(std::string_view text) {
  Recorder recorder;
  const auto parsed = ParseExposition(text, recorder);
  return parsed ? "parsed" : parsed.error().message;
}

using Lines = std::vector<std::string>;

TEST(ParseExposition, ReadsTheExampleOfThePrometheusDocumentation) {
  const Recorder got = Parse(
      "# HELP http_requests_total The total number of HTTP requests.\n"
      "# TYPE http_requests_total counter\n"
      "http_requests_total{method=\"post\",code=\"200\"} 1027 1395066363000\n"
      "http_requests_total{method=\"post\",code=\"400\"}    3 1395066363000\n"
      "\n"
      "# Escaping in label values:\n"
      "msdos_file_access_time_seconds{path=\"C:\\\\DIR\\\\FILE.TXT\",error=\"Cannot find file:\\n\\\"FILE.TXT\\\"\"} "
      "1.458255915e9\n"
      "metric_without_timestamp_and_labels 12.47\n"
      "something_weird{problem=\"division by zero\"} +Inf -3982045\n");
  EXPECT_EQ(got.lines, (Lines{"http_requests_total method=post code=200", "http_requests_total method=post code=400",
                              "msdos_file_access_time_seconds path=C:\\DIR\\FILE.TXT error=Cannot find "
                              "file:\n\"FILE.TXT\"",
                              "metric_without_timestamp_and_labels", "something_weird problem=division by zero"}));
  EXPECT_DOUBLE_EQ(got.values[2], 1.458255915e9);
  EXPECT_DOUBLE_EQ(got.values[3], 12.47);
  EXPECT_TRUE(std::isinf(got.values[4]));
}

TEST(ParseExposition, ReadsOpenMetrics) {
  const Recorder got = Parse(
      "# TYPE foo counter\n# UNIT foo seconds\n"
      "foo_total{a=\"b\",} 17.0 1520879607.789 # {trace_id=\"K\"} 0.67\n"
      "foo_created 1520872607.123\n# EOF\n");
  EXPECT_EQ(got.lines, (Lines{"foo_total a=b", "foo_created"}));
}

// The inputs of Prometheus's own parsers' tests: model/textparse/promparse_test.go and openmetricsparse_test.go, v2.42.
TEST(ParseExposition, ReadsWhatPrometheusTestsItsTextParserWith) {
  const Recorder got = Parse(
      "# HELP go_gc_duration_seconds A summary of the GC invocation durations.\n"
      "# \tTYPE go_gc_duration_seconds summary\n"
      "go_gc_duration_seconds{quantile=\"0\"} 4.9351e-05\n"
      "go_gc_duration_seconds{quantile=\"0.25\",} 7.424100000000001e-05\n"
      "go_gc_duration_seconds{quantile=\"0.5\",a=\"b\"} 8.3835e-05\n"
      "go_gc_duration_seconds{quantile=\"0.8\", a=\"b\"} 8.3835e-05\n"
      "go_gc_duration_seconds{ quantile=\"0.9\", a=\"b\"} 8.3835e-05\n"
      "# Hrandom comment starting with prefix of HELP\n"
      "#\n"
      "wind_speed{A=\"2\",c=\"3\"} 12345\n"
      "# comment with escaped \\n newline\n"
      "# comment with escaped \\ escape character\n"
      "# HELP nohelp1\n"
      "# HELP nohelp2 \n"
      "go_gc_duration_seconds{ quantile=\"1.0\", a=\"b\" } 8.3835e-05\n"
      "go_gc_duration_seconds { quantile=\"1.0\", a=\"b\" } 8.3835e-05\n"
      "go_gc_duration_seconds { quantile= \"1.0\", a= \"b\", } 8.3835e-05\n"
      "go_gc_duration_seconds { quantile = \"1.0\", a = \"b\" } 8.3835e-05\n"
      "go_gc_duration_seconds_count 99\n"
      "some:aggregate:rate5m{a_b=\"c\"}\t1\n"
      "# HELP go_goroutines Number of goroutines that currently exist.\n"
      "# TYPE go_goroutines gauge\n"
      "go_goroutines 33  \t123123\n"
      "_metric_starting_with_underscore 1\n"
      "testmetric{_label_starting_with_underscore=\"foo\"} 1\n"
      "testmetric{label=\"\\\"bar\\\"\"} 1\n");
  const std::string gc = "go_gc_duration_seconds";
  EXPECT_EQ(got.lines,
            (Lines{gc + " quantile=0", gc + " quantile=0.25", gc + " quantile=0.5 a=b", gc + " quantile=0.8 a=b",
                   gc + " quantile=0.9 a=b", "wind_speed A=2 c=3", gc + " quantile=1.0 a=b", gc + " quantile=1.0 a=b",
                   gc + " quantile=1.0 a=b", gc + " quantile=1.0 a=b", gc + "_count", "some:aggregate:rate5m a_b=c",
                   "go_goroutines", "_metric_starting_with_underscore",
                   "testmetric _label_starting_with_underscore=foo", "testmetric label=\"bar\""}));
  EXPECT_DOUBLE_EQ(got.values[1], 7.424100000000001e-05);
  EXPECT_EQ(got.values[12], 33);
}

TEST(ParseExposition, ReadsWhatPrometheusTestsItsOpenMetricsParserWith) {
  const Recorder got = Parse(
      "# HELP go_gc_duration_seconds A summary of the GC invocation durations.\n"
      "# TYPE go_gc_duration_seconds summary\n"
      "# UNIT go_gc_duration_seconds seconds\n"
      "go_gc_duration_seconds{quantile=\"0\"} 4.9351e-05\n"
      "# HELP nohelp1 \n"
      "# HELP help2 escape \\ \\n \\\\ \\\" \\x chars\n"
      "# UNIT nounit \n"
      "some:aggregate:rate5m{a_b=\"c\"} 1\n"
      "go_goroutines 33 123.123\n"
      "# TYPE hhh histogram\n"
      "hhh_bucket{le=\"+Inf\"} 1 # {id=\"histogram-bucket-test\"} 4\n"
      "hhh_count 1 # {id=\"histogram-count-test\"} 4\n"
      "# TYPE ggh gaugehistogram\n"
      "ggh_bucket{le=\"+Inf\"} 1 # {id=\"gaugehistogram-bucket-test\",xx=\"yy\"} 4 123.123\n"
      "smr_seconds_sum 42.0 # {id=\"summary-sum-test\"} 1 123.321\n"
      "# TYPE ii info\n"
      "ii{foo=\"bar\"} 1\n"
      "# TYPE ss stateset\n"
      "ss{ss=\"foo\"} 1\n"
      "ss{A=\"a\"} 0\n"
      "# TYPE un unknown\n"
      "# TYPE foo counter\n"
      "foo_total 17.0 1520879607.789 # {id=\"counter-test\"} 5\n"
      "foo_created 1520872607.123\n"
      "# EOF");
  EXPECT_EQ(got.lines, (Lines{"go_gc_duration_seconds quantile=0", "some:aggregate:rate5m a_b=c", "go_goroutines",
                              "hhh_bucket le=+Inf", "hhh_count", "ggh_bucket le=+Inf", "smr_seconds_sum", "ii foo=bar",
                              "ss ss=foo", "ss A=a", "foo_total", "foo_created"}));
  EXPECT_EQ(got.values[10], 17);
}

TEST(ParseExposition, ReadsEveryKindOfNumber) {
  const Recorder got = Parse("a 0\na -1.5\na 1e3\na NaN\na -Inf\na 12345678901234567890\na .5\na +2");
  EXPECT_EQ(got.values[0], 0);
  EXPECT_EQ(got.values[1], -1.5);
  EXPECT_EQ(got.values[2], 1000);
  EXPECT_TRUE(std::isnan(got.values[3]));
  EXPECT_EQ(got.values[4], -INFINITY);
  EXPECT_EQ(got.values[5], 12345678901234567890.0);
  EXPECT_EQ(got.values[6], 0.5);
  EXPECT_EQ(got.values[7], 2);
}

TEST(ParseExposition, AnEmptyPageHasNoSeries) {
  EXPECT_TRUE(Parse("").lines.empty());
  EXPECT_TRUE(Parse("\n\n# only a comment").lines.empty());
}

TEST(ParseExposition, TakesLineEndsWithCarriageReturns) { EXPECT_EQ(Parse("a 1\r\n\r\nb 2\r\n").lines.size(), 2u); }

TEST(ParseExposition, NamesTheLineAndWhatIsWrong) {
  const struct {
    const char* text;
    const char* problem;
  } kCases[] = {
      {"a 1\n1b 2\n", "line 2: expected a metric name"},
      {"a{b=\"c} 1\n", "line 1: label value without its closing quote"},
      {"a{b=\"c\\q\"} 1\n", "line 1: unknown escape"},
      {"a{b=\"c\\", "line 1: label value without its closing quote"},
      {"a{b=c} 1\n", "line 1: expected a label value in double quotes"},
      {"a{b} 1\n", "line 1: expected = after the label name"},
      {"a{=\"\"} 1\n", "line 1: expected a label name"},
      {"a{b=\"c\" d=\"e\"} 1\n", "line 1: expected , or }"},
      {"a\n", "line 1: expected a blank or {"},
      {"a \n", "line 1: expected a number"},
      {"a one\n", "line 1: expected a number"},
      {"a 1x\n", "line 1: expected a number"},
      {"a +-1\n", "line 1: expected a number"},
      {"a 1 soon\n", "line 1: expected a timestamp"},
      {"a 1 2 3\n", "line 1: expected the end of the line"},
      {"a{b=\"c\"", "line 1: expected , or }"},
      {"a-b 1\n", "line 1: expected a blank or {"},
  };
  for (const auto& c : kCases) EXPECT_EQ(Problem(c.text).find(c.problem), 0u) << c.text << " -> " << Problem(c.text);
}

TEST(ParseExposition, RefusesMoreThan64Labels) {
  std::string text = "a{";
  for (int i = 0; i < 65; ++i) text += "l" + std::to_string(i) + "=\"\",";
  EXPECT_EQ(Problem(text + "} 1\n"), "line 1: more than 64 labels");
}

TEST(ParseExposition, SurvivesEveryTruncationAndFlippedByte) {
  const std::string whole = "# TYPE a counter\na{b=\"c\\\\d\",e=\"f\"} 1.5 12 # {x=\"y\"} 1\nname:x 2e3\n";
  constexpr uint64_t kSeed = 42;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  Random random(kSeed);
  for (size_t length = 0; length <= whole.size(); ++length) {
    Recorder sink;
    (void)ParseExposition(std::string(whole, 0, length), sink);
    EXPECT_LE(sink.lines.size(), 2u);
  }
  for (int i = 0; i < 20'000; ++i) {
    std::string text = whole;
    for (int flips = 0; flips < 3; ++flips) text[random.Below(text.size())] = static_cast<char>(random.Below(256));
    Recorder sink;
    (void)ParseExposition(text, sink);
    EXPECT_LE(sink.lines.size(), 5u);
  }
}

}  // namespace
}  // namespace flyball::telemetry
