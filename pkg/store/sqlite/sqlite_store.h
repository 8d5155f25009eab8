// A store in one SQLite file (WAL) that several processes of one machine share. Not for network file systems.
//
// Who does what: a reader is one read-only connection and never waits for writers. One writer thread per Store takes
// everything that is queued, waits for its turn among the processes (baton.h), and commits it as one transaction; so an
// acknowledged write is in the operating system's hands and survives kill -9. With Sync::kFull it also survives the
// loss of power; with kNormal the last moments before such a loss may be missing, never half written.
//
// Beside `path` stand `path-wal` and `path-shm`, which are SQLite's and belong to the database, and the empty
// `path-gate` and `path-write`, by which the processes take turns. None may be deleted while a process runs.
#pragma once

#include <memory>
#include <string>

#include "pkg/base/clock.h"
#include "pkg/base/result.h"
#include "pkg/store/store.h"

namespace flyball::store {

struct SqliteOptions {
  std::string path;  // created when missing; its folder must exist

  enum class Sync { kNormal, kFull };
  Sync sync = Sync::kNormal;

  size_t queue_capacity = 4096;  // writes waiting for the writer thread; more are refused with kExhausted
  size_t batch_limit = 512;      // writes in one transaction, so that the other processes' turns come soon

  milliseconds lock_wait{2000};        // for the turn, then at most the same for a foreign lock; then kUnavailable
  milliseconds statement_limit{5000};  // a read that takes longer ends with kTimeout
  milliseconds write_limit{1000};      // the same for one write, alone: the others of its batch are written

  int64_t checkpoint_bytes = 4 << 20;  // the WAL is written back when it is longer. It stays within some
                                       // five times this, or sixteen while reads of half a second overlap
  size_t cached_statements = 128;      // per connection; the least recently used one goes
};

// Opens or creates the database and starts the writer thread. Errors, each naming the file and what to do: kCorrupt
// (not a database, damaged header or schema; nothing is deleted or changed), kInvalid (written by a newer build), kIo
// (folder missing or not writable), kUnavailable (locked by another program for `lock_wait`).
//
// Destroying the store commits what is queued, or completes it with kUnavailable when the lock cannot be had. Readers
// live on their own and may outlive it.
Result<std::unique_ptr<Store>> OpenSqlite(const SqliteOptions& options);

}  // namespace flyball::store
