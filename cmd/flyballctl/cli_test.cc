// flyballctl as a person or a script meets it: exit statuses, messages, and what comes out of a fleet's console. The
// fleet here is a server that answers as the console does.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "pkg/http/testing/raw_server.h"

namespace flyball {
namespace {

using http::testing::RawPeer;
using http::testing::RawServer;
using nlohmann::json;

constexpr int kFine = 0, kFailed = 1, kUsage = 2;

constexpr const char* kSimulated =
    "apiVersion: flyball.io/v1alpha1\nkind: Governor\nmetadata: {name: g}\n"
    "spec: {targetRef: {kind: App, name: x}, replicas: {min: 2, max: 20}}\n";

struct Ran {
  int status = -1;
  std::string out, err;
};

std::string ReadAll(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

size_t Lines(const std::string& text) { return static_cast<size_t>(std::count(text.begin(), text.end(), '\n')); }

class CliTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "cli_test." + std::to_string(getpid());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directory(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // Runs `flyballctl <arguments>` in the test's folder; `before` may set the environment.
  Ran Run(const std::string& arguments, const std::string& before = "", const std::string& input = "") const {
    Write("in", input);
    const std::string command = "cd " + folder_ + " && env -u NO_COLOR " + before + " " FLYBALL_BIN "/flyballctl " +
                                arguments + " <in >out 2>err";
    const int status = std::system(command.c_str());
    Ran ran{WIFEXITED(status) ? WEXITSTATUS(status) : -1, ReadAll(folder_ + "/out"), ReadAll(folder_ + "/err")};
    EXPECT_EQ(ran.out.find('\x1b'), std::string::npos) << "no colour when piped: " << ran.out;
    EXPECT_EQ(ran.err.find('\x1b'), std::string::npos) << "no colour when piped: " << ran.err;
    return ran;
  }

  void Write(const std::string& name, const std::string& text) const { std::ofstream(folder_ + "/" + name) << text; }

  // A fleet of process `pid` whose console is `server`.
  void WriteRunFile(const std::string& console, int pid, const std::string& api = "http://127.0.0.1:1") const {
    std::filesystem::create_directory(folder_ + "/.flyball");
    const json run{{"pid", pid},
                   {"api", api},
                   {"console", console},
                   {"token", "s3cret"},
                   {"redis", "none"},
                   {"redisPid", 0},
                   {"pods", json::array()},
                   {"documents", {FLYBALL_SOURCE_DIR "/manifests/samples/load.yaml"}},
                   {"app", "load"},
                   {"base", "/api/v1"}};
    Write(".flyball/run.json", run.dump());
  }

  std::string folder_;
};

// A console that wants the token of WriteRunFile and answers every GET with `body`.
RawServer Console(const std::string& body) {
  return RawServer([body](RawPeer& peer) {
    while (auto request = peer.ReadRequest()) {
      const bool known = request->find("Authorization: Bearer s3cret\r\n") != std::string::npos;
      peer.Answer(known ? 200 : 401, known ? body : "{}");
    }
  });
}

TEST_F(CliTest, HelpAndVersionAreFine) {
  const Ran help = Run("--help");
  EXPECT_EQ(help.status, kFine);
  for (const char* command : {"up", "validate", "status", "explain", "load", "users"})
    EXPECT_NE(help.out.find(std::string("\n  ") + command), std::string::npos) << help.out;
  EXPECT_EQ(Run("load --help").status, kFine);
  const Ran version = Run("--version");
  EXPECT_EQ(version.status, kFine);
  EXPECT_EQ(version.out.substr(0, 11), "flyballctl ");
}

TEST_F(CliTest, WrongUsageIsTwoAndOneLineWithAHint) {
  const std::pair<const char*, const char*> wrong[] = {
      {"", "a command is required"},
      {"frobnicate", "no command 'frobnicate'"},
      {"validate", "FILE is required"},
      {"status --bogus", "--bogus"},
      {"status -o xml", "xml"},
      {"load --rate 0", "--rate"},
      {"load --rate many", "--rate"},
      {"load --trace tsunami", "tsunami"},
      {"load --duration 5", "--duration 5: must be a number with its unit (ms, s, m, h, d), such as 5s"},
      {"load --duration 10ms", "at least 1s"},
      {"load --url http://example.org/", "not this machine"},
      {"load --url ftp://127.0.0.1/", "expected http://"},
      {"users", "a command is required"},
      {"users create", "--email is required"},
  };
  for (const auto& [arguments, message] : wrong) {
    const Ran ran = Run(arguments);
    EXPECT_EQ(ran.status, kUsage) << arguments;
    EXPECT_EQ(ran.out, "") << arguments;
    EXPECT_NE(ran.err.find(message), std::string::npos) << arguments << " -> " << ran.err;
    EXPECT_NE(ran.err.find("--help'."), std::string::npos) << ran.err;
    EXPECT_EQ(Lines(ran.err), 2u) << ran.err;
  }
}

TEST_F(CliTest, UpRefusesBadValuesBeforeAnythingIsStarted) {
  Write("app.yaml", ReadAll(FLYBALL_SOURCE_DIR "/manifests/samples/load.yaml"));
  const std::pair<const char*, const char*> wrong[] = {
      {"--fault foo=1", "--fault foo=1: the faults are delay=DURATION, such as delay=20ms, and delay-file=FILE"},
      {"--fault delay=abc", "--fault delay=abc: the delay must be a number with its unit"},
      {"--fault delay=2h", "--fault delay=2h: the delay must be at most 1m"},
      {"--database postgres://h/%zz", "--database postgres://h/%zz: is no URL that PostgreSQL's library understands"},
      {"--database mysql://me:secret@h/tasks", "--database mysql://***@h/tasks"},
      {"--database mysql://h/tasks", "--database mysql://h/tasks: mysql:// is no database that is known; expected"},
      {"--redis bad", "--redis bad: redis address: it starts with neither unix: nor redis://"},
      {"--drain-delay 5", "--drain-delay 5: must be a number with its unit (ms, s, m, h, d), such as 5s"},
      {"--drain-timeout 10", "--drain-timeout 10: must be a number with its unit (ms, s, m, h, d), such as 10s"},
      {"--start-delay 100d", "--start-delay 100d: must be at most 1h"},
      {"--port 70000", "--port 70000: must be a whole number from 0 to 65535"},
      {"--console-port x", "--console-port x: must be a whole number from 0 to 65535"},
      {"--port 8081", "--port and --console-port must differ"},
      {"--replicas 5:2", "--replicas 5:2: must be MIN:MAX with 1 <= MIN <= MAX <= 32, such as 2:10"},
      {"--tls-cert none.pem", "--tls-cert none.pem: cannot read it"},
      {"--tls-cert app.yaml", "--tls-cert and --tls-key go together: give both PEM files, or neither"},
      {"--trusted-proxies 10.0.0.0/8,x", "--trusted-proxies 10.0.0.0/8,x: "},
      {"--access-log some", "--access-log some: "},
      {"--max-connections-per-ip -1", "--max-connections-per-ip -1: must be a whole number from 0 to 1000000"},
      {"--data ''", "--data '': expected the name of a folder"},
      {"--cache-redis redis://h", "--cache-redis redis://h: the shared cache is not built yet"},
      {"-", "'-': the documents are watched for changes, so they must be files"},
  };
  for (const auto& [arguments, message] : wrong) {
    const Ran ran = Run("up app.yaml " + std::string(arguments));
    EXPECT_EQ(ran.status, kUsage) << arguments;
    EXPECT_EQ(ran.out, "") << arguments;
    EXPECT_NE(ran.err.find(std::string("flyballctl up: ") + message), std::string::npos) << ran.err;
    EXPECT_EQ(Lines(ran.err), 2u) << ran.err;
    EXPECT_EQ(ran.err.find("secret"), std::string::npos) << ran.err;
    EXPECT_FALSE(std::filesystem::exists(folder_ + "/.flyball")) << arguments;
  }
}

TEST_F(CliTest, APodJudgesItsFlagsAsUpDoes) {
  Write("in", "");
  for (const auto& [arguments, message] : {
           std::pair{"--drain-delay 5", "flyball-api: --drain-delay 5: must be a number with its unit"},
           {"--fault foo=1 --allow-faults", "flyball-api: --fault foo=1: the faults are delay=DURATION"},
           {"--fault delay=20ms", "flyball-api: --fault needs --allow-faults"},
           {"--database mysql://h/x", "flyball-api: --database mysql://h/x: mysql:// is no database that is known"},
           {"--redis bad", "flyball-api: --redis bad: "},
       }) {
    const std::string command = "cd " + folder_ + " && " FLYBALL_BIN "/flyball-api x.yaml " + arguments + " 2>err";
    const int status = std::system(command.c_str());
    EXPECT_EQ(WEXITSTATUS(status), kUsage) << arguments;
    EXPECT_EQ(ReadAll(folder_ + "/err").find(message), 0u) << ReadAll(folder_ + "/err");
  }
}

TEST_F(CliTest, UpsHelpNamesDefaultsAndTheEnvironment) {
  const Ran ran = Run("up --help");
  EXPECT_EQ(ran.status, kFine);
  EXPECT_NE(ran.out.find("Usage:\n  flyballctl up FILE... [options]\n"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("    --port=8080:\n        port of the API; 0 takes a free one; 0 to 65535 (FLYBALL_PORT)\n"),
            std::string::npos)
      << ran.out;
  EXPECT_NE(ran.out.find("(FLYBALL_CONSOLE_PORT)"), std::string::npos) << ran.out;
  EXPECT_EQ(ran.out.find("(1x)"), std::string::npos) << ran.out;
}

TEST_F(CliTest, FlagsComeFromTheEnvironmentToo) {
  EXPECT_EQ(Run("status", "FLYBALL_OUTPUT=xml").status, kUsage);
  const Ran ran = Run("status", "FLYBALL_DATA=elsewhere");
  EXPECT_EQ(ran.status, kFailed);
  EXPECT_NE(ran.err.find("'elsewhere'"), std::string::npos) << ran.err;
  EXPECT_NE(Run("status --data here", "FLYBALL_DATA=elsewhere").err.find("'here'"), std::string::npos);
}

TEST_F(CliTest, ValidateAcceptsTheSamples) {
  const Ran ran = Run("validate " FLYBALL_SOURCE_DIR "/manifests/samples/tasks.yaml");
  EXPECT_EQ(ran.status, kFine) << ran.out;
  EXPECT_EQ(ran.out, "valid: App tasks; Governor tasks\n");
}

TEST_F(CliTest, ValidateSaysEverythingAtOnce) {
  Write("bad.yaml", "apiVersion: flyball.io/v1alpha1\nkind: App\nmetadata: {name: shop}\nspek: {}\n");
  const Ran ran = Run("validate bad.yaml missing.yaml");
  EXPECT_EQ(ran.status, kFailed);
  EXPECT_NE(ran.out.find("bad.yaml:4:1: "), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("spek"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("missing.yaml"), std::string::npos) << ran.out;

  const Ran structured = Run("validate bad.yaml missing.yaml -o json");
  EXPECT_EQ(structured.status, kFailed);
  const json report = json::parse(structured.out);
  EXPECT_EQ(report["valid"], false);
  EXPECT_EQ(report["problems"].size(), Lines(ran.out) - 1) << "one line a problem, and a count";
}

TEST_F(CliTest, ValidateReadsStandardInput) {
  const std::string good = ReadAll(FLYBALL_SOURCE_DIR "/manifests/samples/tasks.yaml");
  EXPECT_EQ(Run("validate -", "", good).out, "valid: App tasks; Governor tasks\n");
  const Ran bad = Run("validate -", "", "apiVersion: flyball.io/v1alpha1\nkind: App\nspek: {}\n");
  EXPECT_EQ(bad.status, kFailed);
  EXPECT_NE(bad.out.find("stdin:3:1: "), std::string::npos) << bad.out;
  EXPECT_NE(Run("validate -", "", "").out.find("stdin:1:1: the file holds no document"), std::string::npos);
  const Ran large = Run("validate -", "", std::string(2 << 20, '#'));
  EXPECT_NE(large.out.find("stdin: the file is larger than 1 MiB"), std::string::npos) << large.out;
}

TEST_F(CliTest, NoFleetIsAFailureThatSaysWhatToDo) {
  for (const char* command : {"status", "explain", "load", "status -o json", "status --watch"}) {
    const Ran ran = Run(command);
    EXPECT_EQ(ran.status, kFailed) << command;
    EXPECT_EQ(ran.out, "") << command;
    EXPECT_NE(ran.err.find("no fleet is running"), std::string::npos) << ran.err;
    EXPECT_NE(ran.err.find("flyballctl up FILE"), std::string::npos) << ran.err;
  }
}

TEST_F(CliTest, AFleetThatDiedIsSaidToHaveDied) {
  const pid_t child = fork();
  if (child == 0) _exit(0);
  waitpid(child, nullptr, 0);  // its number names nobody now
  WriteRunFile("http://127.0.0.1:1", child);
  const Ran ran = Run("status");
  EXPECT_EQ(ran.status, kFailed);
  EXPECT_NE(ran.err.find("has ended without cleaning up"), std::string::npos) << ran.err;
}

TEST_F(CliTest, ABrokenRunFileOrASilentConsoleIsAFailure) {
  std::filesystem::create_directory(folder_ + "/.flyball");
  Write(".flyball/run.json", "{\"pid\": ");
  EXPECT_NE(Run("status").err.find("not what 'flyballctl up' writes"), std::string::npos);

  WriteRunFile("http://127.0.0.1:1", getpid());
  const Ran ran = Run("status");
  EXPECT_EQ(ran.status, kFailed);
  EXPECT_NE(ran.err.find("does not answer"), std::string::npos) << ran.err;
  EXPECT_EQ(ran.err.find("s3cret"), std::string::npos) << "the token is never shown";
}

constexpr const char* kStatus = R"({"pods":[
  {"name":"pod-1","pid":4711,"ready":true,"admin":40001},
  {"name":"pod-2","pid":4712,"ready":false,"admin":0}],
 "governors":[{"name":"load","mode":"Enforce","replicas":{"min":1,"max":6,"ready":1,"desired":2,"raw":5},
  "demandRps":1980.4,"admittedRps":392.5,"shedShare":0.8,"capacityPerPodRps":400,"targetUtilization":0.8,
  "rates":{"critical":0,"normal":440,"sheddable":0},
  "conditions":[{"type":"ScalingLimited","reason":"TooFewReplicas","message":"at the maximum"}],
  "lastDecision":{"at":"2026-11-21T12:00:00.000Z","ordered":1,"desired":2,"reason":"the load asks for 5"}}]})";

TEST_F(CliTest, StatusShowsTheFleet) {
  RawServer console = Console(kStatus);
  WriteRunFile(console.Url(""), getpid());
  const Ran ran = Run("status");
  ASSERT_EQ(ran.status, kFine) << ran.err;
  for (const char* part : {"App load", "pod-1  4711  ready", "pod-2  4712  not ready      -", "Governor load (Enforce)",
                           "1 ready of 2 desired", "1,980 requests/s wanted", "80.0 % shed", "normal 440",
                           "ScalingLimited/TooFewReplicas: at the maximum", "1 -> 2: the load asks for 5"})
    EXPECT_NE(ran.out.find(part), std::string::npos) << part << " in\n" << ran.out;

  EXPECT_EQ(json::parse(Run("status -o json").out), json::parse(kStatus)) << "as the console says it";
  const Ran yaml = Run("status -o yaml");
  EXPECT_NE(yaml.out.find("pods:\n  - name: \"pod-1\"\n    pid: 4711\n"), std::string::npos) << yaml.out;
}

TEST_F(CliTest, StatusSaysWhenTheSavedDocumentsDoNotRun) {
  RawServer console =
      Console(R"({"pods":[],"governors":[],"documents":{"state":"rejected","reason":"a.yaml:3:1: no"}})");
  WriteRunFile(console.Url(""), getpid());
  const Ran ran = Run("status");
  EXPECT_NE(ran.out.find("The saved documents are not those that run: a.yaml:3:1: no\n"), std::string::npos) << ran.out;
}

TEST_F(CliTest, StatusBearsAnAutoscalerThatKnowsNothingYet) {
  for (const char* body : {R"({"pods":[],"governors":[]})", R"({"pods":[{"name":"pod-1"}],"governors":[{"name":"x"}]})",
                           R"({"governors":[{"name":"x","replicas":null,"rates":null,"lastDecision":null}]})"}) {
    RawServer console = Console(body);
    WriteRunFile(console.Url(""), getpid());
    EXPECT_EQ(Run("status").status, kFine) << body;
  }
  RawServer console = Console("[]");
  WriteRunFile(console.Url(""), getpid());
  EXPECT_EQ(Run("status").status, kFailed);
}

TEST_F(CliTest, ExplainShowsWhatMovedReplicasAndTheLatest) {
  const auto decision = [](const char* at, int ordered, int desired, const char* text) {
    return json{{"at", at}, {"ordered", ordered}, {"desired", desired}, {"reason", "because"}, {"text", text}};
  };
  const json body{{"governors",
                   {{{"name", "load"},
                     {"decisions",
                      {decision("T1", 1, 1, "first words"), decision("T2", 1, 4, "moved words"),
                       decision("T3", 4, 4, "middle words"), decision("T4", 4, 4, "latest words")}}}}}};
  RawServer console = Console(body.dump());
  WriteRunFile(console.Url(""), getpid());
  const Ran ran = Run("explain");
  ASSERT_EQ(ran.status, kFine) << ran.err;
  const size_t moved = ran.out.find("moved words"), latest = ran.out.find("latest words");
  ASSERT_NE(moved, std::string::npos) << ran.out;
  ASSERT_NE(latest, std::string::npos) << ran.out;
  EXPECT_LT(moved, latest);
  EXPECT_EQ(ran.out.find("first words"), std::string::npos);
  EXPECT_EQ(ran.out.find("middle words"), std::string::npos);
  EXPECT_EQ(json::parse(Run("explain -o json").out), body);
  EXPECT_EQ(Run("explain --governor other").status, kFailed);
}

TEST_F(CliTest, ExplainListsEveryMoveAndTellsThemInFullWhenAsked) {
  json decisions = json::array();
  for (int i = 1; i <= 12; ++i) {
    const std::string n = std::to_string(i);
    decisions.push_back({{"at", "T" + n + "."},
                         {"ordered", i},
                         {"desired", i + 1},
                         {"text", "because of " + n + ".\nnumbers of " + n + ".\n"}});
  }
  decisions.push_back({{"at", "T13."}, {"ordered", 13}, {"desired", 13}, {"text", "stays.\nnumbers of 13.\n"}});
  RawServer console = Console(json{{"governors", {{{"name", "load"}, {"decisions", decisions}}}}}.dump());
  WriteRunFile(console.Url(""), getpid());

  const std::string listed = Run("explain").out;
  EXPECT_TRUE(
      listed.starts_with("Replicas moved 12 times in the last 13 decisions; the last 10:\n"
                         "  T3.  because of 3.\n"))
      << listed;
  EXPECT_NE(listed.find("\n  T12.  because of 12.\n\nReplicas last moved at T12.\nbecause of 12.\nnumbers of 12.\n\n"
                        "The latest decision, at T13.\nstays.\n"),
            std::string::npos)
      << listed;
  EXPECT_EQ(listed.find("numbers of 11."), std::string::npos) << listed;

  const std::string full = Run("explain --moves").out;
  EXPECT_TRUE(full.starts_with("Replicas moved at T1.\nbecause of 1.\nnumbers of 1.\n\nReplicas moved at T2.\n"))
      << full;
  EXPECT_NE(full.find("numbers of 11."), std::string::npos) << full;
}

TEST_F(CliTest, ExplainSaysSoWhenNothingIsKnown) {
  RawServer console = Console(R"({"governors":[]})");
  WriteRunFile(console.Url(""), getpid());
  const Ran ran = Run("explain");
  EXPECT_EQ(ran.status, kFailed);
  EXPECT_NE(ran.err.find("no governor has reported"), std::string::npos) << ran.err;
}

TEST_F(CliTest, LoadReportsInTheFixedShape) {
  std::atomic<uint64_t> asked{0};
  RawServer api([&](RawPeer& peer) {
    while (peer.ReadRequest()) {
      asked.fetch_add(1);
      peer.Answer(200, "{}");
    }
  });
  const Ran ran = Run("load --url " + api.Url("/api/v1") + " --rate 200 --duration 1s --connections 4 -o json");
  ASSERT_EQ(ran.status, kFine) << ran.err;
  const json report = json::parse(ran.out);
  EXPECT_EQ(report["sent"], asked.load());
  EXPECT_EQ(report["answered"], asked.load());
  EXPECT_EQ(report["byStatus"]["200"], asked.load());
  for (const char* key : {"resets", "timeouts", "missingRetryAfter"}) EXPECT_EQ(report[key], 0) << key;
  for (const char* key : {"p50", "p95", "p99", "max"}) EXPECT_GT(report["latencyMs"][key].get<double>(), 0) << key;
  EXPECT_GT(report["goodputRps"].get<double>(), 0);
  ASSERT_FALSE(report["series"].empty());
  for (const char* key : {"t", "offered", "ok", "shed", "p99Ms"}) EXPECT_TRUE(report["series"][0].contains(key)) << key;

  const Ran text = Run("load --url " + api.Url("/api/v1") + " --rate 100 --duration 1s");
  EXPECT_EQ(text.status, kFine) << text.err;
  EXPECT_NE(text.out.find("goodput"), std::string::npos) << text.out;
}

TEST_F(CliTest, LoadSaysWhatIsWrongWithAMix) {
  Write("mix.yaml", "- {path: tasks}\n");
  const Ran ran = Run("load --url http://127.0.0.1:1 --mix mix.yaml");
  EXPECT_EQ(ran.status, kFailed);
  EXPECT_NE(ran.err.find("mix.yaml:1:10"), std::string::npos) << ran.err;
  EXPECT_NE(Run("load --url http://127.0.0.1:1 --mix none.yaml").err.find("none.yaml"), std::string::npos);
}

TEST_F(CliTest, LoadAsksAFleetAsItsOwnPrincipals) {
  const std::string document = FLYBALL_SOURCE_DIR "/manifests/samples/load.yaml";
  std::atomic<int> with_token{0}, without{0};
  RawServer api([&](RawPeer& peer) {
    while (auto request = peer.ReadRequest()) {
      (request->find("\r\nAuthorization: Bearer ey") != std::string::npos ? with_token : without).fetch_add(1);
      if (request->starts_with("POST /api/v1/tasks ")) {
        peer.Answer(201, "{}", "Location: /api/v1/tasks/42\r\n");
      } else {
        peer.Answer(request->starts_with("GET /api/v1/tasks") ? 200 : 404, "{}");
      }
    }
  });
  WriteRunFile("http://127.0.0.1:1", getpid(), api.Url(""));
  Ran ran = Run("load --rate 100 --duration 1s --principals 3 -o json");
  EXPECT_EQ(ran.status, kFailed) << "no database yet";
  EXPECT_NE(ran.err.find("load.db"), std::string::npos) << ran.err;

  ASSERT_EQ(Run("users create --email admin@example.org").status, kFine) << "makes the database";
  Write(".flyball/signing.key", std::string(64, 'a') + "\n");
  ASSERT_EQ(chmod((folder_ + "/.flyball/signing.key").c_str(), 0600), 0);
  ran = Run("load --rate 100 --duration 1s --principals 3 -o json");
  ASSERT_EQ(ran.status, kFine) << ran.err;
  const json report = json::parse(ran.out);
  EXPECT_EQ(report["sent"], with_token.load());
  EXPECT_EQ(without.load(), 0);
  EXPECT_GT(report["byStatus"]["201"].get<int>(), 0);
  EXPECT_FALSE(report["byStatus"].contains("404")) << report["byStatus"];
}

TEST_F(CliTest, UsersAreCreatedWithAGivenOrAMadeUpPassword) {
  const std::string create = "users create " FLYBALL_SOURCE_DIR "/manifests/samples/load.yaml ";
  const auto nowhere = Run(create + "--email nowhere");
  EXPECT_EQ(nowhere.status, kFailed);
  EXPECT_EQ(nowhere.err,
            "flyballctl users create: the account does not fit the document\n"
            "  email: must be an e-mail address, as in 'ada@example.org'\n");
  Ran ran = Run(create + "--email Grace@Example.org --role admin --name Grace");
  ASSERT_EQ(ran.status, kFine) << ran.err;
  EXPECT_NE(ran.out.find("created Grace@Example.org with role admin"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("password: "), std::string::npos) << ran.out;

  ran = Run(create + "--email grace@example.org");
  EXPECT_EQ(ran.status, kFailed);
  EXPECT_NE(ran.err.find("there is an account with this e-mail address"), std::string::npos) << ran.err;

  ran = Run(create + "--email bob@example.org --password-stdin -o json", "", "correct horse battery\n");
  ASSERT_EQ(ran.status, kFine) << ran.err;
  const json created = json::parse(ran.out);
  EXPECT_EQ(created["user"]["email"], "bob@example.org");
  EXPECT_TRUE(created["password"].is_null()) << "a given password is not repeated";

  ran = Run(create + "--email eve@example.org --password-stdin", "", "short\n");
  EXPECT_EQ(ran.status, kFailed);
  EXPECT_NE(ran.err.find("at least 10"), std::string::npos) << ran.err;
  ran = Run(create + "--email eve@example.org --role emperor");
  EXPECT_EQ(ran.status, kFailed);
  EXPECT_NE(ran.err.find("'emperor'"), std::string::npos) << ran.err;
}

TEST_F(CliTest, SimulateReplaysATraceUnderEachAutoscalerTheSameForASeed) {
  Write("g.yaml", kSimulated);
  Write("t.csv", "seconds,rps\n0,100\n60,100\n70,900\n240,900\n");
  const std::string command = "simulate --governor g.yaml --trace t.csv --against hpa,kpa --html r.html -o json";
  const Ran ran = Run(command);
  ASSERT_EQ(ran.status, kFine) << ran.err;
  const json result = json::parse(ran.out);
  ASSERT_EQ(result["autoscalers"].size(), 3u);
  EXPECT_EQ(result["autoscalers"][0]["name"], "flyball");
  EXPECT_NEAR(result["autoscalers"][0]["offered"].get<double>(), 6000 + 5000 + 170 * 900, 3000);
  EXPECT_GT(result["autoscalers"][0]["mostReplicas"], 2);
  EXPECT_EQ(Run(command).out, ran.out);
  EXPECT_NE(json::parse(Run(command + " --seed 2").out)["autoscalers"][0]["hash"], result["autoscalers"][0]["hash"]);
  EXPECT_NE(ReadAll(folder_ + "/r.html").find("<svg "), std::string::npos);
  EXPECT_NE(Run("simulate --governor g.yaml --trace t.csv").out.find("POD-HOURS"), std::string::npos);
}

TEST_F(CliTest, SimulateSaysWhatIsWrong) {
  Write("g.yaml", kSimulated);
  Write("t.csv", "0,10\n5;3\n");
  EXPECT_EQ(Run("simulate --governor g.yaml").status, kUsage);
  const Ran line = Run("simulate --governor g.yaml --trace t.csv");
  EXPECT_EQ(line.status, kFailed);
  EXPECT_NE(line.err.find("t.csv: line 2"), std::string::npos) << line.err;
  const Ran name = Run("simulate --governor g.yaml --trace tsunami");
  EXPECT_NE(name.err.find("tsunami: no such file, and no built-in trace"), std::string::npos) << name.err;
  EXPECT_EQ(Run("simulate --governor g.yaml --trace flash --against vpa").status, kUsage);
  EXPECT_EQ(Run("simulate --governor nowhere.yaml --trace flash").status, kFailed);
  Write("long.csv", "0,100000\n9000,100000\n");
  EXPECT_NE(Run("simulate --governor g.yaml --trace long.csv").err.find("shorten it"), std::string::npos);
}

TEST_F(CliTest, SimulateTakesTheLoadFromPrometheus) {
  Write("g.yaml", kSimulated);
  const auto answer = [](const std::string& body) {
    return [body](RawPeer& peer) {
      if (peer.ReadRequest()) peer.Answer(200, body);
    };
  };
  const double now = static_cast<double>(std::time(nullptr));
  std::string values;
  for (int back = 60; back >= 0; back -= 10) {
    values += (values.empty() ? "[" : ",[") + std::to_string(now - back) + ",\"" + std::to_string(200 - back) + "\"]";
  }
  RawServer server(answer(R"({"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[)" +
                          values + "]}]}}"));
  const std::string url = "http://127.0.0.1:" + std::to_string(server.port());
  const Ran ran = Run("simulate --governor g.yaml --last 1m --against hpa -o json --prometheus " + url);
  ASSERT_EQ(ran.status, kFine) << ran.err;
  EXPECT_NEAR(json::parse(ran.out)["autoscalers"][0]["offered"].get<double>(), 170 * 60, 700);
  RawServer refuses(answer(R"({"status":"error","error":"parse error: unexpected end"})"));
  const Ran bad = Run("simulate --governor g.yaml --prometheus http://127.0.0.1:" + std::to_string(refuses.port()));
  EXPECT_EQ(bad.status, kFailed);
  EXPECT_NE(bad.err.find("refused the query: parse error"), std::string::npos) << bad.err;
}

}  // namespace
}  // namespace flyball
