#include "tests/integration/pod_fleet.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "pkg/base/check.h"
#include "pkg/service/local/child.h"
#include "pkg/service/local/listening_port.h"
#include "pkg/service/local/testing/eventually.h"
#include "tests/integration/raw_client.h"

namespace flyball::integration {
namespace {

constexpr size_t kSlots = 8;
constexpr milliseconds kPatience{60'000};

http::ConnectionCounts NewPage() {
  auto counts = http::ConnectionCounts::Create();
  Check(counts.has_value(), "a page of connection counts");
  return std::move(*counts);
}

}  // namespace

PodFleet::PodFleet(std::string document, std::vector<std::string> flags)
    : document_(std::move(document)), flags_(std::move(flags)), counts_(NewPage()), pods_(kSlots) {
  auto port = local::OpenListeningPort("127.0.0.1", 0, "the test", "");
  Check(port.has_value(), "a listening port");
  listener_ = std::move(port->fd);
  port_ = port->port;
}

PodFleet::~PodFleet() {
  for (const Pod& pod : pods_) {
    if (pod.pid == 0) continue;
    ::kill(pod.pid, SIGKILL);
    ::waitpid(pod.pid, nullptr, 0);
  }
}

::testing::AssertionResult PodFleet::Start(size_t slot) {
  int ends[2];
  Check(::pipe2(ends, O_CLOEXEC) == 0, "a pipe");
  const UniqueFd ready(ends[0]);
  UniqueFd tells(ends[1]);
  local::ChildProgram program;
  program.path = FLYBALL_BIN "/flyball-api";
  program.args = {document_, "--pod",  "pod-" + std::to_string(slot), "--data", folder_.path(), "--redis",
                  "none",    "--slot", std::to_string(slot)};
  program.args.insert(program.args.end(), flags_.begin(), flags_.end());
  program.env = {"LISTEN_FDS=1", "FLYBALL_COUNTS_FD=4", "FLYBALL_READY_FD=5"};
  program.pid_variable = "LISTEN_PID";
  program.log_file = LogFile(slot);
  program.fds = {listener_.get(), counts_.fd(), tells.get()};
  const auto pid = local::Spawn(program);
  if (!pid) return ::testing::AssertionFailure() << pid.error().message;
  pods_[slot].pid = *pid;
  tells.Reset();
  return AwaitReady(slot, ready);
}

::testing::AssertionResult PodFleet::AwaitReady(size_t slot, const UniqueFd& ready) {
  pollfd poller{ready.get(), POLLIN, 0};
  std::array<char, 128> line{};
  if (::poll(&poller, 1, static_cast<int>(kPatience.count())) == 1 &&
      ::read(ready.get(), line.data(), line.size() - 1) > 0) {
    const auto json = nlohmann::json::parse(line.data(), nullptr, false);
    pods_[slot].admin_port = json.is_object() ? json.value("admin", uint16_t{0}) : 0;
    return ::testing::AssertionSuccess();
  }
  return ::testing::AssertionFailure() << "the pod in slot " << slot << " is not Ready. It said:\n" << Said(slot);
}

::testing::AssertionResult PodFleet::Stop(size_t slot) {
  ::kill(pods_[slot].pid, SIGTERM);
  int status = 0;
  if (!local::testing::Eventually([&] { return ::waitpid(pods_[slot].pid, &status, WNOHANG) == pods_[slot].pid; },
                                  kPatience)) {
    return ::testing::AssertionFailure() << "the pod in slot " << slot << " does not end. It said:\n" << Said(slot);
  }
  pods_[slot] = {};
  counts_.Clear(slot);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "the pod in slot " << slot << " ended with " << status << ". It said:\n"
                                       << Said(slot);
}

long PodFleet::ResidentKib(size_t slot) const {
  std::ifstream status("/proc/" + std::to_string(pods_[slot].pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmRSS:", 0) == 0) return std::atol(line.c_str() + 6);
  }
  return 0;
}

std::string PodFleet::Said(size_t slot) const { return local::testing::ReadFile(LogFile(slot)); }

std::string PodFleet::Token(const std::string& email) const {
  RawClient client(port_);
  const auto answer = client.Send("POST", "/api/v1/auth/register", "",
                                  R"({"email":")" + email + R"(","name":"Test","password":"correct horse battery"})");
  const auto json = nlohmann::json::parse(answer.body, nullptr, false);
  EXPECT_EQ(answer.status, 201) << answer.body;
  return json.is_object() ? json.value("accessToken", "") : "";
}

}  // namespace flyball::integration
