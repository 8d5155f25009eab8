// What every adapter of the shared state must do. A new adapter adds itself to INSTANTIATE at the end.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>

#include "pkg/admission/quota_table.h"
#include "pkg/state/memory/memory_state.h"
#include "pkg/state/redis/redis_state.h"
#include "pkg/state/testing/ask.h"
#include "pkg/state/testing/redis_server.h"

namespace flyball::state::testing {
namespace {

// A fleet that shares one state; Join() is what one more pod holds.
class Fleet {
 public:
  virtual ~Fleet() = default;
  virtual std::shared_ptr<SharedState> Join() = 0;
};

class MemoryFleet final : public Fleet {
 public:
  std::shared_ptr<SharedState> Join() override { return state_; }

 private:
  std::shared_ptr<SharedState> state_ = MakeMemoryState(RealClock());
};

class RedisFleet final : public Fleet {
 public:
  RedisFleet() { server_.Start(); }
  std::shared_ptr<SharedState> Join() override {
    std::shared_ptr<SharedState> state = MakeRedisState(server_.Options("tasks"), RealClock());
    EXPECT_TRUE(Eventually([&] { return state->health().up; }));
    return state;
  }

 private:
  RedisServer server_;
};

struct Adapter {
  const char* name;
  std::unique_ptr<Fleet> (*make)();
};

class SharedStateContract : public ::testing::TestWithParam<Adapter> {
 protected:
  std::unique_ptr<Fleet> fleet = GetParam().make();
  std::shared_ptr<SharedState> state = fleet->Join();
};

TEST_P(SharedStateContract, ABucketStartsFullAndGivesWhatIsNeeded) {
  const auto lease = Lease(*state, Tokens("ann", 0, 10, 3, 3));
  ASSERT_TRUE(lease) << lease.error().message;
  EXPECT_EQ(lease->granted, 3);
  EXPECT_DOUBLE_EQ(lease->remaining, 7);
  EXPECT_EQ(lease->retry_after, nanoseconds(0));
}

TEST_P(SharedStateContract, ABlockIsAtMostHalfOfWhatIsLeftButNeedsAreServed) {
  EXPECT_EQ(Lease(*state, Tokens("ann", 0, 100, 1, 20))->granted, 20);
  EXPECT_EQ(Lease(*state, Tokens("ann", 0, 100, 1, 70))->granted, 40);
  EXPECT_EQ(Lease(*state, Tokens("ann", 0, 100, 30, 30))->granted, 30);
  EXPECT_EQ(Lease(*state, Tokens("ann", 0, 100, 30, 30))->granted, 10);
  EXPECT_EQ(Lease(*state, Tokens("ann", 0, 100, 1, 20))->granted, 0);
}

TEST_P(SharedStateContract, AnEmptyBucketSaysWhenAndRefills) {
  EXPECT_EQ(Lease(*state, Tokens("ann", 4, 10, 10, 10))->granted, 10);
  const auto empty = Lease(*state, Tokens("ann", 4, 10, 1, 1));
  EXPECT_EQ(empty->granted, 0);
  EXPECT_GT(empty->retry_after, nanoseconds(0));
  EXPECT_LE(empty->retry_after, milliseconds(250));
  EXPECT_TRUE(Eventually([&] { return Lease(*state, Tokens("ann", 4, 10, 1, 1))->granted == 1; }));
}

TEST_P(SharedStateContract, PrincipalsAndLimitsHaveTheirOwnBuckets) {
  EXPECT_EQ(Lease(*state, Tokens("ann", 0, 2, 2, 2))->granted, 2);
  EXPECT_EQ(Lease(*state, Tokens("bob", 0, 2, 2, 2))->granted, 2);
  auto login = Tokens("ann", 0, 2, 2, 2);
  login.limit = "login";
  EXPECT_EQ(Lease(*state, login)->granted, 2);
  EXPECT_EQ(Lease(*state, Tokens("ann", 0, 2, 1, 1))->granted, 0);
}

TEST_P(SharedStateContract, AnyPrincipalIsAKey) {
  for (const std::string& who : {std::string("a}{b"), std::string("\0\r\n*3", 5), std::string(), std::string("\xff é")})
    EXPECT_EQ(Lease(*state, Tokens(who, 0, 5, 1, 1))->remaining, 4) << who;
}

TEST_P(SharedStateContract, WhatComesBackIsThereAgainButNoMoreThanTheBurst) {
  EXPECT_EQ(Lease(*state, Tokens("ann", 0, 10, 8, 8))->granted, 8);
  auto back = Tokens("ann", 0, 10, 0, 0);
  back.back = 5;
  EXPECT_DOUBLE_EQ(Lease(*state, back)->remaining, 7);
  back.back = 50;
  EXPECT_DOUBLE_EQ(Lease(*state, back)->remaining, 10);
}

TEST_P(SharedStateContract, DebtIsCharged) {
  auto debt = Tokens("ann", 0, 10, 0, 0);
  debt.debt = 4;
  EXPECT_DOUBLE_EQ(Lease(*state, debt)->remaining, 6);
  debt.debt = 100;
  EXPECT_DOUBLE_EQ(Lease(*state, debt)->remaining, 0);
}

TEST_P(SharedStateContract, TheNominalBucketCountsWhatTheFactorRefused) {
  auto q = Tokens("ann", 0, 100, 1, 1);
  q.burst = 25;
  auto lease = Lease(*state, q);
  EXPECT_DOUBLE_EQ(lease->remaining, 24);
  EXPECT_DOUBLE_EQ(lease->nominal_remaining, 99);
  q.spent = 30;
  lease = Lease(*state, q);
  EXPECT_DOUBLE_EQ(lease->remaining, 23);
  EXPECT_DOUBLE_EQ(lease->nominal_remaining, 68);
}

TEST_P(SharedStateContract, ABatchIsAnsweredInItsOrder) {
  std::vector<QuotaLeaseRequest> requests;
  for (int i = 0; i < 200; ++i) requests.push_back(Tokens(std::to_string(i), 0, 1000 + i, 1, 1));
  requests[7].burst = -1;
  requests[8].want = 0;
  requests[9].rate = std::numeric_limits<double>::quiet_NaN();
  const auto leases = LeaseAll(*state, requests);
  ASSERT_EQ(leases.size(), 200u);
  for (int i = 0; i < 200; ++i) {
    const auto& lease = leases[static_cast<size_t>(i)];
    if (i >= 7 && i <= 9) {
      ASSERT_FALSE(lease);
      EXPECT_EQ(lease.error().code, ErrorCode::kInvalid);
    } else {
      ASSERT_TRUE(lease) << lease.error().message;
      EXPECT_DOUBLE_EQ(lease->remaining, 999 + i);
    }
  }
  EXPECT_TRUE(LeaseAll(*state, {}).empty());
}

// Four pods and four threads each; returns how many tokens were given of one bucket that does not refill.
int TakeFromEverywhere(Fleet& fleet, int burst, int want) {
  std::atomic<int> granted{0};
  std::vector<std::thread> threads;
  for (int pod = 0; pod < 4; ++pod) {
    auto joined = fleet.Join();
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([joined, burst, want, &granted] {
        for (int dry = 0; dry < 3;) {
          const auto lease = Lease(*joined, Tokens("ann", 0, burst, 1, want));
          if (!lease) continue;
          granted += lease->granted;
          dry = lease->granted == 0 ? dry + 1 : 0;
        }
      });
  }
  for (std::thread& thread : threads) thread.join();
  return granted;
}

TEST_P(SharedStateContract, SixteenThreadsOfFourPodsGetExactlyTheLimit) {
  EXPECT_EQ(TakeFromEverywhere(*fleet, 500, 1), 500);
}

TEST_P(SharedStateContract, BlocksOfFourPodsAddUpToTheLimitToo) {
  EXPECT_EQ(TakeFromEverywhere(*fleet, 5000, 50), 5000);
}

// Pods that decide with quota tables, one thread each, while the bucket does not refill: what they admit.
int AdmitEverywhere(Fleet& fleet, const admission::QuotaRule& rule, int requests) {
  std::atomic<int> admitted{0};
  std::vector<std::thread> threads;
  for (int pod = 0; pod < 4; ++pod)
    threads.emplace_back([&rule, requests, &admitted, state = fleet.Join()] {
      admission::QuotaTable table({});
      std::vector<admission::Settled> settled;
      const auto count = [&](const admission::QuotaDecision& d) {
        EXPECT_FALSE(d.local);
        admitted += d.verdict == admission::Verdict::kAllowed;
      };
      for (int i = 0; i < requests; ++i) {
        const auto d = table.Decide(rule, "ann", 1, 1, static_cast<uint64_t>(i), RealClock().Now());
        if (d.verdict != admission::Verdict::kWait) count(d);
        std::vector<QuotaLeaseRequest> asked;
        table.TakeRequests(asked);
        if (asked.empty()) continue;
        const auto leases = LeaseAll(*state, asked);
        for (size_t k = 0; k < asked.size(); ++k) {
          ASSERT_TRUE(leases[k]);
          table.OnLease(asked[k].handle, *leases[k], RealClock().Now(), settled);
        }
      }
      for (const auto& s : settled) count(s.decision);
    });
  for (std::thread& thread : threads) thread.join();
  return admitted;
}

admission::QuotaRule Quota(double quota, int max_block) {
  admission::QuotaRule rule;
  rule.limit = "api";
  rule.quota = quota;
  rule.window = std::chrono::hours(1000);
  rule.max_block = max_block;
  return rule;
}

TEST_P(SharedStateContract, TablesWithBlockOneAdmitExactlyTheQuota) {
  EXPECT_EQ(AdmitEverywhere(*fleet, Quota(400, 1), 1000), 400);
}

TEST_P(SharedStateContract, TablesWithBlocksAdmitNoMoreThanTheQuotaAndHoldBackLessThanTheirBlocks) {
  const int admitted = AdmitEverywhere(*fleet, Quota(2000, 25), 3000);
  EXPECT_LE(admitted, 2000);
  EXPECT_GE(admitted, 2000 - 4 * 25);
}

TEST_P(SharedStateContract, NoRecordNoRate) {
  const auto lease = Rate(*state, "p1", {0, 10, 0});
  ASSERT_TRUE(lease) << lease.error().message;
  EXPECT_FALSE(lease->published);
  const auto reading = Read(*state);
  ASSERT_TRUE(reading) << reading.error().message;
  EXPECT_FALSE(reading->record);
}

TEST_P(SharedStateContract, ARecordIsReadAsItWasPublished) {
  const GovernorRecord record = Record(1'700'000'000'123, 7);
  ASSERT_TRUE(Publish(*state, record));
  const auto reading = Read(*fleet->Join());
  ASSERT_TRUE(reading && reading->record);
  EXPECT_EQ(*reading->record, record);
  EXPECT_LE(reading->ttl, admission::kRecordTtl);
  EXPECT_GT(reading->ttl, admission::kRecordTtl - seconds(5));
}

TEST_P(SharedStateContract, AnOlderEpochIsRefused) {
  auto other = fleet->Join();
  ASSERT_TRUE(Publish(*state, Record(5, 10)));
  for (const auto& [epoch, seq] : {std::pair{4u, 99u}, {5u, 9u}, {5u, 10u}}) {
    const auto refused = Publish(*other, Record(epoch, seq));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
  }
  EXPECT_EQ(Read(*state)->record->seq, 10u);
  EXPECT_TRUE(Publish(*other, Record(5, 11)));
  EXPECT_TRUE(Publish(*other, Record(6, 1)));
  EXPECT_EQ(Read(*state)->record->epoch, 6u);
}

TEST_P(SharedStateContract, TheRateIsSharedByDemandAndAddsUp) {
  ASSERT_TRUE(Publish(*state, Record(1, 1, {10, 100, 20})));
  const admission::PerCriticality demands[] = {{5, 300, 10}, {25, 100, 0}, {0, 0, 30}};
  double sum = 0;
  for (int round = 0; round < 2; ++round) {
    sum = 0;
    for (int pod = 0; pod < 3; ++pod) {
      const auto lease = Rate(*state, "p" + std::to_string(pod), demands[pod]);
      ASSERT_TRUE(lease && lease->published);
      sum += lease->rates[0] + lease->rates[1] + lease->rates[2] + lease->spare;
    }
  }
  EXPECT_NEAR(sum, 130, 1e-4);
  const auto lease = Rate(*state, "p0", demands[0]);
  // Critical asks for 30 and borrows 20; normal keeps its 100: nothing is left for sheddable.
  EXPECT_NEAR(lease->rates[1], 100 * 300.0 / (400 + 0.05 * 400 / 3), 1e-4);
  EXPECT_NEAR(lease->rates[0], 30 * 5.0 / 30.5, 1e-4);
  EXPECT_NEAR(lease->rates[2], 0, 1e-4);
}

TEST_P(SharedStateContract, UnusedRateIsSpareForAll) {
  ASSERT_TRUE(Publish(*state, Record(1, 1, {10, 100, 20})));
  ASSERT_TRUE(Rate(*state, "p1", {0, 20, 0}));
  const auto lease = Rate(*state, "p2", {0, 10, 0});
  EXPECT_NEAR(lease->rates[1], 10, 1e-4);
  EXPECT_NEAR(lease->spare, 50, 1e-4);
}

TEST_P(SharedStateContract, WithoutACeilingThereIsNothingToLease) {
  GovernorRecord record = Record(1, 1);
  record.ceiling = false;
  ASSERT_TRUE(Publish(*state, record));
  EXPECT_FALSE(Rate(*state, "p1", {0, 10, 0})->published);
  EXPECT_FALSE(Read(*state)->record->ceiling);
}

TEST_P(SharedStateContract, AHolderThatWentIsForgottenAfterTwoSeconds) {
  ASSERT_TRUE(Publish(*state, Record(1, 1, {0, 100, 0})));
  ASSERT_TRUE(Rate(*state, "gone", {0, 300, 0}));
  EXPECT_NEAR(Rate(*state, "here", {0, 100, 0})->rates[1], 25, 1e-3);
  const auto start = RealClock().Now();
  EXPECT_TRUE(Eventually([&] { return Rate(*state, "here", {0, 100, 0})->rates[1] > 99; }));
  EXPECT_GE(RealClock().Now() - start, milliseconds(1900));
}

TEST_P(SharedStateContract, CallbacksRunOnOneThreadAndMayCallAgain) {
  std::atomic<int> left{100};
  std::thread::id first{}, other{};
  std::function<void()> again = [&] {
    const bool accepted = state->ReadRecord([&](Result<GovernorReading>) {
      if (first == std::thread::id{}) first = std::this_thread::get_id();
      if (std::this_thread::get_id() != first) other = std::this_thread::get_id();
      if (--left > 0) again();
    });
    EXPECT_TRUE(accepted);
  };
  again();
  ASSERT_TRUE(Eventually([&] { return left == 0; }));
  EXPECT_NE(first, std::this_thread::get_id());
  EXPECT_EQ(other, std::thread::id{});
}

TEST_P(SharedStateContract, EveryCallbackRunsThoughItGoes) {
  std::atomic<int> done{0};
  int accepted = 0;
  for (int i = 0; i < 1000; ++i) accepted += state->ReadRecord([&](Result<GovernorReading>) { ++done; });
  state.reset();
  fleet.reset();
  EXPECT_EQ(done, accepted);
  EXPECT_EQ(accepted, 1000);
}

TEST_P(SharedStateContract, CountsWhatItDoes) {
  const Counters before = state->counters();
  LeaseAll(*state, {Tokens("a", 0, 9, 1, 1), Tokens("b", 0, 9, 1, 1)});
  EXPECT_EQ(state->counters().operations - before.operations, 2u);
  EXPECT_EQ(state->counters().answered - before.answered, 2u);
  EXPECT_TRUE(state->health().up);
}

INSTANTIATE_TEST_SUITE_P(Adapters, SharedStateContract,
                         ::testing::Values(Adapter{"memory", [] { return std::unique_ptr<Fleet>(new MemoryFleet); }},
                                           Adapter{"redis", [] { return std::unique_ptr<Fleet>(new RedisFleet); }}),
                         [](const auto& param) { return std::string(param.param.name); });

}  // namespace
}  // namespace flyball::state::testing
