#include "pkg/service/local/kept_process.h"

#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "pkg/base/time_format.h"

namespace flyball::local {
namespace {

constexpr seconds kPatience{2};

}  // namespace

KeptProcess::~KeptProcess() {
  if (pid_ == 0) return;
  SignalGroup(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void KeptProcess::Run(ChildProgram program, SteadyTime now) {
  wanted_ = std::move(program);
  backoff_.Forget();
  next_start_ = now;
  if (pid_ != 0) End(now);
}

void KeptProcess::Stop(SteadyTime now) {
  wanted_.reset();
  if (pid_ != 0) End(now);
}

void KeptProcess::End(SteadyTime now) {
  if (ending_) return;
  ending_ = true;
  kill_at_ = now + kPatience;
  SignalProcess(pid_, SIGTERM);
}

void KeptProcess::Kill() {
  wanted_.reset();
  SignalGroup(pid_, SIGKILL);
}

std::string KeptProcess::Step(SteadyTime now) {
  std::string news;
  Ending ending;
  if (pid_ != 0 && Reap(pid_, ending)) {
    const bool told = std::exchange(ending_, false);
    pid_ = 0;
    if (!told && wanted_) {
      const milliseconds wait = backoff_.After(now - started_at_);
      next_start_ = now + wait;
      news = Describe(ending) + "; restarting it" + (wait.count() == 0 ? "" : " in " + FormatDuration(wait));
    }
  }
  if (pid_ != 0 && ending_ && now >= kill_at_) {
    SignalGroup(pid_, SIGKILL);
    kill_at_ = now + kPatience;
  }
  if (pid_ != 0 || !wanted_ || now < next_start_) return news;
  started_at_ = now;
  auto pid = Spawn(*wanted_);
  if (pid) {
    pid_ = *pid;
    return news;
  }
  const milliseconds wait = std::max<milliseconds>(seconds(1), backoff_.After(nanoseconds(0)));
  next_start_ = now + wait;
  return pid.error().message + "; trying again in " + FormatDuration(wait);
}

std::optional<SteadyTime> KeptProcess::Deadline() const {
  if (pid_ != 0) return ending_ ? std::optional(kill_at_) : std::nullopt;
  return wanted_ ? std::optional(next_start_) : std::nullopt;
}

}  // namespace flyball::local
