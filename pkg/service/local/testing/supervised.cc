#include "pkg/service/local/testing/supervised.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "pkg/base/unique_fd.h"
#include "pkg/service/local/supervisor.h"
#include "pkg/service/local/testing/alive.h"
#include "pkg/service/local/testing/eventually.h"

namespace flyball::local::testing {

std::string Document(int fields) {
  std::string text =
      "apiVersion: flyball.io/v1alpha1\nkind: App\nmetadata: {name: tasks}\nspec:\n  base: /api/v1\n"
      "  resources:\n    notes:\n      fields:\n";
  for (int i = 0; i < fields; ++i) text += "        field" + std::to_string(i) + ": {type: string, maxLength: 200}\n";
  text += "      access:\n        list: \"true\"\n";
  return text;
}

Supervised::Supervised() {
  std::filesystem::create_directory(folder_ / "bin");
  std::filesystem::create_symlink(FLYBALL_FAKE_POD, folder_ / "bin/flyball-api");
  std::filesystem::create_symlink(FLYBALL_FAKE_POD, folder_ / "bin/flyball-autoscaler");
  WriteFile(document(), Document(1));
  options.documents = {document()};
  options.port = options.console_port = 0;
  options.data = data();
  options.redis = "redis://127.0.0.1:1";  // nobody asks it: fake pods know nothing of Redis
  options.bin_dir = folder_ / "bin";
  options.drain_delay = milliseconds(0);
  options.drain_timeout = seconds(1);
}

Supervised::~Supervised() {
  if (pid_ == 0) return;
  ::kill(pid_, SIGKILL);  // what it started gets SIGTERM from the kernel
  ::waitpid(pid_, nullptr, 0);
}

void Supervised::Start() {
  std::filesystem::remove(folder_ / "out");
  std::filesystem::remove(folder_ / "err");
  pid_ = ::fork();
  if (pid_ != 0) return;
  for (const std::string& assignment : environment) {
    const size_t equals = assignment.find('=');
    ::setenv(assignment.substr(0, equals).c_str(), assignment.substr(equals + 1).c_str(), 1);
  }
  std::ofstream out(folder_ / "out"), err(folder_ / "err");
  int status = 0;
  {
    Supervisor supervisor(options, out, err, false);
    status = supervisor.Run();
  }
  out.flush();
  err.flush();
  ::_exit(status);
}

::testing::AssertionResult Supervised::Up() {
  const bool up = Eventually([&] { return Run().pid == pid_ || !Alive(pid_); });
  if (up && Alive(pid_)) {
    const std::string url = Run().api;
    api_port_ = std::atoi(url.c_str() + url.rfind(':') + 1);
    return ::testing::AssertionSuccess();
  }
  return ::testing::AssertionFailure() << "it is not up. It said:\n" << Output() << Problems();
}

void Supervised::Signal(int signal) { ::kill(pid_, signal); }

int Supervised::WaitForEnd() {
  int status = 0;
  if (!Eventually([&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; })) return -1000;
  pid_ = 0;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

std::string Supervised::Output() const { return ReadFile(folder_ / "out"); }
std::string Supervised::Problems() const { return ReadFile(folder_ / "err"); }

::testing::AssertionResult Supervised::Says(const std::string& text) const {
  if (Eventually([&] { return Output().find(text) != std::string::npos; })) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "'" << text << "' is not in\n" << Output() << Problems();
}

RunFile Supervised::Run() const {
  const auto run = ParseRunFile(ReadFile(data() + "/run.json"));
  return run ? *run : RunFile{};
}

std::vector<std::pair<std::string, int>> Supervised::ReadyPods() {
  std::vector<std::pair<std::string, int>> pods;
  const auto answer = nlohmann::json::parse(Get("/api/pods").body, nullptr, false);
  if (!answer.is_object()) return pods;
  for (const auto& pod : answer["pods"]) {
    if (pod["state"] == "ready") pods.emplace_back(pod["name"], pod["pid"]);
  }
  return pods;
}

http::ClientResponse Supervised::Get(const std::string& path) {
  const RunFile run = Run();
  const auto answer =
      client_.Send({"GET", run.console + path, "", {{"Authorization", "Bearer " + run.token}}}, seconds(30));
  return answer ? *answer : http::ClientResponse{};
}

http::ClientResponse Supervised::Put(const std::string& path, const std::string& body) {
  const RunFile run = Run();
  const auto answer =
      client_.Send({"PUT", run.console + path, "", {{"Authorization", "Bearer " + run.token}}, body}, seconds(30));
  return answer ? *answer : http::ClientResponse{};
}

std::string Supervised::Call() const {
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(api_port_));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return {};
  std::string line;
  char c = 0;
  while (::recv(fd.get(), &c, 1, 0) == 1) {
    if (c == '\n') return line;
    line += c;
  }
  return {};
}

}  // namespace flyball::local::testing
