#include "pkg/service/local/fleet.h"

#include <gtest/gtest.h>

#include <string>

namespace flyball::local {
namespace {

// Drives a fleet as its owner would: what Step asks for is done at once, in a world of made-up processes.
class World {
 public:
  explicit World(int min, int max) : fleet({min, max}, seconds(36), Fleet::SlotsFor(kMaxReplicas)) {}

  World& Step() {
    actions = fleet.Step(now);
    for (const int slot : actions.start) fleet.Started(slot, next_pid_++, now);
    return *this;
  }
  World& Pass(milliseconds time) {
    now += time;
    return Step();
  }
  World& Ready(int slot) {
    fleet.Ready(slot, 9000 + slot, now);
    return Step();
  }
  World& ReadyAll() {
    for (const Pod& pod : fleet.Pods()) {
      if (pod.state == PodState::kStarting) fleet.Ready(pod.slot, 9000 + pod.slot, now);
    }
    return Step();
  }
  World& Dies(int slot) {
    EXPECT_FALSE(fleet.Exited(slot, now));
    return Step();
  }
  World& Drained(int slot) {
    EXPECT_TRUE(fleet.Exited(slot, now));
    return Step();
  }
  World& Want(int replicas) {
    fleet.SetDesired(replicas);
    return Step();
  }

  // One letter a slot: s(tarting) r(eady) d(raining) w(aiting) .(free), generation after it unless it is 1.
  std::string Slots(int count) const {
    std::string text;
    for (int slot = 0; slot < count; ++slot) {
      const Pod* pod = fleet.Find(slot);
      if (pod == nullptr) {
        text += '.';
        continue;
      }
      text += "wsrd"[static_cast<int>(pod->state)];
      if (pod->generation != 1) text += std::to_string(pod->generation);
    }
    return text;
  }

  SteadyTime now{std::chrono::hours(1)};
  Fleet fleet;
  Fleet::Actions actions;

 private:
  int next_pid_ = 100;
};

TEST(FleetTest, StartsTheMinimum) {
  World world(2, 5);
  EXPECT_EQ(world.Step().Slots(3), "ss.");
  EXPECT_EQ(world.ReadyAll().Slots(3), "rr.");
  EXPECT_TRUE(world.fleet.settled());
}

TEST(FleetTest, GrowsAndShrinksToWhatIsDesired) {
  World world(1, 5);
  world.Step().ReadyAll().Want(4);
  EXPECT_EQ(world.Slots(5), "rsss.");
  world.ReadyAll().Want(2);
  EXPECT_EQ(world.Slots(5), "rrdd.");
}

TEST(FleetTest, RevokesTheNewestThatIsNotReadyFirst) {
  World world(1, 5);
  world.Step().ReadyAll();
  world.now += seconds(1);
  world.Want(2).now += seconds(1);
  world.Want(3).Ready(2);
  EXPECT_EQ(world.Slots(3), "rsr");
  EXPECT_EQ(world.Want(2).Slots(3), "rdr");
}

TEST(FleetTest, AmongReadyOnesTheYoungestGoes) {
  World world(1, 5);
  world.Step().Want(3).Ready(1).now += seconds(1);
  world.Ready(2).now += seconds(1);
  world.Ready(0);
  EXPECT_EQ(world.Want(2).Slots(3), "drr");
  EXPECT_EQ(world.Want(1).Slots(3), "drd");
}

TEST(FleetTest, APodThatDiesIsReplacedAtOnceUnderItsName) {
  World world(2, 2);
  world.Step().ReadyAll().Pass(seconds(10));
  const int before = world.fleet.Find(1)->pid;
  EXPECT_EQ(world.Dies(1).Slots(2), "rs");
  EXPECT_NE(world.fleet.Find(1)->pid, before);
  EXPECT_EQ(world.fleet.Find(1)->name, "pod-2");
  EXPECT_EQ(world.fleet.Find(1)->restarts, 1);
}

TEST(FleetTest, ACrashLoopWaitsLongerAndLonger) {
  World world(1, 1);
  world.Step();
  world.Dies(0);  // at once
  for (const int wait : {1, 2, 4, 8, 16, 30, 30}) {
    EXPECT_EQ(world.Dies(0).Slots(1), "w") << wait;
    EXPECT_EQ(world.fleet.NextDeadline(), world.now + seconds(wait));
    EXPECT_EQ(world.Pass(seconds(wait) - milliseconds(1)).Slots(1), "w") << wait;
    EXPECT_EQ(world.Pass(milliseconds(1)).Slots(1), "s") << wait;
  }
}

TEST(FleetTest, AMinuteOfLifeForgetsTheBackoff) {
  World world(1, 1);
  world.Step().Dies(0).Dies(0).Pass(seconds(1)).ReadyAll();
  EXPECT_EQ(world.Pass(seconds(60)).Dies(0).Slots(1), "s");
}

TEST(FleetTest, AWaitingPodThatIsNotWantedAnyMoreJustGoes) {
  World world(1, 3);
  world.Step().Want(2).Ready(0).Dies(1).Dies(1);
  EXPECT_EQ(world.Slots(2), "rw");
  EXPECT_EQ(world.Want(1).Slots(2), "r.");
  EXPECT_TRUE(world.actions.terminate.empty());
}

TEST(FleetTest, APodThatDoesNotDrainIsKilledOnce) {
  World world(1, 2);
  world.Step().Want(2).ReadyAll().Want(1);
  EXPECT_EQ(world.actions.terminate, std::vector<int>{1});
  EXPECT_TRUE(world.Pass(seconds(35)).actions.kill.empty());
  EXPECT_EQ(world.Pass(seconds(1)).actions.kill, std::vector<int>{1});
  EXPECT_TRUE(world.Pass(seconds(9)).actions.kill.empty());
  EXPECT_EQ(world.Drained(1).Slots(2), "r.");
}

TEST(FleetTest, RenewReplacesOneByOneAndNeverHasFewerReadyThanDesired) {
  World world(3, 3);
  world.Step().ReadyAll();
  world.fleet.Renew(world.fleet.generation() + 1, world.now);
  EXPECT_EQ(world.Step().Slots(6), "rrrs2..");
  EXPECT_EQ(world.Ready(3).Slots(6), "drrr2s2.");
  EXPECT_EQ(world.Drained(0).Slots(6), ".rrr2s2.");
  EXPECT_EQ(world.Ready(4).Slots(6), "s2drr2r2.");
  EXPECT_EQ(world.Ready(0).Slots(6), "r2ddr2r2.");
  world.Drained(1).Drained(2);
  EXPECT_EQ(world.Slots(6), "r2..r2r2.");
  EXPECT_TRUE(world.fleet.settled());
}

TEST(FleetTest, ARenewalWhoseNewPodsCrashKeepsTheOldOnes) {
  World world(2, 2);
  world.Step().ReadyAll();
  world.fleet.Renew(world.fleet.generation() + 1, world.now);
  world.Step().Dies(2).Dies(2);
  EXPECT_EQ(world.Slots(4), "rrw2.");
  world.Pass(seconds(1));
  EXPECT_EQ(world.Slots(4), "rrs2.");
  world.fleet.Renew(world.fleet.generation() + 1, world.now);  // the document was mended
  EXPECT_EQ(world.Step().Slots(4), "rrd2s3");
}

TEST(FleetTest, ARenewalIsTakenBackWithoutAnOldPodTouched) {
  World world(2, 2);
  world.Step().ReadyAll();
  world.fleet.Renew(2, world.now);
  world.Step();
  world.fleet.Exited(2, world.now);
  world.fleet.Renew(1, world.now);
  EXPECT_EQ(world.Step().Slots(4), "rr..");
  EXPECT_TRUE(world.fleet.settled());
}

TEST(FleetTest, ARenewalTakenBackHalfWayReplacesTheNewOnesOneByOne) {
  World world(2, 2);
  world.Step().ReadyAll();
  world.fleet.Renew(2, world.now);
  world.Step().Ready(2).Drained(0);
  EXPECT_EQ(world.Slots(4), ".rr2s2");
  world.fleet.Exited(3, world.now);
  world.fleet.Renew(1, world.now);
  EXPECT_EQ(world.Step().Slots(4), ".rr2s");
  EXPECT_EQ(world.Ready(3).Slots(4), ".rd2r");
  EXPECT_EQ(world.Drained(2).Slots(4), ".r.r");
  EXPECT_TRUE(world.fleet.settled());
}

TEST(FleetTest, ScalingGoesOnWhilePodsAreRenewed) {
  World world(1, 6);
  world.Step().Want(2).ReadyAll();
  world.fleet.Renew(world.fleet.generation() + 1, world.now);
  world.Step().Want(5);
  EXPECT_EQ(world.Slots(6), "rrs2s2s2.");
  world.ReadyAll();
  EXPECT_EQ(world.Slots(6), "rrr2r2r2s2");
  world.Want(2);
  EXPECT_EQ(world.Slots(6), "ddr2r2d2d2") << "out of date and surplus go, the youngest of the new ones first";
}

TEST(FleetTest, StopDrainsEverythingAndStartsNothing) {
  World world(3, 3);
  world.Step().Ready(0).Ready(1).Dies(2).Dies(2);
  EXPECT_EQ(world.Slots(3), "rrw");
  world.fleet.Stop();
  EXPECT_EQ(world.Step().Slots(3), "dd.");
  world.Drained(0).Drained(1);
  EXPECT_TRUE(world.fleet.empty());
  EXPECT_EQ(world.fleet.NextDeadline(), std::nullopt);
}

TEST(FleetTest, NewBoundsMoveWhatIsDesired) {
  World world(1, 6);
  world.Step().Want(5);
  world.fleet.SetBounds({1, 3});
  EXPECT_EQ(world.fleet.desired(), 3);
  world.fleet.SetBounds({4, 8});
  EXPECT_EQ(world.fleet.desired(), 4);
}

TEST(OptionsTest, ReplicaBounds) {
  EXPECT_EQ(ParseReplicaBounds("2:10"), (ReplicaBounds{2, 10}));
  EXPECT_EQ(ParseReplicaBounds("4"), (ReplicaBounds{4, 4}));
  for (const char* wrong : {"", ":", "2:", ":2", "0:2", "3:2", "1:33", "-1:2", "1:2:3", "1 :2", "x"}) {
    EXPECT_EQ(ParseReplicaBounds(wrong), std::nullopt) << wrong;
  }
}

}  // namespace
}  // namespace flyball::local
