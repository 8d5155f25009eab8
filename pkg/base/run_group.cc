#include "pkg/base/run_group.h"

#include <csignal>
#include <ctime>
#include <mutex>
#include <optional>
#include <thread>

namespace flyball {
namespace {

sigset_t StopSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

}  // namespace

RunGroup::RunGroup() {
  const sigset_t set = StopSignals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

void RunGroup::Add(std::string name, Actor actor) { entries_.push_back({std::move(name), std::move(actor)}); }

Result<void> RunGroup::Run(std::function<void()> on_second_signal) {
  std::mutex mutex;
  std::optional<Error> first_error;
  std::stop_source stop;
  std::vector<std::thread> threads;
  threads.reserve(entries_.size());
  for (Entry& entry : entries_) {
    threads.emplace_back([&] {
      auto result = entry.actor(stop.get_token());
      std::lock_guard lock(mutex);
      if (!result && !first_error) first_error = Error{result.error().code, entry.name + ": " + result.error().message};
      stop.request_stop();
    });
  }
  // Signals are taken here, synchronously; a stop by an actor interrupts the wait within its 50 ms.
  std::jthread signals([&](std::stop_token done) {
    const sigset_t set = StopSignals();
    const timespec wait{0, 50'000'000};
    int seen = 0;
    while (!done.stop_requested()) {
      if (sigtimedwait(&set, nullptr, &wait) < 0) continue;
      if (++seen == 1) {
        stop.request_stop();
      } else if (on_second_signal) {
        on_second_signal();
      }
    }
  });
  for (auto thread = threads.rbegin(); thread != threads.rend(); ++thread) thread->join();
  signals.request_stop();
  signals.join();
  if (first_error) return Fail(*first_error);
  return {};
}

}  // namespace flyball
