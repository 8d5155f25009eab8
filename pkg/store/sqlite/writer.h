// The writer thread of one process: takes what is queued, commits it together, completes it.
#pragma once

#include <memory>

#include "pkg/store/sqlite/baton.h"
#include "pkg/store/sqlite/checkpointer.h"
#include "pkg/store/sqlite/connection.h"
#include "pkg/store/sqlite/open_file.h"
#include "pkg/store/sqlite/sqlite_store.h"
#include "pkg/store/sqlite/write_step.h"
#include "pkg/store/write_queue.h"

namespace flyball::store {

class Writer {
 public:
  // Starts the thread. `connection` and `baton` are its own from then on; `checkpointer` is borrowed.
  Writer(const SqliteOptions& options, std::unique_ptr<Connection> connection, Baton baton, Checkpointer& checkpointer);
  // Commits or refuses what is queued, then ends the thread.
  ~Writer();

  // Store::Submit.
  void Submit(Write write, WriteDone done) { queue_.Submit(std::move(write), std::move(done)); }

 private:
  // Commits the batch, or decides an error for all; then completes it.
  void Settle(Batch& batch);
  Result<void> Commit(Batch& batch);
  // One transaction of all that is not decided yet. False: SQLite ended it because of one write, which is decided now.
  Result<bool> CommitUndecided(Batch& batch);
  void Abandon();
  void Rest();

  const SqliteOptions options_;
  // Of the thread alone.
  std::unique_ptr<Connection> connection_;
  Baton baton_;
  const OpenFile file_;
  WriteStep step_;
  Checkpointer& checkpointer_;
  int64_t wal_pages_ = 0;  // in the log after the last commit
  int64_t page_bytes_ = 4096;
  bool failing_ = false;  // the last batch could not be written
  WriteQueue queue_;
};

}  // namespace flyball::store
