#include "pkg/service/local/child.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "pkg/base/unique_fd.h"
#include "pkg/service/local/kept_process.h"
#include "pkg/service/local/redis_child.h"
#include "pkg/service/local/testing/eventually.h"
#include "pkg/service/local/testing/folder.h"

namespace flyball::local {
namespace {

using testing::Eventually;
using testing::Folder;
using testing::ReadFile;

ChildProgram Shell(const Folder& folder, const std::string& script) {
  ChildProgram program;
  program.path = "/bin/sh";
  program.args = {"-c", script};
  program.log_file = folder / "log";
  return program;
}

Ending EndOf(int pid) {
  Ending ending;
  EXPECT_TRUE(Eventually([&] { return Reap(pid, ending); }));
  return ending;
}

TEST(ChildTest, ReportsHowItEnded) {
  Folder folder;
  EXPECT_EQ(Describe(EndOf(*Spawn(Shell(folder, "exit 7")))), "exited with status 7");
  EXPECT_EQ(Describe(EndOf(*Spawn(Shell(folder, "kill -9 $$")))), "was killed by signal 9 (Killed)");
}

TEST(ChildTest, LogsWhatItSaysAndLosesNothingOfEarlierLives) {
  Folder folder;
  EndOf(*Spawn(Shell(folder, "echo one")));
  EndOf(*Spawn(Shell(folder, "echo two >&2")));
  EXPECT_EQ(ReadFile(folder / "log"), "one\ntwo\n");
}

TEST(ChildTest, GetsItsDescriptorsFromThreeAndNoOther) {
  Folder folder;
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);  // not even close-on-exec: it must not get through all the same
  const UniqueFd in(ends[0]), out(ends[1]);
  ChildProgram program =
      Shell(folder, "echo hello >&4; for i in 0 1 2 3 4 5 6 7 8 9; do [ -e /proc/$$/fd/$i ] && printf '%s ' $i; done");
  program.fds = {out.get(), out.get()};
  EndOf(*Spawn(program));
  char text[6] = {};
  ASSERT_EQ(::read(in.get(), text, 6), 6);
  EXPECT_STREQ(std::string(text, 5).c_str(), "hello");
  EXPECT_EQ(ReadFile(folder / "log"), "0 1 2 3 4 ");
}

TEST(ChildTest, PassesDescriptorsWhoseNumbersAreInTheWay) {
  Folder folder;
  testing::WriteFile(folder / "a", "A");
  testing::WriteFile(folder / "b", "B");
  const UniqueFd a(::open((folder / "a").c_str(), O_RDONLY | O_CLOEXEC));
  const UniqueFd b(::open((folder / "b").c_str(), O_RDONLY | O_CLOEXEC));
  const UniqueFd on_three(::fcntl(a.get(), F_DUPFD_CLOEXEC, 3)), on_four(::fcntl(b.get(), F_DUPFD_CLOEXEC, 3));
  ChildProgram program = Shell(folder, "cat <&3; cat <&4");
  program.fds = {b.get(), a.get()};
  EndOf(*Spawn(program));
  EXPECT_EQ(ReadFile(folder / "log"), "BA");
}

TEST(ChildTest, KnowsItsOwnPidAndEnvironment) {
  Folder folder;
  ::setenv("FLYBALL_TEST_VALUE", "old", 1);
  ChildProgram program = Shell(folder, "echo $FLYBALL_TEST_VALUE $(($LISTEN_PID == $$))");
  program.env = {"FLYBALL_TEST_VALUE=new"};
  program.pid_variable = "LISTEN_PID";
  EndOf(*Spawn(program));
  EXPECT_EQ(ReadFile(folder / "log"), "new 1\n");
}

TEST(ChildTest, RunsInAGroupOfItsOwnThatGoesWithIt) {
  Folder folder;
  ChildProgram program = Shell(folder, "sleep 100 & echo $!");
  const int pid = *Spawn(program);
  EXPECT_EQ(::getpgid(pid), pid);
  EndOf(pid);
  const int grandchild = std::atoi(ReadFile(folder / "log").c_str());
  ASSERT_GT(grandchild, 0);
  EXPECT_TRUE(
      Eventually([&] { return !ReadFile("/proc/" + std::to_string(grandchild) + "/cmdline").starts_with("sleep"); }));
}

TEST(ChildTest, ThatCannotBeStartedSaysWhy) {
  Folder folder;
  ChildProgram program = Shell(folder, "");
  program.path = folder / "absent";
  const auto pid = Spawn(program);
  ASSERT_FALSE(pid);
  EXPECT_EQ(pid.error().message, "starting " + (folder / "absent") + ": No such file or directory");
}

TEST(ChildTest, FindsPrograms) {
  EXPECT_EQ(FindProgram("sh", "/nowhere:/bin"), "/bin/sh");
  EXPECT_EQ(FindProgram("sh", "/nowhere"), "");
}

TEST(KeptProcessTest, StartsAgainWithBackoffUntilItIsStopped) {
  Folder folder;
  KeptProcess kept;
  SteadyTime now{std::chrono::hours(1)};
  kept.Run(Shell(folder, "echo x; exit 1"), now);
  EXPECT_EQ(kept.Step(now), "");
  std::string news;
  const auto dies = [&] { return Eventually([&] { return !(news = kept.Step(now)).empty(); }); };
  ASSERT_TRUE(dies());
  EXPECT_EQ(news, "exited with status 1; restarting it");
  ASSERT_TRUE(dies());
  EXPECT_EQ(news, "exited with status 1; restarting it in 1s");
  EXPECT_EQ(kept.Step(now), "");
  EXPECT_FALSE(kept.running());
  EXPECT_EQ(kept.Deadline(), now + seconds(1));
  now += seconds(1);
  kept.Step(now);
  EXPECT_TRUE(kept.running());
  kept.Stop(now);
  EXPECT_TRUE(Eventually([&] { return kept.Step(now).empty() && !kept.running(); }));
  EXPECT_EQ(kept.Deadline(), std::nullopt);
}

TEST(KeptProcessTest, KillsWhatDoesNotListen) {
  Folder folder;
  KeptProcess kept;
  SteadyTime now{std::chrono::hours(1)};
  kept.Run(Shell(folder, "trap '' TERM; echo ready; while :; do sleep 100; done"), now);
  kept.Step(now);
  ASSERT_TRUE(Eventually([&] { return ReadFile(folder / "log") == "ready\n"; }));
  kept.Stop(now);
  kept.Step(now + milliseconds(1999));
  EXPECT_TRUE(kept.running());
  EXPECT_TRUE(Eventually([&] {
    kept.Step(now + seconds(2));
    return !kept.running();
  }));
}

class RedisChildTest : public ::testing::Test {
 protected:
  void SetUp() override {
    program_ = FindProgram("redis-server", std::getenv("PATH"));
    if (program_.empty()) GTEST_SKIP() << "redis-server is not installed (apt install redis-server)";
    redis_ = std::make_unique<RedisChild>(program_, folder_ / "redis.sock", folder_ / "redis", folder_ / "redis.log");
  }
  using Kind = RedisChild::Event::Kind;
  bool Becomes(Kind kind) {
    return Eventually([&] { return redis_->Step(RealClock().Now()).kind == kind; });
  }

  Folder folder_;
  std::string program_;
  std::unique_ptr<RedisChild> redis_;
};

TEST_F(RedisChildTest, ComesUpAndIsRestartedWhenItIsKilled) {
  EXPECT_TRUE(Becomes(Kind::kUp)) << ReadFile(folder_ / "redis.log");
  const int first = redis_->pid();
  SignalProcess(first, SIGKILL);
  EXPECT_TRUE(Becomes(Kind::kDied));
  EXPECT_FALSE(redis_->up());
  EXPECT_TRUE(Becomes(Kind::kUp));
  EXPECT_NE(redis_->pid(), first);
  EXPECT_EQ(redis_->restarts(), 1);
}

TEST_F(RedisChildTest, StopsWhenToldAndStaysStopped) {
  EXPECT_TRUE(Becomes(Kind::kUp));
  redis_->Stop();
  EXPECT_TRUE(Eventually([&] {
    EXPECT_EQ(redis_->Step(RealClock().Now()).kind, Kind::kNone);
    return redis_->Ended();
  }));
  EXPECT_EQ(redis_->Deadline(), std::nullopt);
}

}  // namespace
}  // namespace flyball::local
