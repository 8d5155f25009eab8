// A child that should always run: started again, with backoff, when it dies.
#pragma once

#include <optional>
#include <string>

#include "pkg/base/clock.h"
#include "pkg/service/local/child.h"
#include "pkg/service/local/fleet.h"

namespace flyball::local {

// Owned by the supervisor's thread.
class KeptProcess {
 public:
  KeptProcess() = default;
  KeptProcess(const KeptProcess&) = delete;
  KeptProcess& operator=(const KeptProcess&) = delete;
  ~KeptProcess();  // kills what still runs

  // Runs `program` from now on; when one runs already it is ended by SIGTERM first (SIGKILL 2 s later).
  void Run(ChildProgram program, SteadyTime now);
  // No longer wanted: SIGTERM, SIGKILL 2 s later, no restart.
  void Stop(SteadyTime now);
  void Kill();

  // Starts and reaps what is due. Returns what a person should hear ("was killed by signal 9 (Killed); restarting it"),
  // empty when nothing. Call when Deadline() has passed and after SIGCHLD.
  std::string Step(SteadyTime now);
  std::optional<SteadyTime> Deadline() const;

  bool running() const { return pid_ != 0; }
  int pid() const { return pid_; }

 private:
  void End(SteadyTime now);

  std::optional<ChildProgram> wanted_;
  RestartBackoff backoff_;
  int pid_ = 0;
  bool ending_ = false;  // was told to end
  SteadyTime started_at_{}, next_start_{}, kill_at_{};
};

}  // namespace flyball::local
