#include "pkg/service/local/rollout.h"

#include <gtest/gtest.h>

namespace flyball::local {
namespace {

constexpr SteadyTime kStart{std::chrono::hours(1)};

Revision Numbered(uint64_t number) { return {number, {}, {}}; }

TEST(RolloutTest, AChangeHoldsOnceAPodOfItIsReadyAndStaysOnceAllAre) {
  Rollout rollout(Numbered(1));
  EXPECT_FALSE(rollout.under_way());
  EXPECT_FALSE(rollout.Settled()) << "there is nothing to complete";
  rollout.Begin(Numbered(2), kStart);
  EXPECT_EQ(rollout.target().number, 2U);
  EXPECT_EQ(rollout.effective().number, 1U) << "nobody has shown yet that it runs";
  EXPECT_FALSE(rollout.PodReady(1, kStart)) << "an old one";
  EXPECT_FALSE(rollout.Settled()) << "not before a pod of it was Ready";
  EXPECT_TRUE(rollout.PodReady(2, kStart));
  EXPECT_FALSE(rollout.PodReady(2, kStart)) << "the first one only";
  EXPECT_EQ(rollout.effective().number, 2U);
  EXPECT_EQ(rollout.stable().number, 1U);
  EXPECT_TRUE(rollout.Settled());
  EXPECT_EQ(rollout.stable().number, 2U);
  EXPECT_EQ(rollout.Find(1), nullptr);
}

TEST(RolloutTest, AnAbandonedChangeLeavesWhatRanAndSaysWhy) {
  Rollout rollout(Numbered(1));
  rollout.Begin(Numbered(2), kStart);
  rollout.PodReady(2, kStart);
  rollout.Abandon("it broke");
  EXPECT_EQ(rollout.target().number, 1U);
  EXPECT_EQ(rollout.effective().number, 1U);
  EXPECT_EQ(rollout.Find(2), nullptr);
  EXPECT_EQ(rollout.rejected(), "it broke");
  rollout.Begin(Numbered(3), kStart);
  EXPECT_EQ(rollout.rejected(), "") << "something else was saved";
  EXPECT_EQ(rollout.effective().number, 1U) << "the new change has to show it again";
}

TEST(RolloutTest, AChangeDuringAChangeGoesBackToWhatRanBeforeBoth) {
  Rollout rollout(Numbered(1));
  rollout.Begin(Numbered(2), kStart);
  rollout.PodReady(2, kStart);
  rollout.Begin(Numbered(3), kStart);
  EXPECT_EQ(rollout.effective().number, 1U);
  rollout.Abandon("");
  EXPECT_EQ(rollout.target().number, 1U);
}

TEST(RolloutTest, NoProgressForTenMinutesIsTooLong) {
  Rollout rollout(Numbered(1));
  EXPECT_EQ(rollout.Deadline(), std::nullopt);
  rollout.Begin(Numbered(2), kStart);
  EXPECT_FALSE(rollout.Overdue(kStart + std::chrono::minutes(10) - seconds(1)));
  EXPECT_TRUE(rollout.Overdue(kStart + std::chrono::minutes(10)));
  rollout.PodReady(2, kStart + std::chrono::minutes(9));
  EXPECT_FALSE(rollout.Overdue(kStart + std::chrono::minutes(18)));
  EXPECT_EQ(rollout.Deadline(), kStart + std::chrono::minutes(19));
}

}  // namespace
}  // namespace flyball::local
