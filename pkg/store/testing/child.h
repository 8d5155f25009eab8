#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "pkg/base/unique_fd.h"

namespace flyball::store {

// Another process of this program, which runs one function and ends. Start it while this process has one thread and no
// database open. What is left of it is killed when this goes.
class Child {
 public:
  // `run` gets a descriptor it can write to; its return value is the exit status.
  explicit Child(const std::function<int(int out)>& run);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }
  // Waits for the next line the child writes, without its end; "" when it has closed its descriptor.
  std::string ReadLine();
  void Signal(int number) const;
  void WaitUntilStopped() const;
  // Waits for its end; the exit status, or 128 plus the signal.
  int Wait();

 private:
  pid_t pid_ = -1;
  UniqueFd in_;
  std::string buffer_;
};

}  // namespace flyball::store
