#include "pkg/service/api/executor.h"

#include <gtest/gtest.h>

#include <future>
#include <latch>

#include "pkg/service/api/endpoints.h"
#include "pkg/service/api/limit_headers.h"

namespace flyball::service::api {
namespace {

using spec::Criticality;
using telemetry::Shed;

// Readers that are never asked: these jobs need no database.
class NoStore final : public store::Store {
 public:
  class NoReader final : public store::Reader {
    Result<std::optional<store::Row>> Get(const store::Table&, std::string_view, const store::Guard&) override {
      return std::nullopt;
    }
    Result<std::optional<store::Row>> FindBy(const store::Table&, int, const Value&) override { return std::nullopt; }
    Result<void> List(const store::Query&, const std::function<void(const store::Row&)>&) override { return {}; }
    Result<int64_t> Count(const store::Query&) override { return 0; }
  };
  Result<void> Migrate(const std::vector<store::Table>&) override { return {}; }
  Result<std::unique_ptr<store::Reader>> OpenReader() override {
    if (fail) return Fail(ErrorCode::kIo, "no such file");
    return std::make_unique<NoReader>();
  }
  void Submit(store::Write, store::WriteDone) override {}
  Result<void> Check() override { return {}; }
  bool fail = false;
};

// What became of the jobs.
struct Ledger {
  std::mutex mutex;
  std::vector<std::string> ran;
  std::vector<std::pair<std::string, Shed>> refused;
  size_t Done() {
    std::lock_guard lock(mutex);
    return ran.size() + refused.size();
  }
};

class NamedJob final : public Job {
 public:
  NamedJob(Ledger& ledger, std::string name, Criticality how, std::function<void()> work = nullptr)
      : Job(0, how), ledger_(ledger), name_(std::move(name)), work_(std::move(work)) {}
  void Run(Worker&) override {
    if (work_) work_();
    std::lock_guard lock(ledger_.mutex);
    ledger_.ran.push_back(name_);
  }
  void Refuse(Shed why) override {
    std::lock_guard lock(ledger_.mutex);
    ledger_.refused.emplace_back(name_, why);
  }

 private:
  Ledger& ledger_;
  std::string name_;
  std::function<void()> work_;
};

class ExecutorTest : public testing::Test {
 protected:
  ExecutorTest()
      : metrics_({.app = "test",
                  .endpoints = {"tasks.list"},
                  .roles = {"anonymous"},
                  .shards = {telemetry::ThreadKind::kExecutor, telemetry::ThreadKind::kExecutor}},
                 RealClock()) {}

  std::unique_ptr<Executor> Start(int workers) {
    return std::move(*Executor::Start({.workers = workers}, store_, metrics_, 0, RealClock()));
  }
  void Submit(Executor& executor, const std::string& name, Criticality how = Criticality::kNormal,
              std::function<void()> work = nullptr) {
    executor.Submit(std::make_unique<NamedJob>(ledger_, name, how, std::move(work)));
  }
  // Keeps one worker until the returned promise is set; returns once it runs.
  std::shared_ptr<std::promise<void>> Occupy(Executor& executor) {
    auto release = std::make_shared<std::promise<void>>();
    std::latch running(1);
    Submit(executor, "occupier", Criticality::kCritical, [release, &running] {
      running.count_down();
      release->get_future().wait();
    });
    running.wait();
    return release;
  }

  NoStore store_;
  telemetry::PodMetrics metrics_;
  Ledger ledger_;
};

TEST_F(ExecutorTest, RunsEveryJobOnceAndFinishesWhatIsQueuedWhenItGoes) {
  {
    auto executor = Start(2);
    for (int i = 0; i < 8; ++i) Submit(*executor, "job");
  }
  EXPECT_EQ(ledger_.ran.size(), 8u);
  EXPECT_TRUE(ledger_.refused.empty());
}

TEST_F(ExecutorTest, AtMostFourTimesTheWorkersWait) {
  auto executor = Start(1);
  auto release = Occupy(*executor);
  for (int i = 0; i < 4; ++i) Submit(*executor, "waiting");
  EXPECT_EQ(executor->queue_depth(), 4u);
  Submit(*executor, "one more");
  ASSERT_EQ(ledger_.refused.size(), 1u);
  EXPECT_EQ(executor->queue_depth(), 4u);
  release->set_value();
}

TEST_F(ExecutorTest, TheLessCriticalGiveWayAndTheCriticalRunFirst) {
  auto executor = Start(1);
  auto release = Occupy(*executor);
  for (int i = 0; i < 4; ++i) Submit(*executor, "sheddable", Criticality::kSheddable);
  Submit(*executor, "critical", Criticality::kCritical);
  ASSERT_EQ(ledger_.refused.size(), 1u);
  EXPECT_EQ(ledger_.refused[0], std::pair(std::string("sheddable"), Shed::kPreempted));
  release->set_value();
  executor.reset();
  ASSERT_GE(ledger_.ran.size(), 2u);
  EXPECT_EQ(ledger_.ran[1], "critical");
}

TEST_F(ExecutorTest, WhoWaitedTooLongIsRefusedWhileAllWorkersAreBusy) {
  auto executor = Start(1);
  auto release = Occupy(*executor);
  Submit(*executor, "late");
  const SteadyTime deadline = RealClock().Now() + std::chrono::seconds(60);
  while (ledger_.Done() == 0 && RealClock().Now() < deadline) executor->Expire();
  ASSERT_EQ(ledger_.refused.size(), 1u);
  EXPECT_EQ(ledger_.refused[0], std::pair(std::string("late"), Shed::kQueueTimeout));
  release->set_value();
}

// Moved by hand.
class HandClock final : public Clock {
 public:
  SteadyTime Now() const override { return SteadyTime(nanoseconds(now_ns.load())); }
  WallTime WallNow() const override { return WallTime(); }
  std::atomic<int64_t> now_ns{1'000'000'000};
};

// On a machine short of CPU a woken worker may run only after a while. Nobody is helped by refusing what it is about to
// take.
TEST_F(ExecutorTest, WhoWaitsForAnIdleWorkerToWakeIsNotLate) {
  for (int i = 0; i < 200; ++i) {
    HandClock clock;
    auto executor = std::move(*Executor::Start({.workers = 1}, store_, metrics_, 0, clock));
    Submit(*executor, "job");
    clock.now_ns += nanoseconds(seconds(1)).count();  // and the worker has not run yet, or just now
    executor->Expire();
  }
  EXPECT_EQ(ledger_.ran.size(), 200u);
  EXPECT_TRUE(ledger_.refused.empty());
}

TEST_F(ExecutorTest, ADatabaseThatCannotBeOpenedIsAnErrorAndNothingRuns) {
  store_.fail = true;
  const auto executor = Executor::Start({.workers = 2}, store_, metrics_, 0, RealClock());
  ASSERT_FALSE(executor);
  EXPECT_EQ(executor.error().message, "no such file");
}

TEST(LimitHeaders, AreTheDraftsSyntax) {
  http::Response response(200);
  AddLimitHeaders({"api", 100, std::chrono::minutes(15), 99, milliseconds(8500)}, response);
  EXPECT_EQ(response.header_block(), "RateLimit-Policy: \"api\";q=100;w=900\r\nRateLimit: \"api\";r=99;t=9\r\n");
  http::Response without(200);
  AddLimitHeaders({}, without);
  EXPECT_EQ(without.header_block(), "");
}

TEST(RetryAfter, IsAtLeastASecondAndSpreads) {
  for (uint64_t random = 0; random < 100; ++random) {
    EXPECT_GE(RetryAfterSeconds(nanoseconds(0), random), 1);
    EXPECT_LE(RetryAfterSeconds(nanoseconds(0), random), 2);
    EXPECT_GE(RetryAfterSeconds(std::chrono::seconds(40), random), 40);
    EXPECT_LE(RetryAfterSeconds(std::chrono::seconds(40), random), 51);
  }
}

TEST(Endpoints, LimitsApplyToTheirEndpoints) {
  spec::App app;
  app.name = "tasks";
  app.auth.accounts = "users";
  app.resources.push_back({.name = "users"});
  app.resources.push_back({.name = "tasks"});
  app.resources[1].write_criticality = Criticality::kCritical;
  app.limits.push_back({.name = "api"});
  app.limits.push_back({.name = "login", .apply = {"auth.login"}});
  app.limits.push_back({.name = "changes", .apply = {"tasks.update"}});
  const auto table = MakeEndpoints(app);
  ASSERT_TRUE(table) << table.error().message;
  const auto find = [&](std::string_view method_path) {
    const size_t space = method_path.find(' ');
    const auto match =
        table->router.Find(http::ParseMethod(method_path.substr(0, space)), method_path.substr(space + 1));
    return match.kind == http::Router::Match::Kind::kFound ? &table->endpoints[match.endpoint] : nullptr;
  };
  ASSERT_NE(find("POST /api/v1/tasks"), nullptr);
  EXPECT_EQ(find("POST /api/v1/tasks")->name, "tasks.create");
  EXPECT_EQ(find("POST /api/v1/tasks")->criticality, Criticality::kCritical);
  EXPECT_EQ(find("GET /api/v1/tasks/1")->limits, std::vector<int>{0});
  EXPECT_EQ(find("POST /api/v1/auth/login")->limits, std::vector<int>{1});
  EXPECT_EQ(find("PUT /api/v1/tasks/1")->limits, (std::vector<int>{0, 2}));
  EXPECT_EQ(find("PATCH /api/v1/tasks/1")->limits, (std::vector<int>{0, 2}));
  EXPECT_TRUE(find("GET /api/v1/auth/me")->limits.empty());
  EXPECT_EQ(find("GET /api/v1/nothing"), nullptr);
}

}  // namespace
}  // namespace flyball::service::api
