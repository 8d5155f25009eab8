// Which pods should run, start, drain or be killed now: the supervisor's decisions without its processes. No clock, no
// system call; the owner feeds what happened and carries out what Step returns.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pkg/base/clock.h"
#include "pkg/service/local/options.h"

namespace flyball::local {

// Waits 0, 1, 2, 4, ... at most 30 s before a process is started again; forgets after it lived for 60 s.
class RestartBackoff {
 public:
  // How long to wait after a process that lived for `lived` died.
  milliseconds After(nanoseconds lived);
  void Forget() { failures_ = 0; }

 private:
  int failures_ = 0;
};

enum class PodState {
  kWaiting,   // ordered; has no process until its backoff is over
  kStarting,  // has a process, has not said that it is Ready
  kReady,
  kDraining,  // was told to stop
};

// "starting", "ready" or "draining": what the console shows; a waiting pod is starting.
const char* Name(PodState state);

struct Pod {
  std::string name;  // "pod-<slot + 1>"
  int slot = 0;      // its place in the connection-count page
  PodState state = PodState::kWaiting;
  int pid = 0;  // 0 while waiting
  uint64_t generation = 0;
  int admin_port = 0;  // 0 until Ready
  int restarts = 0;    // deaths it was replaced after, under this name
  SteadyTime ordered_at, started_at, ready_at;
  SteadyTime due;          // waiting: when to start; draining: when to kill
  bool kill_sent = false;  // the drain took too long
  RestartBackoff backoff;
};

class Fleet {
 public:
  // Pods a fleet of `max` can hold at once, draining ones included.
  static int SlotsFor(int max) { return 2 * max + 2; }

  // `grace`: from the order to stop until the kill.
  Fleet(ReplicaBounds bounds, milliseconds grace, int slots);

  // The number of pods wanted; the caller has checked it against bounds(). Ignored once stopping.
  void SetDesired(int replicas);
  int desired() const { return desired_; }
  // New bounds (a document was changed); desired moves into them.
  void SetBounds(ReplicaBounds bounds);
  const ReplicaBounds& bounds() const { return bounds_; }

  // Pods should be of `generation` from now on (1 at first): those of another are replaced, one at a time, the new one
  // Ready before an old one drains. So a first new pod runs beside the old ones, and while it is not Ready none of them
  // is touched. Forgets the backoff of pods that failed to start.
  void Renew(uint64_t generation, SteadyTime now);
  uint64_t generation() const { return generation_; }

  // Everything drains; nothing is started any more.
  void Stop() { stopping_ = true; }
  bool stopping() const { return stopping_; }

  // What to do now. Slots of `start` are kWaiting until Started() is called for them; those of `terminate` are
  // kDraining from now on, those of `kill` get SIGKILL. Never empty pods: a waiting pod that is no longer wanted just
  // goes.
  struct Actions {
    std::vector<int> start, terminate, kill;
  };
  Actions Step(SteadyTime now);
  // When Step may have something to do although nothing was reported; nullopt = never.
  std::optional<SteadyTime> NextDeadline() const;

  void Started(int slot, int pid, SteadyTime now);
  void StartFailed(int slot, SteadyTime now);  // it could not even be spawned: retried with backoff
  void Ready(int slot, int admin_port, SteadyTime now);
  // The process is gone. True: it was told to stop, and its slot is free again. False: it died, and waits to be
  // started again (in the current generation) or goes when it is not wanted any more.
  bool Exited(int slot, SteadyTime now);

  // Pods in slot order, draining ones included.
  std::vector<Pod> Pods() const;
  const Pod* Find(int slot) const;  // null = free
  bool empty() const;
  int ready() const;  // in state kReady, either generation
  // Exactly the desired pods run, all Ready, all of this generation, and those of another have gone: while one drains
  // it may still answer a new connection.
  bool settled() const;

 private:
  bool Order(SteadyTime now);
  void Drain(Pod& pod, SteadyTime now, Actions& actions);
  void StopAll(SteadyTime now, Actions& actions);
  void Scale(SteadyTime now, Actions& actions);
  void Replace(SteadyTime now, Actions& actions);
  void StartAndKillWhatIsDue(SteadyTime now, Actions& actions);
  Pod* Surplus();
  Pod* NextOutOfDate();
  int CountActive() const;
  int CountCurrent(bool ready_only) const;

  ReplicaBounds bounds_;
  const milliseconds grace_;
  int desired_;
  uint64_t generation_ = 1;
  bool stopping_ = false;
  std::vector<std::optional<Pod>> slots_;
};

}  // namespace flyball::local
