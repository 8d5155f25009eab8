#include "pkg/service/local/redis_child.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>
#include <string_view>
#include <utility>

#include "pkg/base/time_format.h"

namespace flyball::local {
namespace {

constexpr milliseconds kProbeEvery{20};
constexpr std::string_view kPing = "PING\r\n";

}  // namespace

RedisChild::RedisChild(std::string program, std::string socket, std::string folder, std::string log_file)
    : program_(std::move(program)),
      socket_(std::move(socket)),
      folder_(std::move(folder)),
      log_file_(std::move(log_file)) {}

RedisChild::~RedisChild() {
  if (pid_ == 0) return;
  SignalGroup(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

RedisChild::Event RedisChild::Step(SteadyTime now) {
  if (pid_ != 0) {
    Ending ending;
    if (Reap(pid_, ending)) return Died(ending, now);
    return up_ ? Event{} : Probe(now);
  }
  if (stopping_ || now < next_) return {};
  return Start(now);
}

RedisChild::Event RedisChild::Start(SteadyTime now) {
  ::mkdir(folder_.c_str(), 0700);
  ::unlink(socket_.c_str());
  ChildProgram program;
  program.path = program_;
  program.args = {"--port",      "0",     "--unixsocket", socket_, "--unixsocketperm",   "700",
                  "--dir",       folder_, "--daemonize",  "no",    "--maxmemory-policy", "noeviction",
                  "--save",      "",      "--appendonly", "yes",   "--appendfsync",      "everysec",
                  "--databases", "1",     "--loglevel",   "notice"};
  program.log_file = log_file_;
  auto pid = Spawn(program);
  started_at_ = now;
  if (!pid) {
    const milliseconds wait = std::max<milliseconds>(seconds(1), backoff_.After(nanoseconds(0)));
    next_ = now + wait;
    return {Event::Kind::kNotStarted, pid.error().message + "; trying again in " + FormatDuration(wait)};
  }
  pid_ = *pid;
  next_ = now + kProbeEvery;
  return {};
}

RedisChild::Event RedisChild::Died(const Ending& ending, SteadyTime now) {
  pid_ = 0;
  up_ = false;
  probe_.Reset();
  if (stopping_) return {};
  ++restarts_;
  const milliseconds wait = backoff_.After(now - started_at_);
  next_ = now + wait;
  return {Event::Kind::kDied,
          Describe(ending) + (wait.count() == 0 ? "; restarting it" : "; restarting it in " + FormatDuration(wait)),
          ending.exited};
}

// One inline PING over its own connection. A connection to a Unix socket is made or refused at once.
RedisChild::Event RedisChild::Probe(SteadyTime now) {
  if (probe_.valid()) {
    std::array<char, 256> answer;
    const ssize_t n = ::recv(probe_.get(), answer.data(), answer.size(), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return {};
    probe_.Reset();
    next_ = now + kProbeEvery;
    if (n <= 0 || !std::string_view(answer.data(), static_cast<size_t>(n)).starts_with("+PONG")) return {};
    up_ = true;
    return {Event::Kind::kUp, {}};
  }
  if (now < next_) return {};
  next_ = now + kProbeEvery;
  UniqueFd connection(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socket_.copy(address.sun_path, sizeof address.sun_path - 1);
  if (!connection.valid() || ::connect(connection.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::send(connection.get(), kPing.data(), kPing.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(kPing.size())) {
    return {};
  }
  probe_ = std::move(connection);
  return {};
}

std::optional<SteadyTime> RedisChild::Deadline() const {
  if (pid_ == 0) return stopping_ ? std::nullopt : std::optional(next_);
  if (up_ || probe_.valid()) return std::nullopt;
  return next_;
}

void RedisChild::Stop() {
  stopping_ = true;
  probe_.Reset();
  SignalProcess(pid_, SIGTERM);
}

void RedisChild::Kill() {
  stopping_ = true;
  SignalGroup(pid_, SIGKILL);
}

}  // namespace flyball::local
