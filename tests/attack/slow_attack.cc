#include "tests/attack/slow_attack.h"

#include <signal.h>
#include <sys/wait.h>

#include "pkg/base/check.h"
#include "pkg/service/local/child.h"

namespace flyball::attack {

SlowAttack::SlowAttack(const std::vector<std::string>& flags, int connections, int seconds) {
  local::ChildProgram program;
  program.path = local::FindProgram("slowhttptest", "/usr/bin:/usr/local/bin");
  Check(!program.path.empty(), "slowhttptest is installed (Debian package of that name)");
  program.args = flags;
  for (const std::string& word : {std::string("-c"), std::to_string(connections), std::string("-l"),
                                  std::to_string(seconds), std::string("-p"), std::string("3")}) {
    program.args.push_back(word);
  }
  program.log_file = folder_ / "said.log";
  const auto pid = local::Spawn(program);
  Check(pid.has_value(), "slowhttptest can be started");
  pid_ = *pid;
}

SlowAttack::~SlowAttack() {
  if (!running()) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

bool SlowAttack::running() {
  if (pid_ != 0 && ::waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = 0;
  return pid_ != 0;
}

std::string SlowAttack::Said() const { return local::testing::ReadFile(folder_ / "said.log"); }

}  // namespace flyball::attack
