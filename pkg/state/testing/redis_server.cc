#include "pkg/state/testing/redis_server.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "pkg/base/check.h"

namespace flyball::state::testing {

RedisServer::RedisServer() {
  char folder[] = "/tmp/flyball_redis_XXXXXX";
  Check(mkdtemp(folder) != nullptr, "no temporary folder");
  folder_ = folder;
  socket_ = folder_ + "/s";
}

RedisServer::~RedisServer() {
  Kill();
  std::filesystem::remove_all(folder_);
}

void RedisServer::Start() {
  Check(pid_ < 0, "the server runs");
  std::filesystem::remove(socket_);
  std::vector<std::string> words = {"redis-server",
                                    "--port",
                                    "0",
                                    "--unixsocket",
                                    socket_,
                                    "--save",
                                    "",
                                    "--dir",
                                    folder_,
                                    "--logfile",
                                    folder_ + "/log",
                                    "--maxmemory-policy",
                                    "noeviction"};
  words.insert(words.end(), extra.begin(), extra.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_ = fork();
  if (pid_ == 0) {
    execvp(argv[0], argv.data());
    _exit(127);
  }
  const auto give_up = RealClock().Now() + seconds(60);
  while (Command("PING").find("PONG") == std::string::npos && Command("PING").find("NOAUTH") == std::string::npos) {
    Check(RealClock().Now() < give_up, "redis-server does not answer: is it installed?");
    std::this_thread::sleep_for(milliseconds(5));
  }
}

void RedisServer::Kill() {
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  Check(waitpid(pid_, nullptr, 0) == pid_, "the server cannot be waited for");
  pid_ = -1;
}

void RedisServer::Stop() { Check(kill(pid_, SIGSTOP) == 0, "the server cannot be stopped"); }
void RedisServer::Continue() { Check(kill(pid_, SIGCONT) == 0, "the server cannot be continued"); }

std::string RedisServer::Command(const std::string& words) const {
  const std::string line = "redis-cli -s " + socket_ + " " + words + " 2>&1";
  FILE* pipe = popen(line.c_str(), "r");
  Check(pipe != nullptr, "redis-cli cannot be started");
  std::string out;
  std::array<char, 4096> chunk;
  for (size_t n; (n = fread(chunk.data(), 1, chunk.size(), pipe)) > 0;) out.append(chunk.data(), n);
  pclose(pipe);
  return out;
}

RedisOptions RedisServer::Options(const std::string& app, milliseconds timeout) const {
  RedisOptions options;
  options.address.path = socket_;
  options.app = app;
  options.timeout = timeout;
  return options;
}

}  // namespace flyball::state::testing
