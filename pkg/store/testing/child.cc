#include "pkg/store/testing/child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pkg/base/check.h"

namespace flyball::store {

Child::Child(const std::function<int(int out)>& run) {
  int ends[2];
  Check(pipe2(ends, O_CLOEXEC) == 0, "a pipe can be made");
  pid_ = fork();
  Check(pid_ >= 0, "a process can be started");
  if (pid_ == 0) {
    close(ends[0]);
    _exit(run(ends[1]));
  }
  close(ends[1]);
  in_.Reset(ends[0]);
}

Child::~Child() {
  if (pid_ < 0) return;
  Signal(SIGKILL);
  Wait();
}

std::string Child::ReadLine() {
  for (;;) {
    if (const auto end = buffer_.find('\n'); end != std::string::npos) {
      std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      return line;
    }
    char bytes[4096];
    const ssize_t got = read(in_.get(), bytes, sizeof bytes);
    if (got <= 0) return {};
    buffer_.append(bytes, static_cast<size_t>(got));
  }
}

void Child::Signal(int number) const { kill(pid_, number); }

void Child::WaitUntilStopped() const {
  int status = 0;
  Check(waitpid(pid_, &status, WUNTRACED) == pid_ && WIFSTOPPED(status), "the child stops");
}

int Child::Wait() {
  int status = 0;
  Check(waitpid(pid_, &status, 0) == pid_, "the child can be waited for");
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace flyball::store
