#include "pkg/simulate/report.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace flyball::simulate {
namespace {

Trace Short() {
  Trace trace;
  trace.name = "noon <script>\"&";
  trace.duration = seconds(2000);
  trace.rps.knots = {{0, 10}};
  return trace;
}

Replay Ran(const char* name) {
  Replay replay{name, {}};
  for (int i = 0; i < 2000; ++i) replay.outcome.seconds.push_back({10, i == 7 ? 3.0 : 10.0, 0, 0, 3, 2});
  replay.outcome.violated_seconds = 1;
  replay.outcome.pod_seconds = 6000;
  replay.outcome.offered = 20'000;
  replay.outcome.good = 19'993;
  return replay;
}

size_t Count(const std::string& text, std::string_view what) {
  size_t count = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

TEST(Report, FiguresAreThoseOfTheRun) {
  const Figures figures = FiguresOf(Ran("hpa").outcome);
  EXPECT_NEAR(figures.pod_hours, 6000.0 / 3600, 1e-12);
  EXPECT_EQ(figures.most_replicas, 3);
  EXPECT_EQ(figures.violated_seconds, 1);
  EXPECT_NEAR(figures.in_time, 19'993.0 / 20'000, 1e-12);
  EXPECT_EQ(figures.critical_served, 1);  // none were offered
}

TEST(Report, IsOnePageThatNeedsNothingElse) {
  const std::string page = HtmlReport(Short(), {{"seed", "1"}}, {Ran("flyball"), Ran("hpa")});
  EXPECT_EQ(page.find("http"), std::string::npos);
  EXPECT_EQ(page.find("src="), std::string::npos);
  EXPECT_NE(page.find("width=device-width"), std::string::npos);
  EXPECT_EQ(Count(page, "<svg "), 3u);  // the load, and one each
  EXPECT_EQ(Count(page, "role=\"img\""), Count(page, "<svg "));
  EXPECT_EQ(Count(page, "<title"), 1 + Count(page, "<svg "));
  EXPECT_EQ(Count(page, "class=\"bad\""), 2u);
  EXPECT_LT(page.size(), 60'000u);
}

TEST(Report, WhatComesFromOutsideIsEscaped) {
  const std::string page = HtmlReport(Short(), {{"<b>", "a & b"}}, {Ran("<i>")});
  EXPECT_EQ(page.find("<script"), std::string::npos);
  EXPECT_EQ(page.find("<b>"), std::string::npos);
  EXPECT_EQ(page.find("<i>"), std::string::npos);
  EXPECT_NE(page.find("a &amp; b"), std::string::npos);
}

TEST(Report, NoSecondsAndNoRunsAreAPageToo) {
  Trace empty;
  EXPECT_NE(HtmlReport(empty, {}, {}).find("</html>"), std::string::npos);
  EXPECT_NE(HtmlReport(empty, {}, {{"hpa", {}}}).find("</html>"), std::string::npos);
}

}  // namespace
}  // namespace flyball::simulate
