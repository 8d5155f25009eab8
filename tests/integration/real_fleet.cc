#include "tests/integration/real_fleet.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "pkg/http/client.h"
#include "pkg/service/local/child.h"
#include "pkg/service/local/testing/alive.h"
#include "pkg/service/local/testing/eventually.h"

namespace flyball::integration {

using local::testing::Alive;
using local::testing::Eventually;
using local::testing::ReadFile;

namespace {

uint16_t PortOf(const std::string& url) { return static_cast<uint16_t>(std::atoi(url.c_str() + url.rfind(':') + 1)); }

}  // namespace

RealFleet::RealFleet() : document_(folder_ / "load.yaml"), data_(folder_ / "data") {
  std::filesystem::copy_file(FLYBALL_SOURCE_DIR "/manifests/samples/load.yaml", document_);
  flags = {"--port", "0", "--console-port", "0", "--replicas", "2:2", "--drain-delay", "200ms"};
}

RealFleet::~RealFleet() {
  if (pid_ == 0) return;
  const auto left = Processes();
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  for (const int pid : left) ::kill(pid, SIGKILL);
}

void RealFleet::Start() {
  local::ChildProgram program;
  program.path = FLYBALL_BIN "/flyballctl";
  program.args = {"up", document_, "--data", data()};
  program.args.insert(program.args.end(), flags.begin(), flags.end());
  if (!path.empty()) program.env = {"PATH=" + path};
  program.log_file = folder_ / "up.log";
  std::filesystem::remove(program.log_file);
  const auto pid = local::Spawn(program);
  ASSERT_TRUE(pid) << pid.error().message;
  pid_ = *pid;
}

::testing::AssertionResult RealFleet::Up() {
  Eventually([&] { return Run().pid == pid_ || !Alive(pid_); });
  if (Run().pid == pid_ && Alive(pid_)) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "it is not up. It said:\n" << Said();
}

void RealFleet::Signal(int signal) const { ::kill(pid_, signal); }

int RealFleet::WaitForEnd() {
  int status = 0;
  if (!Eventually([&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; })) return -1000;
  pid_ = 0;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

std::string RealFleet::Said() const { return ReadFile(folder_ / "up.log"); }

local::RunFile RealFleet::Run() const {
  const auto run = local::ParseRunFile(ReadFile(data() + "/run.json"));
  return run ? *run : local::RunFile{};
}

nlohmann::json RealFleet::Documents() const {
  const local::RunFile run = Run();
  http::Client client;
  const auto answer =
      client.Send({"GET", run.console + "/api/status", "", {{"Authorization", "Bearer " + run.token}}}, seconds(30));
  const auto status = nlohmann::json::parse(answer ? answer->body : "", nullptr, false);
  return status.is_object() ? status.value("documents", nlohmann::json()) : nlohmann::json();
}

uint16_t RealFleet::port() const { return PortOf(Run().api); }

std::vector<int> RealFleet::Processes() const {
  std::vector<int> pids;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const int pid = std::atoi(entry.path().filename().c_str());
    if (pid <= 0 || pid == pid_ || pid == ::getpid()) continue;
    if (ReadFile(entry.path().string() + "/cmdline").find(folder()) != std::string::npos && Alive(pid)) {
      pids.push_back(pid);
    }
  }
  return pids;
}

std::string RealFleet::Token(const std::string& email) const {
  RawClient client(port());
  const auto answer = client.Send("POST", "/api/v1/auth/register", "",
                                  R"({"email":")" + email + R"(","name":"Test","password":"correct horse battery"})");
  const auto json = nlohmann::json::parse(answer.body, nullptr, false);
  EXPECT_EQ(answer.status, 201) << answer.body;
  return json.is_object() ? json.value("accessToken", "") : "";
}

}  // namespace flyball::integration
