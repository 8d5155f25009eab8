// Starting programs so that they never outlive us and never share our terminal's signals.
#pragma once

#include <string>
#include <vector>

#include "pkg/base/result.h"

namespace flyball::local {

struct ChildProgram {
  std::string path;               // of the executable
  std::vector<std::string> args;  // without argv[0]
  std::vector<std::string> env;   // "NAME=value": added to our environment, replacing what has the same name
  std::string pid_variable;       // set to the child's own pid, as LISTEN_PID wants it; empty = none
  std::string log_file;           // gets standard output and error, appended, mode 0600
  std::vector<int> fds;           // become 3, 4, ... in this order; everything else is closed. Borrowed
};

// Starts it in a process group of its own, with standard input from /dev/null, default signals, and SIGTERM from the
// kernel when the *calling thread* ends. Returns its pid once the program runs; kIo says why it could not be started.
Result<int> Spawn(const ChildProgram& program);

// How a process ended.
struct Ending {
  bool exited = false;  // by itself, with `code`; otherwise killed by signal `code`
  int code = 0;
};
// "exited with status 1", "was killed by signal 9 (Killed)".
std::string Describe(const Ending& ending);

// Reaps `pid` when it has ended; before that everything left in its process group is killed. False while it runs.
bool Reap(int pid, Ending& ending);

void SignalProcess(int pid, int signal);
void SignalGroup(int pid, int signal);

// The program of that name in `path` (colon-separated, as PATH); empty when there is none.
std::string FindProgram(const std::string& name, const std::string& path);

}  // namespace flyball::local
