#include "pkg/spec/metric_selector.h"

#include <gtest/gtest.h>

namespace flyball::spec {
namespace {

using Op = LabelMatcher::Op;

std::string Problem(std::string_view text) {
  const auto selector = ParseMetricSelector(text);
  return selector ? "parsed as " + ToPromQL(*selector) : selector.error().message;
}

TEST(MetricSelector, ReadsWhatPrometheusReads) {
  EXPECT_EQ(ParseMetricSelector("up").value(), (MetricSelector{"up", {}}));
  EXPECT_EQ(ParseMetricSelector(" job:up:sum {} ").value(), (MetricSelector{"job:up:sum", {}}));
  EXPECT_EQ(
      ParseMetricSelector(R"(http_requests_total{environment=~"staging|testing|development",method!="GET"})").value(),
      (MetricSelector{"http_requests_total",
                      {{Op::kMatch, "environment", "staging|testing|development"}, {Op::kNotEqual, "method", "GET"}}}));
  EXPECT_EQ(ParseMetricSelector("a{b = 'it\\'s', c!~`\\d\n`,}").value(),
            (MetricSelector{"a", {{Op::kEqual, "b", "it's"}, {Op::kNoMatch, "c", "\\d\n"}}}));
}

TEST(MetricSelector, IsWrittenAsItIsRead) {
  const MetricSelector selector{
      "a:b",
      {{Op::kEqual, "c", "\"\\\n"}, {Op::kMatch, "d", "\\d+"}, {Op::kNoMatch, "e", ""}, {Op::kNotEqual, "f", "'"}}};
  EXPECT_EQ(ToPromQL(selector), R"(a:b{c="\"\\\n",d=~"\\d+",e!~"",f!="'"})");
  EXPECT_EQ(ParseMetricSelector(ToPromQL(selector)).value(), selector);
}

TEST(MetricSelector, SaysWhatIsWrong) {
  const struct {
    const char *text, *problem;
  } kCases[] = {
      {"", "it must begin with the name of a metric"},
      {"{job=\"x\"}", "it must begin with the name of a metric"},
      {"5xx", "it must begin with the name of a metric"},
      {"rate(x[5m])", "an expression such as rate(...) cannot be given"},
      {"x[5m]", "a range such as [5m] is not wanted"},
      {"x + y", "nothing may follow the selector, not '+ y'"},
      {"x{a=1}", "the value of the label 'a' needs quotes"},
      {"x{a\"1\"}", "expected =, !=, =~ or !~ after the label 'a'"},
      {"x{a=\"1\"", "its } is missing"},
      {"x{a=\"1", "the value of the label 'a' has no closing quote"},
      {"x{a=\"\\d\"}", "unknown escape in the value of 'a'; \\\\ is a backslash"},
      {"x{a=\"1\" b=\"2\"}", "expected , or } before 'b=\"2\"}'"},
      {"x{=\"1\"}", "expected the name of a label before '=\"1\"}'"},
      {"x{a:b=\"1\"}", "expected the name of a label before '=\"1\"}'"},
      {"x{a=~\"(\"}", "the regular expression of 'a': missing ): ("},
  };
  for (const auto& c : kCases) EXPECT_EQ(Problem(c.text), c.problem) << c.text;
  EXPECT_EQ(Problem(std::string(1001, 'a')), "it is longer than 1,000 bytes");
}

}  // namespace
}  // namespace flyball::spec
