#include "pkg/service/operator/app_status.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace flyball::service::app_operator {
namespace {

using Json = nlohmann::json;
using std::chrono::minutes;

constexpr WallTime kNoon = WallTime{} + std::chrono::hours(24 * 365 * 56 + 12);

Json App() {
  return {{"apiVersion", "flyball.io/v1alpha1"},
          {"kind", "App"},
          {"metadata", {{"name", "shop"}, {"namespace", "a"}, {"uid", "u"}, {"generation", 2}}},
          {"spec", Json::object()}};
}

Json Deployment(int wanted, int replicas, int updated, int ready) {
  return {{"metadata", {{"generation", 5}}},
          {"spec", {{"replicas", wanted}}},
          {"status",
           {{"observedGeneration", 5},
            {"replicas", replicas},
            {"updatedReplicas", updated},
            {"readyReplicas", ready},
            {"availableReplicas", ready}}}};
}

Json StatusOf(const Findings& findings, const Json& app = App(), WallTime at = kNoon) {
  return Json::parse(AppStatus(ReadResource(app.dump()).value(), app.dump(), findings, at));
}

// "True Serving"
std::string Said(const Json& status, const std::string& type) {
  for (const Json& condition : status["conditions"])
    if (condition["type"] == type)
      return condition["status"].get<std::string>() + " " + condition["reason"].get<std::string>();
  return "";
}

TEST(AppStatus, FollowsTheDeployment) {
  struct Case {
    const char* name;
    std::string deployment;
    const char *ready, *progressing;
  };
  Json behind = Deployment(2, 2, 2, 2), stuck = Deployment(2, 2, 2, 0);
  behind["status"]["observedGeneration"] = 4;
  stuck["status"]["conditions"] = Json::array(
      {{{"type", "Progressing"}, {"status", "False"}, {"message", "ReplicaSet shop-1 has timed out progressing."}}});
  for (const Case& test : {Case{"none yet", "", "False Creating", "False NoDeployment"},
                           Case{"all there", Deployment(2, 2, 2, 2).dump(), "True Serving", "False Settled"},
                           Case{"scaling up", Deployment(5, 5, 5, 2).dump(), "True Serving", "True Starting"},
                           Case{"rolling", Deployment(2, 3, 1, 3).dump(), "True Serving", "True RollingOut"},
                           Case{"surplus", Deployment(2, 3, 2, 3).dump(), "True Serving", "True RollingOut"},
                           Case{"not seen by its controller", behind.dump(), "True Serving", "True RollingOut"},
                           Case{"none ready", Deployment(2, 2, 2, 0).dump(), "False NoPodReady", "True Starting"},
                           Case{"stuck", stuck.dump(), "False NoPodReady", "False DeadlineExceeded"},
                           Case{"none wanted", Deployment(0, 0, 0, 0).dump(), "False ScaledToZero", "False Settled"}}) {
    const Json status = StatusOf({.deployment = test.deployment});
    EXPECT_EQ(Said(status, "Ready"), test.ready) << test.name;
    EXPECT_EQ(Said(status, "Progressing"), test.progressing) << test.name;
    EXPECT_EQ(Said(status, "Valid"), "True Accepted") << test.name;
  }
}

TEST(AppStatus, TellsEveryProblemAndThatWhatRunsStays) {
  const Json status =
      StatusOf({.problems = "App shop:7:5: a\nApp shop:9:5: b", .deployment = Deployment(2, 2, 2, 2).dump()});
  EXPECT_EQ(Said(status, "Valid"), "False Problems");
  EXPECT_EQ(status["conditions"][0]["message"], "App shop:7:5: a\nApp shop:9:5: b");
  EXPECT_EQ(Said(status, "Ready"), "True Serving");
  EXPECT_EQ(Said(status, "Progressing"), "False Invalid");
  EXPECT_EQ(Said(StatusOf({.problems = "x"}), "Ready"), "False Invalid");
}

TEST(AppStatus, TellsWhyNothingIsMade) {
  const Json status = StatusOf({.refused_reason = "NoImage", .refused = "no image"});
  EXPECT_EQ(Said(status, "Valid"), "True Accepted");
  EXPECT_EQ(Said(status, "Ready"), "False NoImage");
  EXPECT_EQ(Said(status, "Degraded"), "");
}

TEST(AppStatus, TellsWhatIsLessThanItCouldBe) {
  EXPECT_EQ(Said(StatusOf({.caveats = "The data is in the pod."}), "Degraded"), "True Trial");
  EXPECT_EQ(Said(StatusOf({}), "Degraded"), "False Complete");
}

TEST(AppStatus, NothingNewIsTheSameStatusWhateverTheTime) {
  Json app = App();
  const Findings findings{.deployment = Deployment(2, 2, 2, 2).dump()};
  app["status"] = StatusOf(findings, app);
  EXPECT_TRUE(HasStatus(app.dump(), StatusOf(findings, app, kNoon + minutes(7)).dump()));
  const Json changed = StatusOf({.deployment = Deployment(2, 2, 2, 0).dump()}, app, kNoon + minutes(7));
  EXPECT_FALSE(HasStatus(app.dump(), changed.dump()));
  EXPECT_EQ(changed["conditions"][0]["lastTransitionTime"], "2025-12-18T12:00:00Z");
  EXPECT_EQ(changed["conditions"][1]["lastTransitionTime"], "2025-12-18T12:07:00Z");
  EXPECT_FALSE(HasStatus(App().dump(), changed.dump()));
}

}  // namespace
}  // namespace flyball::service::app_operator
