#include "pkg/service/local/supervisor.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "pkg/service/local/child.h"
#include "pkg/service/local/listening_port.h"
#include "pkg/service/local/testing/alive.h"
#include "pkg/service/local/testing/eventually.h"
#include "pkg/service/local/testing/supervised.h"

namespace flyball::local {
namespace {

using testing::Alive;
using testing::Document;
using testing::Eventually;
using testing::ReadFile;
using testing::Supervised;
using testing::WriteFile;

constexpr char kGovernor[] =
    "---\napiVersion: flyball.io/v1alpha1\nkind: Governor\nmetadata: {name: tasks}\n"
    "spec: {targetRef: {kind: App, name: tasks}, replicas: {min: 2, max: 4}}\n";

bool ReadyPodsAre(Supervised& fleet, size_t count) {
  return Eventually([&] { return fleet.ReadyPods().size() == count; });
}

// Calls the API over and over until told to stop; counts what was not answered.
class Caller {
 public:
  explicit Caller(const Supervised& fleet)
      : thread_([this, &fleet] {
          while (!stop_) {
            ++calls_;
            if (fleet.Call().empty()) ++failures_;
          }
        }) {}
  ~Caller() { Stop(); }
  int Stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
    return failures_;
  }
  int calls() const { return calls_; }

 private:
  std::atomic<bool> stop_ = false;
  std::atomic<int> calls_ = 0, failures_ = 0;
  std::thread thread_;
};

TEST(SupervisorTest, ComesUpServesAndStopsWithoutATrace) {
  Supervised fleet;
  fleet.options.replicas = ReplicaBounds{2, 4};
  fleet.Start();
  ASSERT_TRUE(fleet.Up());
  const RunFile run = fleet.Run();
  ASSERT_EQ(run.pods.size(), 2U);
  EXPECT_EQ(run.app, "tasks");
  EXPECT_EQ(run.base, "/api/v1");
  EXPECT_EQ(run.documents, std::vector<std::string>{fleet.data() + "/documents/1/tasks.yaml"});
  EXPECT_TRUE(fleet.Call().starts_with("pod-"));
  const std::string said = fleet.Output();
  EXPECT_TRUE(
      said.ends_with("  API      " + run.api + "/api/v1\n  Console  " + run.console + "/?token=" + run.token + "\n\n"))
      << "the URLs come last: " << said;
  EXPECT_EQ(said.find('\033'), std::string::npos) << "plain when it is no terminal";

  fleet.Signal(SIGINT);
  EXPECT_EQ(fleet.WaitForEnd(), 0) << fleet.Output() << fleet.Problems();
  EXPECT_FALSE(std::filesystem::exists(fleet.data() + "/run.json"));
  for (const auto& [name, pid] : run.pods) EXPECT_FALSE(Alive(pid)) << name;
}

TEST(SupervisorTest, PodsAreToldHowToServeHttp) {
  Supervised fleet;
  fleet.options.tls_certificate = "cert.pem";
  fleet.options.tls_key = "key.pem";
  fleet.options.trusted_proxies = "10.0.0.0/8";
  fleet.options.access_log = "errors";
  fleet.options.connections_per_address = 7;
  fleet.Start();
  ASSERT_TRUE(fleet.Up());
  std::string words = ReadFile("/proc/" + std::to_string(fleet.ReadyPods().at(0).second) + "/cmdline");
  std::replace(words.begin(), words.end(), '\0', ' ');
  for (const char* told : {" --tls-cert cert.pem ", " --tls-key key.pem ", " --trusted-proxies 10.0.0.0/8 ",
                           " --access-log errors ", " --max-connections-per-ip 7 "}) {
    EXPECT_NE(words.find(told), std::string::npos) << told << "in: " << words;
  }
  EXPECT_TRUE(fleet.Run().api.starts_with("https://")) << fleet.Run().api;
}

TEST(SupervisorTest, ScalesWithinItsBounds) {
  Supervised fleet;
  fleet.options.replicas = ReplicaBounds{1, 4};
  fleet.Start();
  ASSERT_TRUE(fleet.Up());
  EXPECT_EQ(fleet.Put("/api/scale", R"({"replicas":4})").body, R"({"desired":4})");
  EXPECT_TRUE(ReadyPodsAre(fleet, 4));
  EXPECT_EQ(fleet.Put("/api/scale", R"({"replicas":5})").status, 422);
  EXPECT_EQ(fleet.Put("/api/scale", R"({"replicas":1})").status, 200);
  EXPECT_TRUE(Eventually([&] { return fleet.Run().pods.size() == 1; }));
  EXPECT_EQ(fleet.ReadyPods()[0].first, "pod-1") << "the oldest stays";
}

TEST(SupervisorTest, NoConnectionIsLostWhilePodsComeAndGo) {
  Supervised fleet;
  fleet.options.replicas = ReplicaBounds{1, 3};
  fleet.Start();
  ASSERT_TRUE(fleet.Up());
  Caller caller(fleet);
  for (const int replicas : {3, 1, 2}) {
    fleet.Put("/api/scale", "{\"replicas\":" + std::to_string(replicas) + "}");
    ASSERT_TRUE(ReadyPodsAre(fleet, static_cast<size_t>(replicas)));
  }
  EXPECT_EQ(caller.Stop(), 0) << "of " << caller.calls();
  EXPECT_GT(caller.calls(), 10);
}

TEST(SupervisorTest, AKilledPodIsReplaced) {
  Supervised fleet;
  fleet.options.replicas = ReplicaBounds{2, 2};
  fleet.Start();
  ASSERT_TRUE(fleet.Up());
  const auto before = fleet.ReadyPods();
  ::kill(before[1].second, SIGKILL);
  ASSERT_TRUE(Eventually([&] {
    const auto now = fleet.ReadyPods();
    return now.size() == 2 && now[1].second != before[1].second;
  }));
  EXPECT_EQ(fleet.ReadyPods()[0], before[0]);
  EXPECT_TRUE(fleet.Says("pod-2         was killed by signal 9 (Killed); replacing it"));
  EXPECT_TRUE(fleet.Call().starts_with("pod-"));
}

TEST(SupervisorTest, WhenItIsKilledNothingStaysAndTheNextOneWorks) {
  Supervised fleet;
  fleet.options.replicas = ReplicaBounds{2, 2};
  fleet.Start();
  ASSERT_TRUE(fleet.Up());
  const RunFile run = fleet.Run();
  fleet.Signal(SIGKILL);
  EXPECT_EQ(fleet.WaitForEnd(), -SIGKILL);
  for (const auto& [name, pid] : run.pods) EXPECT_TRUE(Eventually([pid = pid] { return !Alive(pid); })) << name;
  EXPECT_TRUE(std::filesystem::exists(fleet.data() + "/run.json")) << "left behind";
  fleet.options.port = static_cast<uint16_t>(std::atoi(run.api.c_str() + run.api.rfind(':') + 1));
  fleet.Start();
  ASSERT_TRUE(fleet.Up());
  EXPECT_TRUE(fleet.Says("the last run was killed; clearing up after it"));
  EXPECT_EQ(fleet.Run().api, run.api);
  EXPECT_NE(fleet.Run().token, run.token);
  EXPECT_EQ(fleet.ReadyPods().size(), 2U);
}

TEST(SupervisorTest, TheSecondSignalKillsAtOnce) {
  Supervised fleet;
  fleet.environment = {"FAKE_POD_IGNORE_TERM=1"};
  fleet.Start();
  ASSERT_TRUE(fleet.Up());
  const RunFile run = fleet.Run();
  fleet.Signal(SIGINT);
  EXPECT_TRUE(fleet.Says("stopping"));
  fleet.Signal(SIGINT);
  EXPECT_EQ(fleet.WaitForEnd(), 1);
  EXPECT_FALSE(Alive(run.pods.at(0).second));
  EXPECT_FALSE(std::filesystem::exists(fleet.data() + "/run.json"));
}

TEST(SupervisorTest, StopsWhileItIsStarting) {
  Supervised fleet;
  fleet.environment = {"FAKE_POD_NEVER_READY=1"};
  fleet.Start();
  ASSERT_TRUE(fleet.Says("starting (pid"));
  fleet.Signal(SIGTERM);
  EXPECT_EQ(fleet.WaitForEnd(), 0) << fleet.Output() << fleet.Problems();
}

TEST(SupervisorTest, APodThatCannotStartEndsItWithThePodsOwnWords) {
  Supervised fleet;
  fleet.environment = {"FAKE_POD_FAIL=3"};
  fleet.options.replicas = ReplicaBounds{3, 3};
  fleet.Start();
  EXPECT_EQ(fleet.WaitForEnd(), 1);
  const std::string problems = fleet.Problems(), said = fleet.Output();
  EXPECT_NE(problems.find(" could not start, it exited with status 3: told to fail"), std::string::npos) << problems;
  EXPECT_EQ(std::count(problems.begin(), problems.end(), '\n'), 2) << "said once: " << problems;
  EXPECT_EQ(said.find("while it was stopping"), std::string::npos) << said;
  EXPECT_TRUE(said.ends_with("stopped; nothing is left running\n")) << said;
  for (const char* pod : {"pod-1", "pod-2", "pod-3"}) {
    const std::string start = std::string(pod) + "         starting";
    const size_t first = said.find(start);
    EXPECT_EQ(said.find(start, first + 1), std::string::npos) << "started once: " << said;
  }
  EXPECT_FALSE(std::filesystem::exists(fleet.data() + "/run.json"));
}

TEST(SupervisorTest, SavingTheDocumentReplacesThePodsWithoutALostConnection) {
  Supervised fleet;
  fleet.options.replicas = ReplicaBounds{2, 2};
  fleet.Start();
  ASSERT_TRUE(fleet.Up());
  const auto before = fleet.ReadyPods();
  Caller caller(fleet);
  WriteFile(fleet.document(), Document(2));
  ASSERT_TRUE(Eventually([&] {
    const auto now = fleet.ReadyPods();
    return now.size() == 2 && std::none_of(now.begin(), now.end(), [&](const auto& pod) {
             return pod.second == before[0].second || pod.second == before[1].second;
           });
  })) << fleet.Output();
  EXPECT_TRUE(Eventually([&] { return !Alive(before[0].second) && !Alive(before[1].second); }));
  EXPECT_EQ(caller.Stop(), 0) << "of " << caller.calls();
}

TEST(SupervisorTest, ADocumentWithProblemsChangesNothing) {
  Supervised fleet;
  fleet.Start();
  ASSERT_TRUE(fleet.Up());
  const auto before = fleet.ReadyPods();
  WriteFile(fleet.document(), Document(1) + "      colour: red\n");
  ASSERT_TRUE(fleet.Says("the change has problems; what ran before goes on"));
  EXPECT_NE(fleet.Problems().find("colour"), std::string::npos) << fleet.Problems();
  EXPECT_EQ(fleet.ReadyPods(), before);
  ::kill(before[0].second, SIGKILL);  // its replacement runs what was validated, not what stands in the file now
  EXPECT_TRUE(Eventually([&] {
    const auto now = fleet.ReadyPods();
    return now.size() == 1 && now != before;
  }));
}

// The pods' documents, by the command lines they were started with; "gone" for a pod that ended since it was listed.
std::vector<std::string> RevisionsOf(const std::vector<std::pair<std::string, int>>& pods) {
  std::vector<std::string> revisions;
  for (const auto& [name, pid] : pods) {
    const std::string command = ReadFile("/proc/" + std::to_string(pid) + "/cmdline");
    const size_t found = command.find("/documents/"), at = found + 11;
    revisions.push_back(found == std::string::npos ? "gone" : command.substr(at, command.find('/', at) - at));
  }
  return revisions;
}

nlohmann::json DocumentsOf(Supervised& fleet) {
  return nlohmann::json::parse(fleet.Get("/api/status").body, nullptr, false).value("documents", nlohmann::json());
}

size_t Count(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(SupervisorTest, AChangeThatItsFirstPodRefusesIsRejectedAndTouchesNothing) {
  Supervised fleet;
  fleet.options.replicas = ReplicaBounds{2, 2};
  fleet.environment = {"FAKE_POD_REFUSE=field1", "FAKE_POD_SAY=notes.field1 is new and required"};
  fleet.Start();
  ASSERT_TRUE(fleet.Up());
  const auto before = fleet.ReadyPods();
  EXPECT_EQ(DocumentsOf(fleet)["state"], "running");
  WriteFile(fleet.document(), Document(2));
  ASSERT_TRUE(fleet.Says("the change does not fit what is stored; what ran before goes on"));
  EXPECT_NE(fleet.Problems().find("tasks.yaml:10:9: notes.field1 is new and required"), std::string::npos)
      << fleet.Problems();
  EXPECT_TRUE(Eventually([&] { return fleet.Run().pods.size() == 2; })) << "the new one is gone";
  EXPECT_EQ(fleet.ReadyPods(), before) << "the old ones were not touched";
  EXPECT_EQ(DocumentsOf(fleet)["state"], "rejected");
  EXPECT_NE(DocumentsOf(fleet)["reason"].dump().find("tasks.yaml:10:9"), std::string::npos);
  EXPECT_EQ(Count(fleet.Output(), "pod-3         starting"), 1U) << "tried once: " << fleet.Output();
  EXPECT_FALSE(std::filesystem::exists(fleet.data() + "/documents/2"));

  ::kill(before[0].second, SIGKILL);  // its replacement is of the old documents
  ASSERT_TRUE(Eventually([&] {
    const auto now = fleet.ReadyPods();
    return now.size() == 2 && now[0] != before[0];
  }));
  EXPECT_EQ(RevisionsOf(fleet.ReadyPods()), (std::vector<std::string>{"1", "1"}));

  WriteFile(fleet.document(), Document(1));  // put back
  EXPECT_TRUE(fleet.Says("what is saved is what runs again"));
  EXPECT_TRUE(Eventually([&] { return DocumentsOf(fleet)["state"] == "running"; }));
  WriteFile(fleet.document(), Document(1) + "# another word\n");
  EXPECT_TRUE(fleet.Says("all pods run the change"));
}

TEST(SupervisorTest, AChangeBringsItsOwnBounds) {
  Supervised fleet;
  WriteFile(fleet.document(), Document(1) + kGovernor);
  fleet.Start();
  ASSERT_TRUE(fleet.Up());
  std::string more = kGovernor;
  more.replace(more.find("min: 2, max: 4"), 14, "min: 3, max: 5");
  WriteFile(fleet.document(), Document(1) + more);
  ASSERT_TRUE(fleet.Says("fleet         3 to 5 pods, governed by tasks"));
  EXPECT_TRUE(ReadyPodsAre(fleet, 3));
  EXPECT_EQ(fleet.Put("/api/scale", R"({"replicas":5})").status, 200);
  WriteFile(fleet.document(), Document(1));
  ASSERT_TRUE(fleet.Says("fleet         1 pod\n"));
  EXPECT_TRUE(Eventually([&] { return fleet.Run().pods.size() == 1; }));
}

TEST(SupervisorTest, AnotherNameOfTheAppIsNoChangeOfThisFleet) {
  Supervised fleet;
  fleet.Start();
  ASSERT_TRUE(fleet.Up());
  std::string renamed = Document(1);
  renamed.replace(renamed.find("name: tasks"), 11, "name: notes");
  WriteFile(fleet.document(), renamed);
  ASSERT_TRUE(fleet.Says("the change has problems; what ran before goes on"));
  EXPECT_NE(fleet.Problems().find("the App is named 'notes' now, and 'tasks' runs"), std::string::npos)
      << fleet.Problems();
  EXPECT_EQ(DocumentsOf(fleet)["state"], "rejected");
}

TEST(SupervisorTest, AChangeThatFailsHalfWayIsTakenBackWithoutALostConnection) {
  Supervised fleet;
  fleet.options.replicas = ReplicaBounds{2, 2};
  fleet.environment = {"FAKE_POD_REFUSE=field1", "FAKE_POD_SAY=out of luck",
                       "FAKE_POD_REFUSE_BUT=" + fleet.folder() + "/first"};
  fleet.Start();
  ASSERT_TRUE(fleet.Up());
  Caller caller(fleet);
  WriteFile(fleet.document(), Document(2));
  ASSERT_TRUE(fleet.Says(" exited with status 3: out of luck; what ran before goes on"));
  EXPECT_TRUE(Eventually([&] {
    const auto pods = fleet.ReadyPods();
    return fleet.Run().pods.size() == 2 && RevisionsOf(pods) == std::vector<std::string>{"1", "1"};
  })) << fleet.Output();
  EXPECT_EQ(caller.Stop(), 0) << "of " << caller.calls();
  EXPECT_EQ(DocumentsOf(fleet)["state"], "rejected");
}

TEST(SupervisorTest, AStartThatDoesNotFitWhatIsStoredNamesThePlace) {
  Supervised fleet;
  fleet.environment = {"FAKE_POD_REFUSE=field0", "FAKE_POD_SAY=notes.field0 is stored as REAL"};
  fleet.Start();
  EXPECT_EQ(fleet.WaitForEnd(), 1);
  EXPECT_EQ(fleet.Problems().find(fleet.document() + ":9:9: notes.field0 is stored as REAL\nflyballctl up: "), 0U)
      << fleet.Problems();
}

TEST(SupervisorTest, TheAutoscalerRunsBesideThePodsAndIsRestarted) {
  Supervised fleet;
  WriteFile(fleet.document(), Document(1) + kGovernor);
  fleet.Start();
  ASSERT_TRUE(fleet.Up());
  EXPECT_EQ(fleet.ReadyPods().size(), 2U) << "the Governor's minimum";
  const auto autoscaler = [&] { return std::atoi(ReadFile(fleet.data() + "/logs/autoscaler.log").c_str()); };
  ASSERT_TRUE(Eventually([&] { return autoscaler() > 0; }));
  const int first = autoscaler();
  ::kill(first, SIGKILL);
  ASSERT_TRUE(fleet.Says("the fleet stays as it is meanwhile"));
  fleet.Signal(SIGTERM);
  EXPECT_EQ(fleet.WaitForEnd(), 0);
  EXPECT_FALSE(Alive(first));
}

TEST(SupervisorTest, ARedisThatDoesNotAnswerIsSaidAndPodsRun) {
  Supervised fleet;
  fleet.options.redis = "unix:" + fleet.folder() + "/nobody.sock";
  fleet.Start();
  ASSERT_TRUE(fleet.Up());
  EXPECT_TRUE(fleet.Says("/nobody.sock does not answer ("));
  EXPECT_TRUE(fleet.Says("until it does each pod keeps limits of its own"));
}

TEST(SupervisorTest, WithoutRedisServerOnePodRunsAndItIsSaidLoudly) {
  Supervised fleet;
  fleet.options.redis.clear();
  fleet.options.search_path = "/nonexistent";
  fleet.options.replicas = ReplicaBounds{2, 4};
  fleet.Start();
  ASSERT_TRUE(fleet.Up());
  EXPECT_TRUE(fleet.Says("there is no redis-server on this machine: ONE pod runs"));
  EXPECT_EQ(fleet.Run().redis, "none");
  EXPECT_EQ(fleet.ReadyPods().size(), 1U);
  EXPECT_EQ(fleet.Put("/api/scale", R"({"replicas":2})").status, 422);
}

TEST(SupervisorTest, ItsOwnRedisIsRestartedAndGoesWithIt) {
  if (FindProgram("redis-server", std::getenv("PATH")).empty()) {
    GTEST_SKIP() << "redis-server is not installed (apt install redis-server)";
  }
  Supervised fleet;
  fleet.options.redis.clear();
  fleet.Start();
  ASSERT_TRUE(fleet.Up());
  const RunFile run = fleet.Run();
  EXPECT_EQ(run.redis, "unix:" + fleet.data() + "/redis.sock");
  ::kill(run.redis_pid, SIGKILL);
  EXPECT_TRUE(fleet.Says("up again at"));
  EXPECT_TRUE(Eventually([&] {
    const int now = fleet.Run().redis_pid;
    return now != 0 && now != run.redis_pid;
  }));
  const int second = fleet.Run().redis_pid;
  fleet.Signal(SIGTERM);
  EXPECT_EQ(fleet.WaitForEnd(), 0) << fleet.Output();
  EXPECT_FALSE(Alive(second));
}

// What cannot start says why on one line, starts nothing, and exits with 1.
std::string Refusal(Supervised& fleet) {
  fleet.Start();
  EXPECT_EQ(fleet.WaitForEnd(), 1);
  EXPECT_EQ(fleet.Output().find("starting"), std::string::npos);
  return fleet.Problems();
}

TEST(SupervisorTest, ATakenPort) {
  const auto taken = OpenListeningPort("127.0.0.1", 0, "the test", "");
  Supervised fleet;
  fleet.options.port = taken->port;
  const std::string refusal = Refusal(fleet);
  EXPECT_NE(refusal.find("port " + std::to_string(taken->port) + ", for the API, is taken by pid"), std::string::npos)
      << refusal;
  EXPECT_FALSE(std::filesystem::exists(fleet.data())) << "nothing is left behind";
}

TEST(SupervisorTest, ADocumentThatIsWrong) {
  Supervised fleet;
  WriteFile(fleet.document(), Document(1) + "      colour: red\n");
  const std::string refusal = Refusal(fleet);
  EXPECT_NE(refusal.find("tasks.yaml:"), std::string::npos) << refusal;
  EXPECT_NE(refusal.find("1 problem; nothing was started"), std::string::npos) << refusal;
  EXPECT_FALSE(std::filesystem::exists(fleet.data())) << "not even the data folder";
}

TEST(SupervisorTest, ManyProblemsFitAScreen) {
  Supervised fleet;
  std::string wrong = Document(1);
  for (int i = 0; i < 60; ++i) wrong += "      colour" + std::to_string(i) + ": red\n";
  WriteFile(fleet.document(), wrong);
  const std::string refusal = Refusal(fleet);
  EXPECT_EQ(std::count(refusal.begin(), refusal.end(), '\n'), 19) << refusal;
  EXPECT_NE(refusal.find("... and 43 more; 'flyballctl validate FILE...' shows them all\n"), std::string::npos)
      << refusal;
  EXPECT_NE(refusal.find("flyballctl up: 60 problems; nothing was started\n"), std::string::npos) << refusal;
}

TEST(SupervisorTest, AMissingDocument) {
  Supervised fleet;
  fleet.options.documents = {fleet.folder() + "/absent.yaml"};
  EXPECT_NE(Refusal(fleet).find("absent.yaml"), std::string::npos);
}

TEST(SupervisorTest, DocumentsThatAreRightButDoNotMakeAFleet) {
  std::string other_app = Document(1);
  other_app.replace(other_app.find("name: tasks"), 11, "name: other");
  other_app.replace(other_app.find("/api/v1"), 7, "/other/v1");
  std::string large = kGovernor;
  large.replace(large.find("max: 4"), 6, "max: 40");
  const std::pair<std::string, const char*> cases[] = {
      {kGovernor + 4, "there is no document of kind App"},
      {Document(1) + "---\n" + other_app, "there are 2 documents of kind App"},
      {Document(1) + large, "allows 40 replicas; on one machine at most 32 can run: give --replicas MIN:MAX"},
  };
  for (const auto& [text, expected] : cases) {
    Supervised fleet;
    WriteFile(fleet.document(), text);
    const std::string refusal = Refusal(fleet);
    EXPECT_NE(refusal.find(expected), std::string::npos) << refusal;
  }
}

TEST(SupervisorTest, ADataFolderThatCannotBeUsed) {
  Supervised fleet;
  WriteFile(fleet.data(), "a file");
  EXPECT_NE(Refusal(fleet).find("data is a file, not a folder; choose another with --data DIR"), std::string::npos);
}

TEST(SupervisorTest, ASecondUpOnTheSameFolder) {
  Supervised first, second;
  first.Start();
  ASSERT_TRUE(first.Up());
  second.options.data = first.options.data;
  const std::string refusal = Refusal(second);
  EXPECT_NE(refusal.find("is in use by another 'flyballctl up' (pid " + std::to_string(first.pid())), std::string::npos)
      << refusal;
  EXPECT_EQ(first.ReadyPods().size(), 1U) << "the first one does not mind";
}

TEST(SupervisorTest, MissingPrograms) {
  Supervised fleet;
  std::filesystem::remove(fleet.folder() + "/bin/flyball-api");
  EXPECT_NE(Refusal(fleet).find("flyball-api is missing"), std::string::npos);
}

}  // namespace
}  // namespace flyball::local
