#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "pkg/base/result.h"

namespace flyball {

// The actors of a process. Run() starts each on its own thread; the first to return (with or without an error), or
// SIGINT/SIGTERM, stops all; they are joined in reverse order of Add.
class RunGroup {
 public:
  using Actor = std::function<Result<void>(std::stop_token)>;

  // Blocks SIGINT and SIGTERM in this thread, so construct it before any thread is started.
  RunGroup();

  void Add(std::string name, Actor actor);

  // Returns the first error, with the actor's name in front. `on_second_signal` runs when a person asks twice.
  Result<void> Run(std::function<void()> on_second_signal = nullptr);

 private:
  struct Entry {
    std::string name;
    Actor actor;
  };
  std::vector<Entry> entries_;
};

}  // namespace flyball
