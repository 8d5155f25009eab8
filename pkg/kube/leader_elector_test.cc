#include "pkg/kube/leader_elector.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

#include "pkg/kube/testing/eventually.h"
#include "pkg/kube/testing/fake_api_server.h"

namespace flyball::kube {
namespace {

using testing::Eventually;
using testing::FakeAnswer;
using testing::FakeApiServer;
using testing::FakeRequest;
using testing::json;
using testing::StatusObject;
using namespace std::chrono_literals;

const ResourcePath kLease{
    .group = "coordination.k8s.io", .version = "v1", .plural = "leases", .name_space = "shop", .name = "autoscaler"};
// Short; a machine that pauses for longer than `renew` only makes leaders change more often.
constexpr ElectionTimes kTimes{.lease = 2s, .renew = 1500ms, .retry = 100ms};

class Election : public ::testing::Test {
 protected:
  FakeApiServer server;
  std::unique_ptr<Client> client = *Client::Open(server.ClientConfig());

  std::unique_ptr<LeaderElector> Candidate(const std::string& name, bool release = true,
                                           std::function<void(uint64_t)> on_change = nullptr) {
    return std::make_unique<LeaderElector>(
        *client,
        LeaderElectorOptions{
            .name_space = "shop", .name = "autoscaler", .identity = name, .times = kTimes, .release_on_stop = release},
        std::move(on_change));
  }
  json Spec() { return server.Get(kLease).value_or(json())["spec"]; }
};

TEST_F(Election, OneOfTwoLeads) {
  auto a = Candidate("a");
  ASSERT_TRUE(Eventually([&] { return a->leading(); })) << a->trouble();
  auto b = Candidate("b");
  ASSERT_TRUE(Eventually([&] { return b->holder() == a->identity(); }));
  EXPECT_FALSE(b->leading());
  EXPECT_TRUE(a->identity().starts_with("a_")) << "a pod that starts again is another candidate";
  const json spec = Spec();
  EXPECT_EQ(spec["holderIdentity"], a->identity());
  EXPECT_TRUE(spec["leaseTransitions"].is_number_integer());
  EXPECT_EQ(spec["leaseDurationSeconds"], 2);
  EXPECT_EQ(spec["renewTime"].get<std::string>().size(), std::string("2026-11-27T22:00:00.000000Z").size());
}

TEST_F(Election, ALeaderThatStopsGivesTheLeaseBack) {
  auto a = Candidate("a");
  ASSERT_TRUE(Eventually([&] { return a->leading(); }));
  const uint64_t epoch = a->fence().epoch;
  a.reset();
  EXPECT_FALSE(Spec().contains("holderIdentity"));
  auto b = Candidate("b");
  ASSERT_TRUE(Eventually([&] { return b->leading(); }));
  EXPECT_GT(b->fence().epoch, epoch);
}

TEST_F(Election, ALeaderThatDiesIsReplacedAfterTheLeaseDuration) {
  auto a = Candidate("a", false);
  ASSERT_TRUE(Eventually([&] { return a->leading(); }));
  auto b = Candidate("b");
  ASSERT_TRUE(Eventually([&] { return b->holder() == a->identity(); }));
  const SteadyTime last = a->fence().leads_until - kTimes.renew;  // of its last renewal, or earlier
  const uint64_t epoch = a->fence().epoch;
  a.reset();
  ASSERT_TRUE(Eventually([&] { return b->leading(); })) << b->trouble();
  EXPECT_GE(RealClock().Now() - last, kTimes.lease);
  EXPECT_GT(b->fence().epoch, epoch);
}

TEST_F(Election, ALeaderThatCannotRenewStopsByItself) {
  std::atomic<bool> down{false};
  server.OnRequest([&](const FakeRequest&) -> std::optional<FakeAnswer> {
    if (!down) return std::nullopt;
    return FakeAnswer{.status = 500, .body = StatusObject(500, "InternalError", "etcd is away").dump()};
  });
  std::vector<uint64_t> told;
  std::mutex mutex;
  auto a = Candidate("a", true, [&](uint64_t epoch) {
    std::lock_guard lock(mutex);
    told.push_back(epoch);
  });
  ASSERT_TRUE(Eventually([&] { return a->leading(); }));
  down = true;
  ASSERT_TRUE(Eventually([&] { return !a->leading(); }));
  EXPECT_NE(a->trouble().find("etcd is away"), std::string::npos) << a->trouble();
  down = false;
  ASSERT_TRUE(Eventually([&] { return a->leading(); }));
  EXPECT_TRUE(Eventually([&] { return a->trouble().empty(); }));
  a.reset();
  ASSERT_GE(told.size(), 4u);
  for (size_t i = 1; i < told.size(); i += 2) EXPECT_EQ(told[i], 0u) << "it was told when it ended";
  for (size_t i = 2; i < told.size(); i += 2) EXPECT_GT(told[i], told[i - 2]);
  server.OnRequest(nullptr);
}

TEST_F(Election, EveryWriteButTheFirstHasAPrecondition) {
  auto a = Candidate("a");
  ASSERT_TRUE(Eventually([&] { return server.requests().size() > 6; }));
  a.reset();
  int updates = 0;
  for (const FakeRequest& request : server.requests()) {
    if (request.method == "GET" || request.method == "POST") continue;
    EXPECT_NE(json::parse(request.body)["metadata"].value("resourceVersion", ""), "") << request.body;
    ++updates;
  }
  EXPECT_GE(updates, 3);
}

TEST_F(Election, AFenceClosesByTheClockAlone) {
  auto a = Candidate("a");
  ASSERT_TRUE(Eventually([&] { return a->leading(); }));
  const Fence fence = a->fence();
  EXPECT_TRUE(fence.MayWrite(fence.leads_until - 1ms));
  EXPECT_EQ(fence.Remaining(fence.leads_until - 1ms), 1ms);
  EXPECT_FALSE(fence.MayWrite(fence.leads_until));
  EXPECT_EQ(fence.Remaining(fence.leads_until + 1ms), 0ms);
}

TEST_F(Election, ThreeCandidatesAndADeafServerNeverHaveTwoLeaders) {
  std::atomic<int> turn{0};
  server.OnRequest([&](const FakeRequest&) -> std::optional<FakeAnswer> {
    switch (++turn % 7) {
      case 2:
        return FakeAnswer{.status = 500, .body = StatusObject(500, "InternalError", "no").dump()};
      case 4:
        return FakeAnswer{.body = "{\"kind\":\"Lease\"}", .cut = true};
      default:
        return std::nullopt;
    }
  });
  std::vector<std::unique_ptr<LeaderElector>> all;
  for (const char* name : {"a", "b", "c"}) all.push_back(Candidate(name, false));
  std::set<uint64_t> epochs;
  const auto leaders = [&] {
    int leading = 0;
    std::vector<Fence> fences;
    for (const auto& one : all) fences.push_back(one->fence());
    const SteadyTime now = RealClock().Now();
    for (const Fence& fence : fences) {
      if (!fence.MayWrite(now)) continue;
      ++leading;
      epochs.insert(fence.epoch);
    }
    return leading;
  };
  int most = 0;
  for (int round = 0; round < 2; ++round) {
    ASSERT_TRUE(Eventually([&] {
      most = std::max(most, leaders());
      return leaders() == 1;
    }));
    for (auto& one : all) {
      if (one->leading()) one = Candidate("again", false);  // it dies; another starts
    }
  }
  ASSERT_TRUE(Eventually([&] {
    most = std::max(most, leaders());
    return epochs.size() >= 3;
  }));
  EXPECT_EQ(most, 1);
  all.clear();
  server.OnRequest(nullptr);
}

}  // namespace
}  // namespace flyball::kube
