// Redis slow, down, or lying: real servers that are killed, stopped, emptied and made to answer nonsense.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>

#include "pkg/base/ids.h"
#include "pkg/base/random.h"
#include "pkg/state/redis/redis_state.h"
#include "pkg/state/testing/ask.h"
#include "pkg/state/testing/redis_server.h"

namespace flyball::state::testing {
namespace {

struct Faults : ::testing::Test {
  std::unique_ptr<SharedState> Connect(milliseconds timeout = milliseconds(50)) {
    return MakeRedisState(server.Options("tasks", timeout), RealClock());
  }
  bool Up(SharedState& state) {
    return Eventually([&] { return state.health().up; });
  }
  // Whether asking works again.
  bool Recovers(SharedState& state) {
    return Eventually([&] { return Lease(state, Tokens("ann", 0, 1e6, 1, 1)).has_value(); });
  }
  RedisServer server;
};

TEST_F(Faults, NotThereAtStartAnswersAtOnceAndIsUsedWhenItComes) {
  auto state = Connect(seconds(10));
  const auto start = RealClock().Now();
  const auto lease = Lease(*state, Tokens("ann", 0, 10, 1, 1));
  ASSERT_FALSE(lease);
  EXPECT_EQ(lease.error().code, ErrorCode::kUnavailable);
  EXPECT_LT(RealClock().Now() - start, seconds(8)) << "not a timeout";
  EXPECT_FALSE(state->health().up);
  EXPECT_NE(state->health().last_error.find("No such file"), std::string::npos) << state->health().last_error;
  server.Start();
  EXPECT_TRUE(Recovers(*state));
  EXPECT_EQ(state->counters().connections, 1u);
}

TEST_F(Faults, KilledWhileUsedEndsEveryOperationAndRecovers) {
  server.Start();
  auto state = Connect();
  ASSERT_TRUE(Up(*state));
  std::atomic<int> ended{0};
  int accepted = 0;
  for (int i = 0; i < 2000; ++i) {
    if (i == 1000) server.Kill();
    accepted += state->LeaseQuota({Tokens("ann", 0, 1e6, 1, 1)}, [&](auto) { ++ended; });
  }
  EXPECT_TRUE(Eventually([&] { return ended == accepted; }));
  EXPECT_EQ(accepted, 2000);
  EXPECT_TRUE(Eventually([&] { return !state->health().up; }));
  server.Start();
  EXPECT_TRUE(Recovers(*state));
}

TEST_F(Faults, StoppedCostsOneTimeoutThenNothingUntilItIsBack) {
  server.Start();
  auto state = Connect(milliseconds(100));
  ASSERT_TRUE(Up(*state));
  server.Stop();
  auto start = RealClock().Now();
  const auto slow = Lease(*state, Tokens("ann", 0, 10, 1, 1));
  ASSERT_FALSE(slow);
  EXPECT_EQ(slow.error().code, ErrorCode::kTimeout);
  EXPECT_GE(RealClock().Now() - start, milliseconds(99));
  // The breaker is open now: a thousand questions cost no waiting.
  start = RealClock().Now();
  int at_once = 0;
  for (int i = 0; i < 1000; ++i) {
    at_once += Lease(*state, Tokens("ann", 0, 10, 1, 1)).error().code == ErrorCode::kUnavailable ? 1 : 0;
  }
  EXPECT_LT(RealClock().Now() - start, seconds(30));
  EXPECT_GE(at_once, 950) << "but for a trial now and then";
  server.Continue();
  EXPECT_TRUE(Recovers(*state));
}

TEST_F(Faults, AnEmptyRestartStartsWithFullBucketsAndKnowsItsScripts) {
  server.Start();
  auto state = Connect(seconds(10));
  ASSERT_TRUE(Up(*state));
  EXPECT_EQ(Lease(*state, Tokens("ann", 0, 10, 10, 10))->granted, 10);
  ASSERT_TRUE(Publish(*state, Record(9, 9)));
  server.Kill();
  server.Start();
  ASSERT_TRUE(Recovers(*state));
  EXPECT_EQ(Lease(*state, Tokens("bob", 0, 10, 10, 10))->granted, 10);
  EXPECT_FALSE(Read(*state)->record);
  EXPECT_TRUE(Publish(*state, Record(1, 1)));
}

TEST_F(Faults, ForgottenScriptsAreSentAgain) {
  server.Start();
  auto state = Connect(seconds(10));
  ASSERT_TRUE(Up(*state));
  EXPECT_EQ(Lease(*state, Tokens("ann", 0, 10, 1, 1))->remaining, 9);
  server.Command("SCRIPT FLUSH SYNC");
  std::vector<QuotaLeaseRequest> requests(20, Tokens("ann", 0, 100, 1, 1));
  for (const auto& lease : LeaseAll(*state, requests)) ASSERT_TRUE(lease) << lease.error().message;
  ASSERT_TRUE(Publish(*state, Record(1, 1)));
  EXPECT_TRUE(Read(*state)->record);
  EXPECT_TRUE(Rate(*state, "p", {1, 1, 1})->published);
  EXPECT_EQ(state->counters().errors, 0u);
  EXPECT_EQ(state->counters().connections, 1u);
}

TEST_F(Faults, AKeyOfTheWrongKindIsAnErrorNotADecision) {
  server.Start();
  auto state = Connect(seconds(10));
  ASSERT_TRUE(Up(*state));
  server.Command("SET fb:{tasks}:gov nonsense PX 10000");
  EXPECT_EQ(Read(*state).error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(Rate(*state, "p", {1, 1, 1}).error().code, ErrorCode::kCorrupt);
  server.Command("DEL fb:{tasks}:gov");
  server.Command("HSET fb:{tasks}:gov epoch x seq y");
  server.Command("PEXPIRE fb:{tasks}:gov 10000");
  EXPECT_EQ(Read(*state).error().code, ErrorCode::kCorrupt);
  EXPECT_TRUE(state->health().up);
}

TEST_F(Faults, AWrongPasswordIsSaid) {
  server.Start();
  server.Command("CONFIG SET requirepass right");
  auto options = server.Options("tasks", seconds(10));
  options.address.password = "wrong";
  auto refused = MakeRedisState(options, RealClock());
  EXPECT_TRUE(Eventually([&] { return refused->health().last_error.find("AUTH: WRONGPASS") != std::string::npos; }));
  EXPECT_FALSE(refused->health().up);
  options.address.password = "right";
  options.address.database = 2;
  auto state = MakeRedisState(options, RealClock());
  ASSERT_TRUE(Up(*state));
  EXPECT_TRUE(Lease(*state, Tokens("ann", 0, 10, 1, 1)));
}

TEST_F(Faults, NoAnswerIsGivenToTheWrongOperation) {
  const uint64_t seed = RandomUint64();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  server.Start();
  auto state = Connect(milliseconds(30));
  ASSERT_TRUE(Up(*state));
  // Every principal's burst is its own number, so that an answer tells whose it is.
  std::atomic<int> ended{0}, wrong{0}, right{0};
  int accepted = 0;
  const auto until = RealClock().Now() + milliseconds(2500);
  auto next_fault = RealClock().Now() + milliseconds(300);
  bool stopped = false;
  for (int i = 0; RealClock().Now() < until; ++i) {
    std::vector<QuotaLeaseRequest> batch;
    const int first = i * 8;
    for (int k = 0; k < 8; ++k) batch.push_back(Tokens("p" + std::to_string(first + k), 0, first + k + 10, 1, 1));
    accepted += state->LeaseQuota(std::move(batch), [&, first](std::vector<Result<QuotaLease>> leases) {
      for (int k = 0; k < 8; ++k) {
        const auto& lease = leases[static_cast<size_t>(k)];
        if (lease) (lease->granted == 1 && lease->remaining == first + k + 9 ? right : wrong) += 1;
      }
      ++ended;
    });
    if (RealClock().Now() >= next_fault) {
      stopped ? server.Continue() : server.Stop();
      stopped = !stopped;
      next_fault = RealClock().Now() + milliseconds(stopped ? 20 + random.Below(80) : 200 + random.Below(200));
    }
    Eventually([&] { return ended + 50 > accepted; }, seconds(2));
  }
  if (stopped) server.Continue();
  EXPECT_TRUE(Eventually([&] { return ended == accepted; }));
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(right, 100);
  EXPECT_GT(state->counters().timeouts, 0u);
  EXPECT_GT(state->counters().connections, 1u);
}

TEST_F(Faults, TooManyWaitingAreRefusedNotQueued) {
  server.Start();
  auto options = server.Options("tasks", seconds(10));
  options.max_waiting = 100;
  auto state = MakeRedisState(options, RealClock());
  ASSERT_TRUE(Up(*state));
  server.Stop();
  std::atomic<int> ended{0};
  int accepted = 0;
  for (int i = 0; i < 500; ++i) accepted += state->ReadRecord([&](auto) { ++ended; });
  EXPECT_EQ(accepted, 100);
  server.Continue();
  EXPECT_TRUE(Eventually([&] { return ended == accepted; }));
  EXPECT_TRUE(state->ReadRecord([](auto) {}));
}

TEST_F(Faults, OperationsOfOneTickLeaveInFewWrites) {
  server.Start();
  auto state = Connect(seconds(20));
  ASSERT_TRUE(Up(*state));
  const Counters before = state->counters();
  std::vector<QuotaLeaseRequest> requests;
  for (int i = 0; i < 500; ++i) requests.push_back(Tokens(std::to_string(i), 0, 10, 1, 1));
  LeaseAll(*state, requests);
  const Counters after = state->counters();
  EXPECT_EQ(after.operations - before.operations, 500u);
  EXPECT_LE(after.writes - before.writes, 10u);
}

}  // namespace
}  // namespace flyball::state::testing
