// Fleets of real pods under real faults: what is acknowledged stays, what is in
// flight is answered, nothing is left behind, and what cannot start says why.
#include <gtest/gtest.h>
#include <signal.h>
#include <sqlite3.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "pkg/service/local/listening_port.h"
#include "pkg/service/local/testing/alive.h"
#include "pkg/service/local/testing/eventually.h"
#include "tests/integration/real_fleet.h"

namespace flyball::integration {
namespace {

using local::testing::Alive;
using local::testing::Eventually;
using local::testing::ReadFile;
using local::testing::WriteFile;

constexpr int kWriters = 8;

// Creates tasks over kWriters connections, as fast as they are acknowledged,
// until told to stop or nobody listens.
class Writers {
 public:
  Writers(uint16_t port, std::string token) : port_(port), token_(std::move(token)) {
    for (int i = 0; i < kWriters; ++i) threads_.emplace_back([this] { Write(); });
  }
  ~Writers() { Stop(); }

  void Stop() {
    stop_ = true;
    Join();
  }
  void Join() {
    for (auto& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }
  bool Acknowledged(int count) const {
    return Eventually([&] { return acknowledged_ >= count; });
  }

  // After Stop or Join.
  const std::vector<std::string>& ids() const { return ids_; }
  int lost() const { return lost_; }
  int refused() const { return refused_; }
  const std::vector<std::string>& odd_answers() const { return odd_answers_; }  // neither 201 nor 503

 private:
  void Write() {
    RawClient client(port_);
    while (!stop_) {
      const Outcome outcome = client.Send("POST", "/api/v1/tasks", token_, R"({"title":"written under load"})");
      if (outcome.kind == Outcome::Kind::kRefused) {
        ++refused_;
        return;
      }
      if (outcome.kind == Outcome::Kind::kLost) {
        ++lost_;
      } else if (outcome.status == 201) {
        std::lock_guard lock(mutex_);
        ids_.push_back(nlohmann::json::parse(outcome.body).at("id"));
        ++acknowledged_;
      } else if (outcome.status != 503) {
        std::lock_guard lock(mutex_);
        odd_answers_.push_back(std::to_string(outcome.status) + " " + outcome.body);
      }
    }
  }

  const uint16_t port_;
  const std::string token_;
  std::atomic<bool> stop_ = false;
  std::atomic<int> acknowledged_ = 0, lost_ = 0, refused_ = 0;
  std::mutex mutex_;
  std::vector<std::string> ids_, odd_answers_;
  std::vector<std::thread> threads_;
};

int RowsOf(const RealFleet& fleet, const std::string& token) {
  RawClient client(fleet.port());
  Outcome answer;
  Eventually([&] { return (answer = client.Send("GET", "/api/v1/tasks?limit=1&total=true", token)).status != 503; });
  EXPECT_EQ(answer.status, 200) << answer.body;
  return nlohmann::json::parse(answer.body).at("page").at("total");
}

// What is answered instead of each row that should be there; empty when all are.
std::string MissingOf(const RealFleet& fleet, const std::string& token, const std::vector<std::string>& ids) {
  RawClient client(fleet.port());
  std::string missing;
  for (const std::string& id : ids) {
    Outcome answer;
    Eventually([&] { return (answer = client.Send("GET", "/api/v1/tasks/" + id, token)).status != 503; });  // shed
    if (answer.status != 200) missing += id + ": " + std::to_string(answer.status) + " " + answer.body + "\n";
  }
  return missing;
}

TEST(FleetTest, CtrlCUnderWritesAnswersWhatIsInFlightAndKeepsWhatWasAcknowledged) {
  RealFleet fleet;
  fleet.Start();
  ASSERT_TRUE(fleet.Up());
  const std::string token = fleet.Token("ann@example.org");
  Writers writers(fleet.port(), token);
  ASSERT_TRUE(writers.Acknowledged(300));
  fleet.Signal(SIGINT);
  EXPECT_EQ(fleet.WaitForEnd(), 0) << fleet.Said();
  writers.Join();  // they end by themselves: nobody listens any more
  EXPECT_EQ(writers.lost(), 0);
  EXPECT_EQ(writers.refused(), kWriters);
  EXPECT_TRUE(writers.odd_answers().empty()) << writers.odd_answers().front();
  EXPECT_TRUE(fleet.Processes().empty());
  EXPECT_FALSE(std::filesystem::exists(fleet.data() + "/run.json"));

  fleet.Start();
  ASSERT_TRUE(fleet.Up());
  EXPECT_EQ(RowsOf(fleet, token), static_cast<int>(writers.ids().size())) << "acknowledged = stored";
  EXPECT_EQ(MissingOf(fleet, token, writers.ids()), "");
}

TEST(FleetTest, APodThatIsKilledLosesOnlyWhatItHadInFlightAndIsReplaced) {
  RealFleet fleet;
  fleet.Start();
  ASSERT_TRUE(fleet.Up());
  const std::string token = fleet.Token("ann@example.org");
  const auto before = fleet.Run().pods;
  Writers writers(fleet.port(), token);
  ASSERT_TRUE(writers.Acknowledged(200));
  ::kill(before[0].second, SIGKILL);
  EXPECT_TRUE(Eventually([&] {
    const auto now = fleet.Run().pods;
    return now.size() == 2 && now[0].second != before[0].second;
  }));
  ASSERT_TRUE(writers.Acknowledged(600));
  writers.Stop();
  EXPECT_LE(writers.lost(), kWriters) << "one request a connection was in flight";
  EXPECT_EQ(writers.refused(), 0) << "the port never closed";
  EXPECT_TRUE(writers.odd_answers().empty()) << writers.odd_answers().front();
  EXPECT_EQ(MissingOf(fleet, token, writers.ids()), "");
}

TEST(FleetTest, WhenEverythingIsKilledTheNextStartHasAllThatWasAcknowledged) {
  RealFleet fleet;
  fleet.Start();
  ASSERT_TRUE(fleet.Up());
  const std::string token = fleet.Token("ann@example.org");
  Writers writers(fleet.port(), token);
  ASSERT_TRUE(writers.Acknowledged(300));
  const auto processes = fleet.Processes();
  fleet.Signal(SIGKILL);
  for (const int pid : processes) ::kill(pid, SIGKILL);
  EXPECT_EQ(fleet.WaitForEnd(), -SIGKILL);
  writers.Join();
  for (const int pid : processes) EXPECT_TRUE(Eventually([&] { return !Alive(pid); }));

  fleet.Start();
  ASSERT_TRUE(fleet.Up());
  EXPECT_EQ(MissingOf(fleet, token, writers.ids()), "");
  EXPECT_GE(RowsOf(fleet, token), static_cast<int>(writers.ids().size()));
}

TEST(FleetTest, WhenOnlyTheSupervisorIsKilledItsPodsEndToo) {
  RealFleet fleet;
  fleet.Start();
  ASSERT_TRUE(fleet.Up());
  const auto processes = fleet.Processes();
  EXPECT_GE(processes.size(), 4U) << "two pods, redis-server, flyball-autoscaler";
  fleet.Signal(SIGKILL);
  EXPECT_EQ(fleet.WaitForEnd(), -SIGKILL);
  fleet.Start();  // while they are still ending
  ASSERT_TRUE(fleet.Up());
  for (const int pid : processes) EXPECT_TRUE(Eventually([&] { return !Alive(pid); })) << pid;
}

TEST(FleetTest, RedisMayDieWhileRequestsGoOn) {
  RealFleet fleet;
  fleet.Start();
  ASSERT_TRUE(fleet.Up());
  Writers writers(fleet.port(), fleet.Token("ann@example.org"));
  ASSERT_TRUE(writers.Acknowledged(100));
  const int redis = fleet.Run().redis_pid;
  ASSERT_GT(redis, 0);
  ::kill(redis, SIGKILL);
  EXPECT_TRUE(Eventually([&] { return fleet.Said().find("up again at") != std::string::npos; })) << fleet.Said();
  ASSERT_TRUE(writers.Acknowledged(400));
  writers.Stop();
  EXPECT_EQ(writers.lost(), 0);
  EXPECT_TRUE(writers.odd_answers().empty()) << writers.odd_answers().front();
}

TEST(FleetTest, SavingTheDocumentLosesNoRequest) {
  RealFleet fleet;
  fleet.Start();
  ASSERT_TRUE(fleet.Up());
  const auto before = fleet.Run().pods;
  Writers writers(fleet.port(), fleet.Token("ann@example.org"));
  ASSERT_TRUE(writers.Acknowledged(100));
  WriteFile(fleet.document(), ReadFile(fleet.document()) + "# saved again\n");
  ASSERT_TRUE(Eventually([&] {
    const auto now = fleet.Run().pods;
    return now.size() == 2 && std::none_of(now.begin(), now.end(), [&](const auto& pod) {
             return pod.second == before[0].second || pod.second == before[1].second;
           });
  })) << fleet.Said();
  writers.Stop();
  EXPECT_EQ(writers.lost(), 0);
  EXPECT_EQ(writers.refused(), 0);
  EXPECT_TRUE(writers.odd_answers().empty()) << writers.odd_answers().front();
}

// Saves the document with `from` replaced by `to`.
void Edit(const RealFleet& fleet, const std::string& from, const std::string& to) {
  std::string text = ReadFile(fleet.document());
  const size_t at = text.find(from);
  ASSERT_NE(at, std::string::npos) << from;
  WriteFile(fleet.document(), text.replace(at, from.size(), to));
}

struct Misfit {
  const char *name, *from, *to, *reason;
};
constexpr Misfit kMisfits[] = {
    {"another type", "dueDate: {type: string, format: date-time}", "dueDate: {type: integer}",
     "load.yaml:38:9: tasks.dueDate is stored as TEXT, but "},
    {"new and required, and rows lack it", "      required: [title]",
     "        effort: {type: integer}\n      required: [title, effort]",
     "load.yaml:40:9: tasks.effort is new and required"},
    {"unique, and rows are alike", "title: {type: string, minLength: 1, maxLength: 200}",
     "title: {type: string, minLength: 1, maxLength: 200, unique: true}",
     "load.yaml:34:9: tasks.title is to be unique, but some rows have the same value"},
};

TEST(FleetTest, AChangeThatDoesNotFitTheStoredRowsIsRejectedAsAWhole) {
  RealFleet fleet;
  const std::string sample = ReadFile(fleet.document());
  const size_t seed = sample.find("  seed:\n");  // its rows would be judged with the document
  WriteFile(fleet.document(), sample.substr(0, seed) + sample.substr(sample.find("---\n")));
  fleet.Start();
  ASSERT_TRUE(fleet.Up());
  const std::string original = ReadFile(fleet.document()), token = fleet.Token("ann@example.org");
  const auto before = fleet.Run().pods;
  Writers writers(fleet.port(), token);
  ASSERT_TRUE(writers.Acknowledged(20));
  for (const Misfit& misfit : kMisfits) {
    SCOPED_TRACE(misfit.name);
    Edit(fleet, misfit.from, misfit.to);
    ASSERT_TRUE(Eventually([&] { return fleet.Documents()["state"] == "rejected"; })) << fleet.Said();
    EXPECT_NE(fleet.Documents()["reason"].dump().find(misfit.reason), std::string::npos) << fleet.Documents();
    EXPECT_NE(fleet.Said().find(misfit.reason), std::string::npos) << fleet.Said();
    EXPECT_TRUE(Eventually([&] { return fleet.Run().pods == before; })) << "the old pods were not touched";
    WriteFile(fleet.document(), original);
    ASSERT_TRUE(Eventually([&] { return fleet.Documents()["state"] == "running"; })) << fleet.Said();
  }
  Edit(fleet, "      required: [title]", "        effort: {type: integer}\n      required: [title]");
  ASSERT_TRUE(Eventually([&] { return fleet.Said().find("all pods run the change") != std::string::npos; }))
      << fleet.Said();
  RawClient client(fleet.port());
  EXPECT_EQ(client.Send("POST", "/api/v1/tasks", token, R"({"title":"fits","effort":3})").status, 201);
  writers.Stop();
  EXPECT_EQ(writers.lost(), 0);
  EXPECT_EQ(writers.refused(), 0);
  EXPECT_TRUE(writers.odd_answers().empty()) << writers.odd_answers().front();
}

// A database that somebody else has open, and locks.
class Locked {
 public:
  explicit Locked(const std::string& file) {
    EXPECT_EQ(sqlite3_open(file.c_str(), &handle_), SQLITE_OK);
    Run("PRAGMA journal_mode = WAL");
    Run("BEGIN EXCLUSIVE");
  }
  ~Locked() { sqlite3_close(handle_); }

 private:
  void Run(const char* text) { EXPECT_EQ(sqlite3_exec(handle_, text, nullptr, nullptr, nullptr), SQLITE_OK) << text; }
  sqlite3* handle_ = nullptr;
};

TEST(FleetTest, WhileTheDatabaseIsLockedWritesAreRefusedAndReadsGoOn) {
  RealFleet fleet;
  fleet.Start();
  ASSERT_TRUE(fleet.Up());
  const std::string token = fleet.Token("ann@example.org");
  RawClient client(fleet.port());
  const auto create = [&] { return client.Send("POST", "/api/v1/tasks", token, R"({"title":"one"})"); };
  ASSERT_EQ(create().status, 201);
  {
    const Locked locked(fleet.data() + "/load.db");
    EXPECT_EQ(create().status, 503);
    EXPECT_EQ(client.Send("GET", "/api/v1/tasks", token).status, 200);
  }
  EXPECT_TRUE(Eventually([&] { return create().status == 201; }));
}

TEST(FleetTest, WithoutRedisServerOnePodServes) {
  RealFleet fleet;
  fleet.path = "/nonexistent";
  fleet.Start();
  ASSERT_TRUE(fleet.Up());
  EXPECT_NE(fleet.Said().find("there is no redis-server on this machine: ONE pod runs"), std::string::npos);
  EXPECT_EQ(fleet.Run().pods.size(), 1U);
  RawClient client(fleet.port());
  EXPECT_EQ(client.Send("POST", "/api/v1/tasks", fleet.Token("ann@example.org"), R"({"title":"alone"})").status, 201);
  fleet.Signal(SIGTERM);
  EXPECT_EQ(fleet.WaitForEnd(), 0) << fleet.Said();
}

// Ends with status 1, leaves nothing running, and what it says fits a screen.
std::string Refusal(RealFleet& fleet) {
  fleet.Start();
  EXPECT_EQ(fleet.WaitForEnd(), 1) << fleet.Said();
  EXPECT_TRUE(fleet.Processes().empty());
  const std::string said = fleet.Said();
  EXPECT_LT(std::count(said.begin(), said.end(), '\n'), 25) << said;
  return said;
}

TEST(RefusalTest, ATakenPort) {
  const auto taken = local::OpenListeningPort("127.0.0.1", 0, "the test", "");
  RealFleet fleet;
  fleet.flags[1] = std::to_string(taken->port);
  EXPECT_NE(Refusal(fleet).find("port " + fleet.flags[1] + ", for the API, is taken by pid"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(fleet.data())) << "nothing is left behind";
}

TEST(RefusalTest, ADataFolderThatCannotBeWritten) {
  RealFleet fleet;
  WriteFile(fleet.data(), "a file where the folder should be");
  EXPECT_NE(Refusal(fleet).find("the data folder cannot be used"), std::string::npos);
}

TEST(RefusalTest, ASecondUpOnTheSameFolder) {
  RealFleet first;
  first.Start();
  ASSERT_TRUE(first.Up());
  RealFleet second;
  second.set_data(first.data());
  second.Start();
  EXPECT_EQ(second.WaitForEnd(), 1);
  EXPECT_NE(second.Said().find("is in use by another 'flyballctl up'"), std::string::npos) << second.Said();
  EXPECT_EQ(first.Run().pid, first.pid());
}

TEST(RefusalTest, ADatabaseThatIsNone) {
  RealFleet fleet;
  std::filesystem::create_directory(fleet.data());
  WriteFile(fleet.data() + "/load.db", std::string(8192, 'x'));
  const std::string said = Refusal(fleet);
  EXPECT_NE(said.find("could not start"), std::string::npos) << said;
  EXPECT_NE(said.find("load.db"), std::string::npos) << said;
}

TEST(RefusalTest, ADatabaseThatIsDamaged) {
  RealFleet fleet;
  fleet.Start();
  ASSERT_TRUE(fleet.Up());
  fleet.Signal(SIGINT);
  ASSERT_EQ(fleet.WaitForEnd(), 0);
  const std::string file = fleet.data() + "/load.db", whole = ReadFile(file);
  WriteFile(file, whole.substr(0, whole.size() / 2));
  const std::string said = Refusal(fleet);
  EXPECT_NE(said.find("load.db is damaged"), std::string::npos) << said;
  EXPECT_NE(said.find("restore a backup"), std::string::npos) << said;
  EXPECT_EQ(ReadFile(file).size(), whole.size() / 2) << "left as it was";
}

TEST(RefusalTest, ADatabaseThatIsLocked) {
  RealFleet fleet;
  std::filesystem::create_directory(fleet.data());
  const Locked locked(fleet.data() + "/load.db");
  const std::string said = Refusal(fleet);
  EXPECT_NE(said.find("load.db is locked by another program: let it finish or end it"), std::string::npos) << said;
}

TEST(RefusalTest, WrongDocuments) {
  const std::string sample = ReadFile(FLYBALL_SOURCE_DIR "/manifests/samples/load.yaml");
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = sample;
    return text.replace(text.find(from), from.size(), to);
  };
  const struct {
    const char* name;
    std::string text;
    const char* expected;
  } cases[] = {
      {"unknown key", with("  resources:", "  resuorces:"), "did you mean 'resources'?"},
      {"bad type", with("{type: string, maxLength: 5000}", "{type: strnig, maxLength: 5000}"),
       "did you mean 'string'?"},
      {"dangling ref", with("ref: users", "ref: usres"),
       "refers to 'usres', which is no resource; did you mean 'users'?"},
      {"tabs", with("  resources:", "\tresources:"), "a tab cannot indent; use spaces"},
      {"alias bomb", "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nd: [*c,*c]\n", "anchors (&a) are not supported"},
      {"50 MB", std::string(50 << 20, '#'), "the file is larger than 1 MiB"},
      {"nothing", "", "the file holds no document"},
  };
  for (const auto& wrong : cases) {
    SCOPED_TRACE(wrong.name);
    RealFleet fleet;
    WriteFile(fleet.document(), wrong.text);
    const std::string said = Refusal(fleet);
    EXPECT_NE(said.find(wrong.expected), std::string::npos) << said;
    EXPECT_NE(said.find("; nothing was started\n"), std::string::npos) << said;
    EXPECT_FALSE(std::filesystem::exists(fleet.data())) << "nothing is left behind";
  }
  RealFleet fleet;
  std::filesystem::remove(fleet.document());
  EXPECT_NE(Refusal(fleet).find("load.yaml: the file does not exist"), std::string::npos) << fleet.Said();
}

TEST(RefusalTest, ADocumentThatDoesNotFitWhatIsStored) {
  RealFleet fleet;
  fleet.Start();
  ASSERT_TRUE(fleet.Up());
  fleet.Signal(SIGINT);
  ASSERT_EQ(fleet.WaitForEnd(), 0);
  Edit(fleet, "dueDate: {type: string, format: date-time}", "dueDate: {type: integer}");
  const std::string said = Refusal(fleet);
  EXPECT_NE(said.find("load.yaml:38:9: tasks.dueDate is stored as TEXT, but "), std::string::npos) << said;
  EXPECT_NE(said.find("the documents do not fit what is stored in " + fleet.data()), std::string::npos) << said;
}

TEST(RefusalTest, ADocumentWithATypo) {
  RealFleet fleet;
  WriteFile(fleet.document(), ReadFile(fleet.document()) + "  colour: red\n");
  const std::string said = Refusal(fleet);
  EXPECT_NE(said.find("colour"), std::string::npos) << said;
  EXPECT_NE(said.find("nothing was started"), std::string::npos) << said;
}

}  // namespace
}  // namespace flyball::integration
