#include "pkg/store/sqlite/writer.h"

#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "pkg/base/log.h"

namespace flyball::store {
namespace {

constexpr std::chrono::seconds kIdle(1);  // without a write for so long, what is in the log is moved
constexpr int kHardFactor = 4;            // a log this many times over its limit is cut by the writer itself

int OnCommit(void* pages, sqlite3*, const char*, int wal_pages) {
  *static_cast<int64_t*>(pages) = wal_pages;
  return SQLITE_OK;
}

}  // namespace

Writer::Writer(const SqliteOptions& options, std::unique_ptr<Connection> connection, Baton baton,
               Checkpointer& checkpointer)
    : options_(options),
      queue_(options.queue_capacity),
      connection_(std::move(connection)),
      baton_(std::move(baton)),
      file_(options.path),
      step_(*connection_),
      checkpointer_(checkpointer) {
  page_bytes_ = connection_->ReadInteger("PRAGMA page_size").value_or(page_bytes_);
  sqlite3_wal_hook(connection_->handle(), &OnCommit, &wal_pages_);
  connection_->LimitStatements(options_.write_limit);
  thread_ = std::thread([this] { Run(); });
}

Writer::~Writer() {
  queue_.Close();
  thread_.join();
}

void Writer::Submit(Write write, WriteDone done) {
  Pending pending{std::move(write), std::move(done), std::nullopt};
  switch (queue_.Send(std::move(pending))) {
    case Mailbox<Pending>::Sent::kFull:
      return pending.done(Fail(ErrorCode::kExhausted, options_.path + ": too many writes are waiting"));
    case Mailbox<Pending>::Sent::kClosed:
      return pending.done(Fail(ErrorCode::kUnavailable, options_.path + ": the store is shutting down"));
    default:
      return;
  }
}

void Writer::Run() {
  Batch batch;
  for (;;) {
    const bool last = queue_.closed();
    std::deque<Pending> queued = queue_.WaitAll(kIdle);
    if (queued.empty() && last) break;
    if (queued.empty() && wal_pages_ > 0) {
      checkpointer_.Ask();
      wal_pages_ = 0;
    }
    while (!queued.empty()) {
      TakeBatch(&queued, &batch);
      Settle(&batch);
    }
  }
}

void Writer::TakeBatch(std::deque<Pending>* queued, Batch* batch) {
  batch->clear();
  const size_t count = std::min(queued->size(), options_.batch_limit);
  std::move(queued->begin(), queued->begin() + static_cast<std::ptrdiff_t>(count), std::back_inserter(*batch));
  queued->erase(queued->begin(), queued->begin() + static_cast<std::ptrdiff_t>(count));
}

void Writer::Settle(Batch* batch) {
  // A shutdown waits for a lock once, not once for each batch.
  auto committed = failing_ && queue_.closed()
                       ? Fail(ErrorCode::kUnavailable, options_.path + ": the store is shutting down")
                       : Commit(batch);
  failing_ = !committed;
  if (!committed) {
    Error error = std::move(committed.error());
    if (error.code == ErrorCode::kIo) error.code = ErrorCode::kUnavailable;
    for (Pending& pending : *batch) pending.result = Fail(error);
    Complete(batch);
  }
}

Result<void> Writer::Commit(Batch* batch) {
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
  if (too_long) RestartLog(*connection_);
  return {};
}

Result<bool> Writer::CommitUndecided(Batch* batch) {
  if (auto begun = connection_->Execute("BEGIN IMMEDIATE"); !begun) return Fail(std::move(begun.error()));
  step_.StartBatch();
  std::vector<Pending*> decided;
  for (Pending& pending : *batch) {
    if (pending.result) continue;
    pending.result = step_.Run(pending.write);
    decided.push_back(&pending);
    const bool alive = connection_->in_transaction();
    const ErrorCode code = *pending.result ? ErrorCode::kInternal : pending.result->error().code;
    if (alive && code != ErrorCode::kUnavailable && code != ErrorCode::kCorrupt && code != ErrorCode::kIo) continue;
    if (code != ErrorCode::kTimeout) return Fail(std::move(pending.result->error()));
    decided.pop_back();
    for (Pending* undone : decided) undone->result.reset();
    return false;
  }
  if (auto committed = connection_->Execute("COMMIT"); !committed) return Fail(std::move(committed.error()));
  return true;
}

void Writer::Complete(Batch* batch) {
  for (Pending& pending : *batch) {
    Result<Written>& result = *pending.result;
    if (result && result->outcome == Written::Outcome::kDone && pending.write.kind == Write::Kind::kInsert) {
      result->row = std::move(pending.write.row);
    }
    pending.done(std::move(result));
  }
}

void Writer::Abandon() {
  if (!connection_->in_transaction()) return;
  if (auto ended = connection_->Execute("ROLLBACK"); !ended) {
    Log(LogLevel::kError, "a failed transaction could not be rolled back", {{"reason", ended.error().message}});
  }
}

}  // namespace flyball::store
