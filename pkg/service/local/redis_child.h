// The private redis-server of a local fleet: a child on a Unix socket, without a TCP port, restarted when it dies.
#pragma once

#include <optional>
#include <string>

#include "pkg/base/clock.h"
#include "pkg/base/unique_fd.h"
#include "pkg/service/local/child.h"
#include "pkg/service/local/fleet.h"

namespace flyball::local {

// Owned by the supervisor's thread. It reports what happened through Event; the owner says it to people.
class RedisChild {
 public:
  // `folder`: its append-only file lives there (one second of writes is lost at most when it is killed).
  RedisChild(std::string program, std::string socket, std::string folder, std::string log_file);
  ~RedisChild();  // kills what still runs

  struct Event {
    enum class Kind { kNone, kUp, kDied, kNotStarted } kind = Kind::kNone;
    std::string detail;      // how it died, when it is tried again
    bool by_itself = false;  // kDied: it exited, so its last words may say why
  };

  // Starts it when that is due, asks a starting one whether it answers. Never blocks. Call when Deadline() has passed,
  // when fd() is readable, and after SIGCHLD.
  Event Step(SteadyTime now);
  std::optional<SteadyTime> Deadline() const;
  int fd() const { return probe_.get(); }  // readable when an answer came; -1 = nothing to wait for

  bool up() const { return up_; }
  int pid() const { return pid_; }
  int restarts() const { return restarts_; }
  std::string url() const { return "unix:" + socket_; }

  // SIGTERM; no restart from here on. Ended() once it is gone.
  void Stop();
  void Kill();
  bool Ended() const { return pid_ == 0; }

 private:
  Event Start(SteadyTime now);
  Event Died(const Ending& ending, SteadyTime now);
  Event Probe(SteadyTime now);

  const std::string program_, socket_, folder_, log_file_;
  RestartBackoff backoff_;
  UniqueFd probe_;  // a connection with a PING on its way, while starting
  bool up_ = false;
  bool stopping_ = false;
  int pid_ = 0;
  int restarts_ = 0;
  SteadyTime started_at_{};
  SteadyTime next_{};  // next start while it does not run, next probe while it is starting
};

}  // namespace flyball::local
