// The pods as child processes: carries out what Fleet decides, and tells it and its owner what became of them.
#pragma once

#include <poll.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pkg/base/clock.h"
#include "pkg/base/unique_fd.h"
#include "pkg/http/connection_counts.h"
#include "pkg/service/local/child.h"
#include "pkg/service/local/fleet.h"

namespace flyball::local {

// Owned by the supervisor's thread.
class PodProcesses {
 public:
  struct Event {
    enum class Kind {
      kStarting,    // it has a process
      kNotStarted,  // it could not even be spawned, `detail` says why; it is tried again
      kReady,
      kHungUp,  // it closed its pipe without having said that it is Ready, and was killed
      kEnded,   // it was told to, and has; `ending`
      kDied,    // it was not told to; `ending`. Another takes its name unless it is no longer wanted
    } kind;
    Pod pod;  // as it was just before it ended; otherwise as it is
    Ending ending = {};
    std::string detail = {};
  };
  // What to run for a pod; its descriptors are added here.
  using ProgramOf = std::function<ChildProgram(const Pod&)>;

  // `listening` is borrowed: the socket every pod inherits.
  PodProcesses(Fleet fleet, http::ConnectionCounts counts, const UniqueFd& listening, ProgramOf program_of);
  ~PodProcesses();  // kills what still runs, which is only after a bug or a failed start

  Fleet& fleet() { return fleet_; }
  const Fleet& fleet() const { return fleet_; }

  // What happened since the last call.
  std::vector<Event> Observe(SteadyTime now);
  // Starts, ends and kills what the fleet wants started, ended and killed now.
  std::vector<Event> Reconcile(SteadyTime now);
  void KillAll();

  // Descriptors that are readable when there is something to observe (besides SIGCHLD), and when to call at the latest.
  void Watch(std::vector<pollfd>& fds) const;
  std::optional<SteadyTime> Deadline() const;

 private:
  // Where a starting pod says that it is Ready.
  struct ReadyPipe {
    UniqueFd fd;  // invalid after end-of-file
    std::string line;
    SteadyTime hang_up{};  // when end-of-file came
  };

  void TakeReadyLines(SteadyTime now, std::vector<Event>& events);
  void TakeReadyLine(int slot, ReadyPipe& pipe, SteadyTime now, std::vector<Event>& events);
  void Reap(SteadyTime now, std::vector<Event>& events);
  Event Start(int slot, SteadyTime now);

  Fleet fleet_;
  http::ConnectionCounts counts_;
  const UniqueFd& listening_;
  const ProgramOf program_of_;
  std::map<int, ReadyPipe> ready_pipes_;  // by slot
};

}  // namespace flyball::local
