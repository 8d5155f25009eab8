// A pod of the supervisor's tests: keeps the process protocol of flyball-api (fd 3, 4, 5; SIGTERM) and answers every
// connection with its name and pid. Called with --supervisor it is flyball-autoscaler instead. What it is told to do
// wrong comes in the environment:
//   FAKE_POD_FAIL=<status>     exit with it at once          FAKE_POD_NEVER_READY=1   never says it is Ready
//   FAKE_POD_IGNORE_TERM=1     SIGTERM has no effect         FAKE_POD_READY_MS=<ms>   Ready that much later
//   FAKE_POD_REFUSE=<text>     exit with 3 when its document holds that text, after saying FAKE_POD_SAY
//   FAKE_POD_REFUSE_BUT=<file> but not the first one that does: it makes that file
// Not a word of HTTP: one line a connection.
#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>

namespace {

constexpr int kListening = 3, kReady = 5;

std::string Env(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string Argument(int argc, char** argv, const char* flag) {
  for (int i = 1; i + 1 < argc; ++i) {
    if (std::strcmp(argv[i], flag) == 0) return argv[i + 1];
  }
  return "";
}

int Fail(const char* why) {
  std::fprintf(stderr, "{\"level\":\"error\",\"msg\":\"%s\"}\n", why);
  return 3;
}

bool DocumentHolds(const char* file, const std::string& text) {
  std::ifstream in(file);
  std::ostringstream all;
  all << in.rdbuf();
  return all.str().find(text) != std::string::npos;
}

bool IsFirst(const std::string& marker) {
  const int made = marker.empty() ? -1 : ::open(marker.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  if (made >= 0) ::close(made);
  return made >= 0;
}

bool AcceptOne(const std::string& line) {
  const int peer = ::accept4(kListening, nullptr, nullptr, SOCK_CLOEXEC);
  if (peer < 0) return false;
  (void)::send(peer, line.data(), line.size(), MSG_NOSIGNAL);
  ::close(peer);
  return true;
}

// flyball-autoscaler, as far as the supervisor sees it: says its pid and waits for SIGTERM.
int RunAutoscaler() {
  if (Env("FLYBALL_SUPERVISOR_TOKEN").empty()) return Fail("no token");
  std::printf("%d\n", static_cast<int>(::getpid()));
  std::fflush(stdout);
  ::pause();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string name = Argument(argc, argv, "--pod");
  if (!Argument(argc, argv, "--supervisor").empty()) return RunAutoscaler();
  if (Env("LISTEN_PID") != std::to_string(::getpid()) || Env("LISTEN_FDS") != "1")
    return Fail("LISTEN_PID is not mine");
  if (Env("FLYBALL_COUNTS_FD") != "4" || Env("FLYBALL_READY_FD") != "5") return Fail("descriptors are not named");
  if (::fcntl(4, F_GETFD) < 0 || ::fcntl(6, F_GETFD) >= 0) return Fail("descriptors 3, 4, 5 and no other expected");
  if (::getpgrp() != ::getpid()) return Fail("not a process group of my own");
  if (const std::string status = Env("FAKE_POD_FAIL"); !status.empty()) {
    Fail("told to fail");
    return std::atoi(status.c_str());
  }
  const std::string refuse = Env("FAKE_POD_REFUSE");
  if (!refuse.empty() && DocumentHolds(argv[1], refuse) && !IsFirst(Env("FAKE_POD_REFUSE_BUT"))) {
    return Fail(Env("FAKE_POD_SAY").c_str());
  }
  sigset_t term;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &term, nullptr);
  const int signals = ::signalfd(-1, &term, SFD_CLOEXEC);
  if (const std::string wait = Env("FAKE_POD_READY_MS"); !wait.empty()) {
    pollfd told{signals, POLLIN, 0};
    if (::poll(&told, 1, std::atoi(wait.c_str())) > 0) return 0;
  }
  if (Env("FAKE_POD_NEVER_READY").empty()) {
    const std::string ready =
        "{\"admin\":" + std::to_string(10000 + std::atoi(Argument(argc, argv, "--slot").c_str())) + "}\n";
    (void)::write(kReady, ready.data(), ready.size());
    ::close(kReady);
  }
  const std::string line = name + " " + std::to_string(::getpid()) + "\n";
  for (;;) {
    pollfd wait[] = {{kListening, POLLIN, 0}, {signals, POLLIN, 0}};
    if (::poll(wait, 2, -1) < 0) continue;
    if (wait[1].revents != 0) {
      signalfd_siginfo info;
      (void)::read(signals, &info, sizeof info);
      if (Env("FAKE_POD_IGNORE_TERM").empty()) break;
    }
    if (wait[0].revents != 0) AcceptOne(line);
  }
  while (AcceptOne(line)) {
  }
  return 0;
}
