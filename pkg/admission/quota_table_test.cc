#include "pkg/admission/quota_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "pkg/base/random.h"

namespace flyball::admission {
namespace {

using Down = spec::Limit::WhenStoreDown;
const SteadyTime kStart{std::chrono::hours(1)};
SteadyTime At(int64_t ms) { return kStart + milliseconds(ms); }

QuotaRule Rule(double quota, int max_block = 1, Down down = Down::kLocal) {
  QuotaRule rule;
  rule.id = 1;
  rule.limit = "api";
  rule.quota = quota;
  rule.window = std::chrono::hours(10);  // so slow that nothing refills within a test unless it says so
  rule.max_block = max_block;
  rule.when_store_down = down;
  return rule;
}

// The fleet's side: one pair of buckets a principal, as the shared state keeps them.
struct Fleet {
  struct Bucket {
    TokenBucket tokens, nominal;
  };
  QuotaLease Answer(const QuotaLeaseRequest& q, SteadyTime now) {
    ++operations;
    auto it = buckets
                  .try_emplace(q.principal, Bucket{TokenBucket(q.rate, q.burst, q.burst, now),
                                                   TokenBucket(q.nominal_rate, q.nominal_burst, q.nominal_burst, now)})
                  .first;
    auto& [tokens, nominal] = it->second;
    tokens.SetRate(q.rate, q.burst, now);
    tokens.Put(q.back, now);
    nominal.Put(q.back, now);
    tokens.Take(std::min(q.debt, tokens.Tokens(now)), now);
    nominal.Take(std::min(q.debt + q.spent, nominal.Tokens(now)), now);
    const int left = static_cast<int>(tokens.Tokens(now));
    QuotaLease lease;
    lease.granted = std::min(left, std::max(q.need, std::min(q.want, left / 2)));
    tokens.Take(lease.granted, now);
    nominal.Take(std::min<double>(lease.granted, nominal.Tokens(now)), now);
    lease.remaining = tokens.Tokens(now);
    lease.nominal_remaining = nominal.Tokens(now);
    lease.retry_after = tokens.Until(1, now);
    return lease;
  }
  std::map<std::string, Bucket> buckets;
  int operations = 0;
};

// A table and what its owner does with it.
struct Pod {
  explicit Pod(Fleet& f, QuotaTable::Options options = {}) : fleet(f), table(options) {}
  Verdict Ask(const QuotaRule& rule, int64_t ms, const std::string& who = "ann", double factor = 1, int cost = 1) {
    last = table.Decide(rule, who, factor, cost, ++ticket, At(ms));
    return last.verdict;
  }
  // Sends what is in the outbox and brings the answers.
  void Turn(int64_t ms) {
    for (const auto& request : Outbox())
      if (const QuotaLease lease = fleet.Answer(request, At(ms)); request.handle != 0)
        table.OnLease(request.handle, lease, At(ms), settled);
  }
  std::vector<QuotaLeaseRequest> Outbox() {
    std::vector<QuotaLeaseRequest> requests;
    table.TakeRequests(requests);
    return requests;
  }
  // One request from question to answer.
  QuotaDecision Decide(const QuotaRule& rule, int64_t ms, const std::string& who = "ann", double factor = 1) {
    if (Ask(rule, ms, who, factor) != Verdict::kWait) {
      Turn(ms);
      return last;
    }
    settled.clear();
    Turn(ms);
    EXPECT_EQ(settled.size(), 1u);
    return settled.back().decision;
  }
  int Allowed(const QuotaRule& rule, int64_t ms, int requests, double factor = 1) {
    int allowed = 0;
    for (int i = 0; i < requests; ++i) allowed += Decide(rule, ms, "ann", factor).verdict == Verdict::kAllowed;
    return allowed;
  }
  int SettledAs(Verdict verdict) const {
    return static_cast<int>(
        std::count_if(settled.begin(), settled.end(), [&](const Settled& s) { return s.decision.verdict == verdict; }));
  }

  Fleet& fleet;
  QuotaTable table;
  uint64_t ticket = 0;
  QuotaDecision last;
  std::vector<Settled> settled;
};

TEST(QuotaTable, TheFirstRequestWaitsForTheFleet) {
  Fleet fleet;
  Pod pod(fleet);
  const QuotaRule rule = Rule(3);
  EXPECT_EQ(pod.Ask(rule, 0), Verdict::kWait);
  pod.Turn(5);
  ASSERT_EQ(pod.settled.size(), 1u);
  EXPECT_EQ(pod.settled[0].ticket, 1u);
  EXPECT_EQ(pod.settled[0].decision.verdict, Verdict::kAllowed);
  EXPECT_EQ(pod.settled[0].decision.limit, 3);
  EXPECT_EQ(pod.settled[0].decision.remaining, 2);
}

TEST(QuotaTable, BlockOneIsExactOverPods) {
  Fleet fleet;
  const QuotaRule rule = Rule(50);
  Pod a(fleet), b(fleet), c(fleet), d(fleet);
  int allowed = 0;
  for (int round = 0; round < 20; ++round)
    for (Pod* pod : {&a, &b, &c, &d}) allowed += pod->Allowed(rule, round * 2000, 1 + round % 3);
  EXPECT_EQ(allowed, 50);
}

TEST(QuotaTable, BlocksNeverAdmitMoreThanTheQuota) {
  Fleet fleet;
  const QuotaRule rule = Rule(1000, 50);
  Pod a(fleet), b(fleet);
  int allowed = 0;
  for (int ms = 0; ms < 20'000; ms += 10) allowed += a.Allowed(rule, ms, 1) + b.Allowed(rule, ms, 2);
  EXPECT_LE(allowed, 1000);
  EXPECT_GE(allowed, 1000 - 2 * 50);
}

TEST(QuotaTable, ABusyPrincipalCostsFewOperations) {
  Fleet fleet;
  const QuotaRule rule = Rule(1'000'000, 100);
  Pod pod(fleet);
  for (int ms = 0; ms < 2000; ++ms) pod.Allowed(rule, ms, 1);
  const int warm = fleet.operations;
  for (int ms = 2000; ms < 12'000; ++ms) EXPECT_EQ(pod.Allowed(rule, ms, 1), 1);
  EXPECT_LE(fleet.operations - warm, 220);  // 1,000 requests a second in blocks of 100, each asked for at its half
}

TEST(QuotaTable, AsksAheadSoThatABusyPrincipalDoesNotWait) {
  Fleet fleet;
  const QuotaRule rule = Rule(100'000, 64);
  Pod pod(fleet);
  for (int ms = 0; ms < 1000; ms += 2) pod.Allowed(rule, ms, 1);
  int waits = 0;
  for (int ms = 1000; ms < 2000; ++ms) {
    waits += pod.Ask(rule, ms) == Verdict::kWait;
    if (ms % 10 == 0) pod.Turn(ms);  // answers come late
  }
  EXPECT_EQ(waits, 0);
}

TEST(QuotaTable, OverTheQuotaRefusesWithoutAskingAgainAtOnce) {
  Fleet fleet;
  const QuotaRule rule = Rule(5);
  Pod pod(fleet);
  EXPECT_EQ(pod.Allowed(rule, 0, 10), 5);
  const int before = fleet.operations;
  const QuotaDecision refused = pod.Decide(rule, 1);
  EXPECT_EQ(refused.verdict, Verdict::kRefused);
  EXPECT_EQ(refused.cause, Cause::kNominal);
  EXPECT_EQ(refused.remaining, 0);
  EXPECT_NEAR(ToSeconds(refused.retry_after), 7200, 1);  // 5 in 10 hours
  pod.Allowed(rule, 999, 100);
  EXPECT_EQ(fleet.operations, before);
  pod.Allowed(rule, 1001, 1);
  EXPECT_EQ(fleet.operations, before + 1);
}

TEST(QuotaTable, RefillsAtTheQuotasRate) {
  Fleet fleet;
  QuotaRule rule = Rule(100, 5);
  rule.window = seconds(10);
  Pod pod(fleet);
  int allowed = 0;
  for (int ms = 0; ms < 60'000; ms += 20) allowed += pod.Allowed(rule, ms, 1);
  EXPECT_NEAR(allowed, 100 + 600, 10);
}

TEST(QuotaTable, WaitingRequestsAreSettledInTheirOrder) {
  Fleet fleet;
  const QuotaRule rule = Rule(2);
  Pod pod(fleet);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(pod.Ask(rule, 0), Verdict::kWait);
  EXPECT_EQ(pod.table.waiting(), 4u);
  pod.Turn(1);
  ASSERT_EQ(pod.settled.size(), 4u);
  for (uint64_t i = 0; i < 4; ++i) {
    EXPECT_EQ(pod.settled[i].ticket, i + 1);
    EXPECT_EQ(pod.settled[i].decision.verdict, i < 2 ? Verdict::kAllowed : Verdict::kRefused);
  }
  EXPECT_EQ(fleet.operations, 1);
  EXPECT_EQ(pod.table.waiting(), 0u);
}

TEST(QuotaTable, WhoCameWhileTheAnswerWasOnItsWayIsAskedFor) {
  Fleet fleet;
  const QuotaRule rule = Rule(10);
  Pod pod(fleet);
  pod.Ask(rule, 0);
  const auto first = pod.Outbox();
  pod.Ask(rule, 1);
  pod.table.OnLease(first[0].handle, fleet.Answer(first[0], At(2)), At(2), pod.settled);
  EXPECT_EQ(pod.settled.size(), 1u);
  pod.Turn(3);
  EXPECT_EQ(pod.SettledAs(Verdict::kAllowed), 2);
}

TEST(QuotaTable, ACostlyRequestTakesItsCost) {
  Fleet fleet;
  const QuotaRule rule = Rule(10);
  Pod pod(fleet);
  for (int i = 0; i < 3; ++i) pod.Ask(rule, 0, "ann", 1, 4);
  pod.Turn(0);
  EXPECT_EQ(pod.SettledAs(Verdict::kAllowed), 2);
  EXPECT_EQ(pod.SettledAs(Verdict::kRefused), 1);
}

TEST(QuotaTable, ACancelledTicketIsNeverSettled) {
  Fleet fleet;
  const QuotaRule rule = Rule(10);
  Pod pod(fleet);
  pod.Ask(rule, 0);
  pod.Ask(rule, 0);
  pod.table.Cancel(1);
  pod.table.Cancel(77);
  pod.Turn(1);
  ASSERT_EQ(pod.settled.size(), 1u);
  EXPECT_EQ(pod.settled[0].ticket, 2u);
  EXPECT_EQ(pod.table.waiting(), 0u);
}

TEST(QuotaTable, NobodyWaitsLongerThanFiftyMilliseconds) {
  Fleet fleet;
  Pod pod(fleet);
  const QuotaRule local = Rule(10, 1, Down::kLocal);
  QuotaRule open = Rule(10, 1, Down::kOpen);
  QuotaRule closed = Rule(10, 1, Down::kClosed);
  open.id = 2, closed.id = 3;
  pod.Ask(local, 0);
  pod.Ask(open, 0);
  pod.Ask(closed, 0);
  pod.table.Tick(At(49), pod.settled);
  EXPECT_TRUE(pod.settled.empty());
  pod.table.Tick(At(50), pod.settled);
  ASSERT_EQ(pod.settled.size(), 3u);
  for (const Settled& s : pod.settled) EXPECT_TRUE(s.decision.local);
  EXPECT_EQ(pod.settled[0].decision.verdict, Verdict::kAllowed);
  EXPECT_EQ(pod.settled[1].decision.verdict, Verdict::kAllowed);
  EXPECT_EQ(pod.settled[2].decision.verdict, Verdict::kRefused);
  EXPECT_EQ(pod.settled[2].decision.cause, Cause::kStoreDown);
}

TEST(QuotaTable, DownAnswersAtOnceWithItsShareOfTheQuota) {
  Fleet fleet;
  Pod pod(fleet);
  const QuotaRule rule = Rule(40);
  pod.table.SetShares(4);
  pod.table.SetStoreUp(false, At(0), pod.settled);
  int allowed = 0;
  for (int i = 0; i < 40; ++i) {
    const Verdict verdict = pod.Ask(rule, 0);
    EXPECT_NE(verdict, Verdict::kWait);
    allowed += verdict == Verdict::kAllowed;
  }
  EXPECT_EQ(allowed, 10);
  EXPECT_EQ(pod.last.cause, Cause::kNominal);
  EXPECT_TRUE(pod.Outbox().empty());
}

TEST(QuotaTable, DownGivesNoMoreThanWhatWasKnownToBeLeft) {
  Fleet fleet;
  Pod pod(fleet);
  const QuotaRule rule = Rule(40);
  EXPECT_EQ(pod.Allowed(rule, 0, 38), 38);
  pod.table.SetStoreUp(false, At(1), pod.settled);
  EXPECT_EQ(pod.Allowed(rule, 2, 40), 2);
}

TEST(QuotaTable, GoingDownSettlesWhoWaits) {
  Fleet fleet;
  Pod pod(fleet);
  const QuotaRule rule = Rule(40);
  pod.Ask(rule, 0);
  pod.Outbox();
  pod.Ask(rule, 0);
  pod.Ask(rule, 0, "bob");
  pod.table.SetStoreUp(false, At(1), pod.settled);
  EXPECT_EQ(pod.settled.size(), 3u);
  EXPECT_EQ(pod.table.waiting(), 0u);
  EXPECT_TRUE(pod.Outbox().empty());
}

TEST(QuotaTable, WhatWasAdmittedWhileDownIsChargedAfterwards) {
  Fleet fleet;
  Pod pod(fleet);
  const QuotaRule rule = Rule(10);
  EXPECT_EQ(pod.Allowed(rule, 0, 1), 1);
  pod.table.SetStoreUp(false, At(1), pod.settled);
  EXPECT_EQ(pod.Allowed(rule, 2, 4), 4);
  pod.table.SetStoreUp(true, At(3), pod.settled);
  EXPECT_EQ(pod.Allowed(rule, 4, 100), 5);
}

TEST(QuotaTable, AFailedLeaseFallsBackAndTheNextOneAsksAgain) {
  Fleet fleet;
  Pod pod(fleet);
  const QuotaRule rule = Rule(10);
  pod.Ask(rule, 0);
  const auto lost = pod.Outbox();
  pod.table.OnLeaseFailed(lost[0].handle, At(50), pod.settled);
  ASSERT_EQ(pod.settled.size(), 1u);
  EXPECT_TRUE(pod.settled[0].decision.local);
  EXPECT_EQ(pod.Ask(rule, 51), Verdict::kWait);
  EXPECT_EQ(pod.Outbox().size(), 1u);
}

TEST(QuotaTable, TheLoweredFactorRefusesAsDemandAndTheQuotaItselfDoesNot) {
  Fleet fleet;
  Pod pod(fleet);
  QuotaRule rule = Rule(100);
  rule.adaptive = true;
  EXPECT_EQ(pod.Allowed(rule, 0, 30, 0.25), 25);
  EXPECT_EQ(pod.Decide(rule, 0, "ann", 0.25).cause, Cause::kAdaptive);
  std::map<Cause, int> causes;
  for (int ms = 0; ms < 20'000; ms += 100) ++causes[pod.Decide(rule, ms, "ann", 0.25).cause];
  EXPECT_EQ(causes[Cause::kAdaptive], 100 - 25 - 6);  // 6 were refused for it above
  EXPECT_GT(causes[Cause::kNominal], 100);
}

TEST(QuotaTable, AFixedQuotaIgnoresTheFactor) {
  Fleet fleet;
  Pod pod(fleet);
  EXPECT_EQ(pod.Allowed(Rule(100), 0, 120, 0.25), 100);
}

TEST(QuotaTable, TheFactorHasAFloor) {
  Fleet fleet;
  Pod pod(fleet);
  QuotaRule rule = Rule(100);
  rule.adaptive = true;
  EXPECT_EQ(pod.Allowed(rule, 0, 50, 0.0), 25);
}

TEST(QuotaTable, AnIdlePrincipalsTokensGoBack) {
  Fleet fleet;
  const QuotaRule rule = Rule(1000, 50);
  Pod pod(fleet);
  int allowed = 0;
  for (int ms = 0; ms < 500; ++ms) allowed += pod.Allowed(rule, ms, 1);
  EXPECT_EQ(allowed, 500);
  pod.table.Tick(At(2000), pod.settled);
  EXPECT_EQ(pod.table.principals(), 1u);
  pod.table.Tick(At(2500), pod.settled);
  EXPECT_EQ(pod.table.principals(), 0u);
  pod.Turn(2500);
  EXPECT_NEAR(fleet.buckets.at("ann").tokens.Tokens(At(2500)), 500, 0.2);
}

TEST(QuotaTable, DrainingReturnsEverything) {
  Fleet fleet;
  const QuotaRule rule = Rule(1000, 50);
  Pod pod(fleet);
  for (int ms = 0; ms < 500; ++ms) pod.Allowed(rule, ms, 1);
  pod.table.ReturnAll();
  pod.Turn(500);
  EXPECT_NEAR(fleet.buckets.at("ann").tokens.Tokens(At(500)), 500, 0.2);
}

TEST(QuotaTable, HoldsABoundedNumberOfPrincipals) {
  Fleet fleet;
  const QuotaRule rule = Rule(10);
  Pod pod(fleet, {.max_principals = 100});
  for (int i = 0; i < 5000; ++i) EXPECT_EQ(pod.Decide(rule, i, std::to_string(i)).verdict, Verdict::kAllowed);
  EXPECT_EQ(pod.table.principals(), 100u);
}

TEST(QuotaTable, AFloodOfNewPrincipalsIsRefusedWithoutGrowing) {
  Fleet fleet;
  Pod pod(fleet, {.max_principals = 50, .max_waiting = 1000});
  const QuotaRule rule = Rule(10);
  int refused = 0;
  for (int i = 0; i < 500; ++i) refused += pod.Ask(rule, 0, std::to_string(i)) == Verdict::kRefused;
  EXPECT_EQ(refused, 450);
  EXPECT_EQ(pod.last.cause, Cause::kStoreDown);
  EXPECT_EQ(pod.Outbox().size(), 50u);
}

TEST(QuotaTable, ManyPrincipalsComeAndGo) {
  const uint64_t seed = 4711;
  SCOPED_TRACE(seed);
  Random random(seed);
  Fleet fleet;
  const QuotaRule rule = Rule(7);
  Pod pod(fleet, {.max_principals = 300, .seed = seed});
  std::map<std::string, int> allowed;
  for (int ms = 0; ms < 20'000; ++ms) {
    const std::string who = std::to_string(random.Below(ms % 2 ? 50 : 2000));
    allowed[who] += pod.Decide(rule, ms * 3, who).verdict == Verdict::kAllowed;
    if (ms % 50 == 0) pod.table.Tick(At(ms * 3), pod.settled);
  }
  EXPECT_GT(allowed.size(), 1900u);
  for (const auto& [who, count] : allowed) EXPECT_LE(count, 7) << who;
  for (int i = 0; i < 50; ++i) EXPECT_EQ(allowed[std::to_string(i)], 7) << i;
}

TEST(MakeQuotaRule, TakesTheRolesQuota) {
  spec::Limit limit;
  limit.name = "api";
  limit.window = std::chrono::minutes(15);
  limit.quota = {{"anonymous", 100}, {"admin", 1000}};
  limit.adaptive = true;
  EXPECT_EQ(MakeQuotaRule(limit, "admin", 3).quota, 1000);
  EXPECT_EQ(MakeQuotaRule(limit, "admin", 3).Burst(), 1000);
  EXPECT_EQ(MakeQuotaRule(limit, "user", 3).quota, 100);
  EXPECT_TRUE(MakeQuotaRule(limit, "user", 3).adaptive);
  limit.quota = {{"user", 5}};
  EXPECT_EQ(MakeQuotaRule(limit, "admin", 3).quota, 0);
}

}  // namespace
}  // namespace flyball::admission
