// The fleet on one machine: what `flyballctl up` runs. One thread owns every process: pods that inherit one listening
// socket, a private redis-server, flyball-autoscaler. A console answers what people, flyballctl and the autoscaler ask.
//
// A pod is `flyball-api FILE... --pod NAME --data DIR --redis URL|none --slot N ...` in its own process group, with
//   fd 3  the listening socket            LISTEN_FDS=1, LISTEN_PID=<its pid>
//   fd 4  the connection-count page       FLYBALL_COUNTS_FD=4  (http/connection_counts.h)
//   fd 5  the write end of a pipe         FLYBALL_READY_FD=5: one line {"admin":PORT} once it is Ready; end-of-file
//                                         without it is a failed start
// SIGTERM drains it; it gets SIGKILL drain-delay + drain-timeout + 5 s later. FILE are copies in DIR/documents of what
// was validated, so a pod that has to be replaced never meets a document that is being edited.
// The autoscaler is `flyball-autoscaler FILE... --supervisor URL --redis URL|none --replicas MIN:MAX` with the
// console's token in FLYBALL_SUPERVISOR_TOKEN.
// A saved change of the documents is tried by one new pod beside the old ones; when it becomes Ready the others follow
// one by one, when it does not everything stays as it was (rollout.h).
// All of them get SIGTERM from the kernel when the supervisor dies in any way.
#pragma once

#include <iosfwd>
#include <memory>

#include "pkg/service/local/options.h"

namespace flyball::local {

class Supervisor {
 public:
  // `out` gets what people read (what is starting, the URLs last); problems go to `err`. Both are borrowed and used
  // only from the thread in Run. `color`: terminal colours are welcome.
  Supervisor(Options options, std::ostream& out, std::ostream& err, bool color);
  ~Supervisor();

  // Runs the fleet until SIGINT or SIGTERM, then drains it. Call from the main thread (children are tied to the life of
  // the calling thread), before any other thread is started (signals are blocked here and stay so), once.
  // Returns the exit status: 0 after a clean stop, 1 when it could not start (nothing is left running) or when
  // something had to be killed.
  int Run();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace flyball::local
