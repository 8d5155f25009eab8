#include "tests/integration/foreign_fleet.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>

#include "pkg/http/listener.h"
#include "pkg/service/local/child.h"

namespace flyball::integration {
namespace {

enum Endpoint : uint32_t { kPods, kScale, kStatus };

std::string ReplicaName(int i) { return "replica-" + std::to_string(i); }

}  // namespace

uint16_t FreePort() {
  const auto socket = http::Listen("127.0.0.1", 0);
  EXPECT_TRUE(socket);
  return http::LocalPort(socket->get());
}

std::string ForeignFleet::Prometheus() {
  const char* path = std::getenv("PATH");
  return local::FindProgram("prometheus", path == nullptr ? "" : path);
}

ForeignFleet::ForeignFleet(int most)
    : running_(static_cast<size_t>(most), false), ready_(static_cast<size_t>(most), false) {
  for (int i = 0; i < most; ++i) ports_.push_back(FreePort());
  http::Router router;
  EXPECT_TRUE(router.Add(http::Method::kGet, "/api/pods", kPods));
  EXPECT_TRUE(router.Add(http::Method::kPut, "/api/scale", kScale));
  EXPECT_TRUE(router.Add(http::Method::kPut, "/api/governors/{name}/status", kStatus));
  console_ = std::make_unique<http::Server>(http::ServerOptions{}, std::move(router), *this);
  const auto started = console_->Start();
  EXPECT_TRUE(started);
}

ForeignFleet::~ForeignFleet() {
  console_.reset();
  while (!processes_.empty()) Kill(processes_.back().name);
}

void ForeignFleet::Spawn(const std::string& name, const std::string& path, std::vector<std::string> args) {
  local::ChildProgram program;
  program.path = path;
  program.args = std::move(args);
  program.env = {"FLYBALL_SUPERVISOR_TOKEN=secret"};
  program.log_file = folder_ / (name + ".log");
  const auto pid = local::Spawn(program);
  ASSERT_TRUE(pid) << pid.error().message;
  processes_.push_back({name, *pid});
}

void ForeignFleet::StartPrometheus(const std::string& name, uint16_t port, const std::string& config) {
  local::testing::WriteFile(folder_ / (name + ".yml"), config);
  Spawn(name, Prometheus(),
        {"--config.file=" + (folder_ / (name + ".yml")), "--storage.tsdb.path=" + (folder_ / (name + ".tsdb")),
         "--web.listen-address=127.0.0.1:" + std::to_string(port), "--log.level=warn"});
}

void ForeignFleet::StartAutoscaler(const std::string& document) {
  local::testing::WriteFile(folder_ / "governor.yaml", document);
  Spawn("autoscaler", FLYBALL_BIN "/flyball-autoscaler",
        {folder_ / "governor.yaml", "--supervisor", "http://127.0.0.1:" + std::to_string(console_->port()), "--redis",
         "none"});
}

void ForeignFleet::Kill(const std::string& name) {
  const auto found = std::find_if(processes_.begin(), processes_.end(), [&](const auto& p) { return p.name == name; });
  if (found == processes_.end()) return;
  ::kill(found->pid, SIGKILL);
  ::waitpid(found->pid, nullptr, 0);
  processes_.erase(found);
}

bool ForeignFleet::Running(const std::string& name) const {
  return std::any_of(processes_.begin(), processes_.end(), [&](const auto& p) { return p.name == name; });
}

void ForeignFleet::Step() {
  const int wanted = ordered();
  std::vector<http::ClientRequest> asked;
  for (int i = 0; i < static_cast<int>(ports_.size()); ++i) {
    if (i < wanted && !Running(ReplicaName(i))) {
      StartPrometheus(ReplicaName(i), ports_[static_cast<size_t>(i)], "global: {scrape_interval: 1m}\n");
    } else if (i >= wanted && Running(ReplicaName(i))) {
      Kill(ReplicaName(i));
    }
    asked.push_back({.url = "http://" + Address(i) + "/-/ready"});
  }
  const auto answers = client_.Fetch(asked, seconds(2));
  const std::lock_guard lock(mutex_);
  for (size_t i = 0; i < ports_.size(); ++i) {
    running_[i] = Running(ReplicaName(static_cast<int>(i)));
    ready_[i] = running_[i] && answers[i] && answers[i]->status == 200;
  }
}

int ForeignFleet::ordered() const {
  const std::lock_guard lock(mutex_);
  return ordered_;
}

int ForeignFleet::ready() const {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(std::count(ready_.begin(), ready_.end(), true));
}

nlohmann::json ForeignFleet::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

std::string ForeignFleet::Pods() const {
  nlohmann::json pods = nlohmann::json::array();
  for (size_t i = 0; i < ports_.size(); ++i) {
    if (!running_[i]) continue;
    pods.push_back({{"name", ReplicaName(static_cast<int>(i))},
                    {"ready", static_cast<bool>(ready_[i])},
                    {"state", ready_[i] ? "ready" : "starting"},
                    {"admin", ports_[i]}});
  }
  return nlohmann::json{{"desired", ordered_}, {"pods", pods}}.dump();
}

// On the console's thread.
void ForeignFleet::Handle(http::Responder responder) {
  const http::Request& request = responder.request();
  const std::lock_guard lock(mutex_);
  http::Response response(204);
  if (request.Header("Authorization") != "Bearer secret") {
    response.set_status(401);
  } else if (request.endpoint() == kPods) {
    response = http::Response(200);
    response.SetBody("application/json", Pods());
  } else {
    const auto body = nlohmann::json::parse(request.body(), nullptr, false);
    if (request.endpoint() == kStatus) {
      status_ = body;
    } else {
      const int replicas = body.value("replicas", -1);
      const bool possible = replicas >= 0 && replicas <= static_cast<int>(ports_.size());
      if (possible) ordered_ = replicas;
      if (!possible) response.set_status(422);
    }
  }
  std::move(responder).Send(std::move(response));
}

}  // namespace flyball::integration
