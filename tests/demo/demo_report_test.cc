#include "tests/demo/demo_report.h"

#include <gtest/gtest.h>

namespace flyball::demo {
namespace {

using simulate::Outcome;

// `seconds` of these replicas, the first `bad` of them violated.
Outcome Of(int seconds, int replicas, int bad) {
  Outcome outcome;
  for (int i = 0; i < seconds; ++i) {
    outcome.seconds.push_back({.offered = 100, .good = i < bad ? 50.0 : 100.0, .ordered = replicas, .ready = replicas});
    outcome.good += outcome.seconds.back().good;
    outcome.pod_seconds += replicas;
  }
  outcome.violated_seconds = bad;
  return outcome;
}

std::vector<Row> Rows(int governor_bad, int governor_pods) {
  return {{"fixed fleet", "five <pods>", Of(100, 5, 0), 30},
          {"scaling only", "no limits", Of(100, 4, 40), 9000},
          {"governor", "both", Of(100, governor_pods, governor_bad), 80}};
}

TEST(DemoReportTest, TheTableHasEveryWay) {
  EXPECT_EQ(Table(Rows(20, 4)),
            "                violated s      goodput /s   pod-seconds      p99 ms\n"
            "fixed fleet              0           100.0           500          30\n"
            "scaling only            40            80.0           400        9000\n"
            "governor                20            90.0           400          80\n");
}

TEST(DemoReportTest, AClaimThatDoesNotHoldIsSaid) {
  EXPECT_EQ(WrongClaims(Rows(20, 4)), "");
  EXPECT_EQ(WrongClaims(Rows(40, 4)),
            "the governor has no fewer violated seconds than scaling only; the governor has no more goodput than "
            "scaling only");
  EXPECT_EQ(WrongClaims(Rows(20, 5)), "the governor has no fewer pod-seconds than the fixed fleet");
  EXPECT_EQ(WrongClaims({}), "a row is missing");
}

TEST(DemoReportTest, PageAndPictureStandAloneAndEscape) {
  for (const std::string& text : {DemoPage(seconds(100), Rows(20, 4)), DemoPicture(seconds(100), Rows(20, 4))}) {
    EXPECT_NE(text.find("governor"), std::string::npos);
    EXPECT_EQ(text.find("<pods>"), std::string::npos);
    EXPECT_EQ(text.find("src="), std::string::npos);
    EXPECT_EQ(text.find("href="), std::string::npos);
  }
  EXPECT_TRUE(DemoPicture(seconds(100), Rows(20, 4)).starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
}

TEST(DemoReportTest, ReplicasMayDifferByOneOrAFifth) {
  EXPECT_TRUE(Compare({"a", Of(100, 5, 0), {Of(100, 4, 0)}}).Holds());
  EXPECT_FALSE(Compare({"a", Of(100, 6, 0), {Of(100, 4, 0)}}).Holds());
  EXPECT_TRUE(Compare({"a", Of(100, 23, 0), {Of(100, 20, 0)}}).Holds());
  EXPECT_NEAR(Compare({"a", Of(100, 5, 0), {Of(100, 4, 0), Of(100, 3, 0)}}).replicas, 1.5, 1e-9) << "the seeds' mean";
}

TEST(DemoReportTest, ViolationMayDifferByFourSecondsAndAFifth) {
  EXPECT_TRUE(Compare({"a", Of(100, 4, 28), {Of(100, 4, 20)}}).Holds());
  EXPECT_FALSE(Compare({"a", Of(100, 4, 29), {Of(100, 4, 20)}}).Holds());
  EXPECT_FALSE(Compare({"a", Of(100, 4, 11), {Of(100, 4, 20)}}).Holds());
  EXPECT_NE(AgreementReport({{"flash", Of(20, 4, 11), {Of(20, 4, 20)}}}).find("**differs**"), std::string::npos);
}

}  // namespace
}  // namespace flyball::demo
