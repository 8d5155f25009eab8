#include "pkg/service/autoscaler/governor_status.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "pkg/service/operator/app_status.h"

namespace flyball::service::autoscaler {
namespace {

using Json = nlohmann::json;
using std::chrono::minutes;

constexpr WallTime kNoon = WallTime{} + std::chrono::hours(24 * 365 * 56 + 12);

// A Governor's object, its loop's words, and what is written of them.
class Story {
 public:
  Story() {
    object_ = {{"apiVersion", "flyball.io/v1alpha1"},
               {"kind", "Governor"},
               {"metadata", {{"name", "load"}, {"namespace", "shop"}, {"uid", "u"}, {"generation", 3}}},
               {"spec", {{"targetRef", {{"kind", "App"}, {"name", "load"}}}, {"replicas", {{"min", 2}, {"max", 10}}}}}};
  }
  Json Says(const GovernorNews& news, WallTime at = kNoon) {
    const auto governor = app_operator::ReadResource(object_.dump());
    return Json::parse(GovernorStatus(*governor, object_.dump(), news, at));
  }
  // As Says, and it is written.
  Json Writes(const GovernorNews& news, WallTime at = kNoon) {
    object_["status"] = Says(news, at);
    return object_["status"];
  }
  std::string object() const { return object_.dump(); }

  static GovernorNews Loop(int desired, const Json& conditions = Json::array(), double demand = 1982.1234567) {
    const Json loop = {{"name", "load"},
                       {"mode", "Enforce"},
                       {"paused", false},
                       {"replicas", {{"min", 2}, {"max", 10}, {"ready", 2}, {"desired", desired}, {"raw", desired}}},
                       {"demandRps", demand},
                       {"capacityPerPodRps", 394.5},
                       {"conditions", conditions},
                       {"connections", {{"pod-1", 3}}},
                       {"scrapeErrors", Json::object()},
                       {"lastDecision",
                        {{"at", "2026-11-27T12:00:00.000Z"},
                         {"reason", "load needs " + std::to_string(desired)},
                         {"steps", Json::array({1, 2, 3})}}}};
    return {.loop = loop.dump()};
  }

 private:
  Json object_;
};

Json Find(const Json& status, const std::string& type) {
  for (const Json& condition : status["conditions"])
    if (condition["type"] == type) return condition;
  return {};
}

TEST(GovernorStatus, SaysWhatThereIsToSay) {
  Story story;
  const Json status = story.Says(Story::Loop(7));
  EXPECT_EQ(status["observedGeneration"], 3);
  EXPECT_EQ(status["replicas"]["desired"], 7);
  EXPECT_EQ(status["demandRps"], 1982.123);
  EXPECT_EQ(status["lastDecision"]["reason"], "load needs 7");
  EXPECT_FALSE(status["lastDecision"].contains("steps"));
  EXPECT_FALSE(status.contains("connections"));
  EXPECT_EQ(Find(status, "Valid")["status"], "True");
  EXPECT_EQ(Find(status, "Active")["reason"], "Governing");
  EXPECT_TRUE(Find(status, "Conflict").is_null());
}

TEST(GovernorStatus, AConditionKeepsItsTimeUntilItsStatusChanges) {
  Story story;
  const Json conflict = Json::array({{{"type", "Conflict"}, {"reason", "OtherAutoscaler"}, {"message", "HPA"}}});
  const Json first = story.Writes(Story::Loop(2, conflict));
  EXPECT_EQ(Find(first, "Conflict")["lastTransitionTime"], "2025-12-18T12:00:00Z");
  EXPECT_EQ(Find(first, "Active")["status"], "False");
  EXPECT_EQ(Find(first, "Active")["reason"], "OtherAutoscaler");
  const Json second = story.Writes(Story::Loop(2, conflict), kNoon + minutes(5));
  EXPECT_EQ(Find(second, "Conflict")["lastTransitionTime"], "2025-12-18T12:00:00Z");
  const Json third = story.Writes(Story::Loop(2), kNoon + minutes(9));
  EXPECT_EQ(Find(third, "Conflict")["status"], "False");
  EXPECT_EQ(Find(third, "Conflict")["reason"], "Resolved");
  EXPECT_EQ(Find(third, "Conflict")["lastTransitionTime"], "2025-12-18T12:09:00Z");
  EXPECT_EQ(Find(third, "Active")["status"], "True");
}

TEST(GovernorStatus, AWrongDocumentIsToldBesideWhatGoesOn) {
  Story story;
  GovernorNews news = Story::Loop(4);
  news.problems = "Governor load:9:11: spec.replicas.max must be ...";
  const Json status = story.Says(news);
  EXPECT_EQ(Find(status, "Valid")["status"], "False");
  EXPECT_EQ(Find(status, "Valid")["message"], news.problems);
  EXPECT_EQ(Find(status, "Active")["status"], "True");
  EXPECT_EQ(status["replicas"]["desired"], 4);
}

TEST(GovernorStatus, WaitingForItsTargetSaysSo) {
  Story story;
  const Json status = story.Says({.waiting_reason = "TargetNotFound", .waiting = "there is no Deployment load yet"});
  EXPECT_EQ(Find(status, "Active")["reason"], "TargetNotFound");
  EXPECT_EQ(Find(status, "Active")["message"], "there is no Deployment load yet");
}

TEST(GovernorStatus, ANewLeaderTakesOverTheCapacity) {
  Story story;
  EXPECT_EQ(RememberedFrom(story.object()).capacity_per_pod_rps, 0);
  story.Writes(Story::Loop(4));
  EXPECT_EQ(RememberedFrom(story.object()).capacity_per_pod_rps, 394.5);
  EXPECT_EQ(RememberedFrom(R"({"status":{"capacityPerPodRps":-1}})").capacity_per_pod_rps, 0);
  EXPECT_EQ(RememberedFrom(R"({"status":null})").capacity_per_pod_rps, 0);
  EXPECT_EQ(RememberedFrom("no").capacity_per_pod_rps, 0);
}

TEST(StatusPace, WhatMattersIsWrittenAtOnceAndNumbersOnceAMinute) {
  Story story;
  StatusPace pace;
  SteadyTime now{std::chrono::hours(1)};
  EXPECT_TRUE(pace.Due(story.object(), story.Says(Story::Loop(2)).dump(), now));
  story.Writes(Story::Loop(2));
  pace.Wrote(now);
  now += seconds(2);
  EXPECT_FALSE(pace.Due(story.object(), story.Says(Story::Loop(2)).dump(), now)) << "nothing changed";
  EXPECT_FALSE(pace.Due(story.object(), story.Says(Story::Loop(2, Json::array(), 5)).dump(), now)) << "only numbers";
  EXPECT_TRUE(pace.Due(story.object(), story.Says(Story::Loop(3)).dump(), now)) << "replicas";
  EXPECT_TRUE(pace.Due(story.object(), story.Says({.waiting_reason = "X", .loop = Story::Loop(2).loop}).dump(), now));
  now += seconds(58);
  EXPECT_TRUE(pace.Due(story.object(), story.Says(Story::Loop(2, Json::array(), 5)).dump(), now));
  EXPECT_FALSE(pace.Due(story.object(), story.Says(Story::Loop(2)).dump(), now)) << "nothing changed, for a minute";
}

}  // namespace
}  // namespace flyball::service::autoscaler
