// Moves what is in the write-ahead log into the database file, beside the writers.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "pkg/store/sqlite/baton.h"
#include "pkg/store/sqlite/connection.h"

namespace flyball::store {

// One thread per store. A slow disk makes moving pages slow, and whoever does it in its turn to write keeps every
// process waiting. So most pages are moved with no turn taken; then, in a turn, the few that came meanwhile, after
// which the log begins anew. Several processes may try at once: one does it, the others find nothing to do.
class Checkpointer {
 public:
  Checkpointer(std::unique_ptr<Connection> connection, Baton baton, milliseconds lock_wait);
  ~Checkpointer();

  // Asks for it; returns at once. Thread-safe.
  void Ask();

 private:
  void Run();
  void MoveAll();

  const std::unique_ptr<Connection> connection_;
  Baton baton_;
  const milliseconds lock_wait_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool asked_ = false, stopping_ = false;  // guarded by mutex_
  std::thread thread_;
};

// Finishes the move and lets the log begin anew, once the readers that are in it have ended or `patience` is over. With
// the baton held.
void RestartLog(Connection& connection, milliseconds patience);

}  // namespace flyball::store
