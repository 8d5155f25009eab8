// Turns among the processes that write one database. SQLite's own busy handling lets a writer starve for a second while
// others pass it; two advisory locks in a row do not: whoever holds the gate is the next to write, and only that one
// waits for the write lock.
#pragma once

#include <string>

#include "pkg/base/clock.h"
#include "pkg/base/result.h"
#include "pkg/base/unique_fd.h"

namespace flyball::store {

// The locks are flock() on `path-gate` and `path-write`; they end with the process that holds them, however it ends.
// One thread at a time; two Batons of one process exclude each other as two processes do.
class Baton {
 public:
  // Creates the lock files when missing. kIo when that cannot be done.
  static Result<Baton> Open(const std::string& path);

  // Waits for the turn until `deadline`; the longer one has waited the sooner one is served. kUnavailable when it does
  // not come, naming the process that holds it when that can be known.
  Result<void> Take(SteadyTime deadline);
  void Release();

 private:
  Baton(std::string path, UniqueFd gate, UniqueFd write);
  Result<void> Wait(const UniqueFd& lock, SteadyTime start, SteadyTime deadline, bool next);

  std::string path_;
  UniqueFd gate_;
  UniqueFd write_;
};

// Releases the baton when it goes.
class HeldBaton {
 public:
  explicit HeldBaton(Baton& baton) : baton_(&baton) {}
  ~HeldBaton() { Release(); }
  HeldBaton(const HeldBaton&) = delete;
  HeldBaton& operator=(const HeldBaton&) = delete;
  void Release();  // early

 private:
  Baton* baton_;
};

}  // namespace flyball::store
