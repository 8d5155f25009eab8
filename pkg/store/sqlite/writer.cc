#include "pkg/store/sqlite/writer.h"

#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "pkg/base/log.h"

namespace flyball::store {
namespace {

constexpr int kHardFactor = 4;  // a log this many times over its limit is cut by the writer itself

// The longer the log, the longer readers are waited for, so that it stays bounded while reads take less than a second.
milliseconds Patience(int64_t excess) {
  return milliseconds(std::min<int64_t>(50 << std::min<int64_t>(excess, 5), 1000));
}

int OnCommit(void* pages, sqlite3*, const char*, int wal_pages) {
  *static_cast<int64_t*>(pages) = wal_pages;
  return SQLITE_OK;
}

}  // namespace

Writer::Writer(const SqliteOptions& options, std::unique_ptr<Connection> connection, Baton baton,
               Checkpointer& checkpointer)
    : options_(options),
      connection_(std::move(connection)),
      baton_(std::move(baton)),
      file_(options.path),
      step_(*connection_),
      checkpointer_(checkpointer),
      queue_(options.queue_capacity, options.batch_limit, options.path) {
  page_bytes_ = connection_->ReadInteger("PRAGMA page_size").value_or(page_bytes_);
  sqlite3_wal_hook(connection_->handle(), &OnCommit, &wal_pages_);
  connection_->LimitStatements(options_.write_limit);
  queue_.Start([this](Batch& batch) { Settle(batch); }, [this] { Rest(); });
}

Writer::~Writer() { queue_.Stop(); }

// Nothing to write for a while: what is in the log can be moved.
void Writer::Rest() {
  if (wal_pages_ > 0) checkpointer_.Ask();
  wal_pages_ = 0;
}

void Writer::Settle(Batch& batch) {
  // A shutdown waits for a lock once, not once for each batch.
  auto committed = failing_ && queue_.stopping()
                       ? Fail(ErrorCode::kUnavailable, options_.path + ": the store is shutting down")
                       : Commit(batch);
  failing_ = !committed;
  if (!committed) {
    Error error = std::move(committed.error());
    if (error.code == ErrorCode::kIo) error.code = ErrorCode::kUnavailable;
    for (PendingWrite& pending : batch) pending.result = Fail(error);
    Complete(batch);
  }
}

Result<void> Writer::Commit(Batch& batch) {
  if (auto there = file_.StillThere(); !there) return there;
  if (auto turn = baton_.Take(RealClock().Now() + options_.lock_wait); !turn) return turn;
  HeldBaton held(baton_);
  for (;;) {
    auto committed = CommitUndecided(batch);
    if (!committed) {
      Abandon();
      return Fail(std::move(committed.error()));
    }
    if (*committed) break;
  }
  const int64_t log_bytes = wal_pages_ * page_bytes_;
  if (log_bytes > options_.checkpoint_bytes) checkpointer_.Ask();
  const bool too_long = log_bytes > kHardFactor * options_.checkpoint_bytes;
  if (!too_long) held.Release();
  Complete(batch);
  if (too_long) RestartLog(*connection_, Patience(log_bytes / options_.checkpoint_bytes - kHardFactor));
  return {};
}

Result<bool> Writer::CommitUndecided(Batch& batch) {
  if (auto begun = connection_->Execute("BEGIN IMMEDIATE"); !begun) return Fail(std::move(begun.error()));
  step_.StartBatch();
  std::vector<PendingWrite*> decided;
  for (PendingWrite& pending : batch) {
    if (pending.result) continue;
    pending.result = step_.Run(pending.write);
    decided.push_back(&pending);
    const bool alive = connection_->in_transaction();
    const ErrorCode code = *pending.result ? ErrorCode::kInternal : pending.result->error().code;
    if (alive && code != ErrorCode::kUnavailable && code != ErrorCode::kCorrupt && code != ErrorCode::kIo) continue;
    if (code != ErrorCode::kTimeout) return Fail(std::move(pending.result->error()));
    decided.pop_back();
    for (PendingWrite* undone : decided) undone->result.reset();
    return false;
  }
  if (auto committed = connection_->Execute("COMMIT"); !committed) return Fail(std::move(committed.error()));
  return true;
}

void Writer::Abandon() {
  if (!connection_->in_transaction()) return;
  if (auto ended = connection_->Execute("ROLLBACK"); !ended) {
    Log(LogLevel::kError, "a failed transaction could not be rolled back", {{"reason", ended.error().message}});
  }
}

}  // namespace flyball::store
