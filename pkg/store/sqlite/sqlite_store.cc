#include "pkg/store/sqlite/sqlite_store.h"

#include <mutex>

#include "pkg/store/sqlite/baton.h"
#include "pkg/store/sqlite/checkpointer.h"
#include "pkg/store/sqlite/connection.h"
#include "pkg/store/sqlite/migration.h"
#include "pkg/store/sqlite/open_file.h"
#include "pkg/store/sqlite/sqlite_reader.h"
#include "pkg/store/sqlite/writer.h"

namespace flyball::store {
namespace {

// Another process may be making an index over a large table.
constexpr int kMigrationPatience = 10;

std::string_view SyncPragma(SqliteOptions::Sync sync) {
  return sync == SqliteOptions::Sync::kFull ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL";
}

class SqliteStore final : public Store {
 public:
  struct Parts {
    std::unique_ptr<Connection> write, log, probe;
    std::optional<Baton> write_baton, log_baton;
  };
  SqliteStore(const SqliteOptions& options, Parts parts)
      : options_(options),
        file_(options.path),
        checkpointer_(std::move(parts.log), std::move(*parts.log_baton), options.lock_wait),
        writer_(options, std::move(parts.write), std::move(*parts.write_baton), checkpointer_),
        probe_(std::move(parts.probe)) {}

  Result<void> Migrate(const std::vector<Table>& tables) override;
  Result<std::unique_ptr<Reader>> OpenReader() override;
  void Submit(Write write, WriteDone done) override { writer_.Submit(std::move(write), std::move(done)); }
  Result<void> Check() override;

 private:
  const SqliteOptions options_;
  const OpenFile file_;
  // The last connection to close tidies up, which the probe cannot, being read-only: it goes first.
  Checkpointer checkpointer_;
  Writer writer_;
  std::mutex probing_;
  std::unique_ptr<Connection> probe_;  // guarded by probing_
};

Result<void> SqliteStore::Migrate(const std::vector<Table>& tables) {
  auto baton = Baton::Open(options_.path);
  if (!baton) return Fail(std::move(baton.error()));
  auto connection = Connection::Open(options_.path, Connection::Mode::kWrite, options_.lock_wait, 16);
  if (!connection) return Fail(std::move(connection.error()));
  const auto patience = options_.lock_wait * kMigrationPatience;
  if (auto turn = baton->Take(RealClock().Now() + patience); !turn) return turn;
  const HeldBaton held(*baton);
  auto done = (*connection)->Execute(SyncPragma(options_.sync));
  if (done) done = (*connection)->Execute("BEGIN IMMEDIATE");
  if (done) done = MigrateTables(**connection, tables);
  if (done) done = (*connection)->Execute("COMMIT");
  connection->reset();  // and with it what was not committed
  return done;
}

Result<std::unique_ptr<Reader>> SqliteStore::OpenReader() {
  auto connection =
      Connection::Open(options_.path, Connection::Mode::kRead, options_.lock_wait, options_.cached_statements);
  if (!connection) return Fail(std::move(connection.error()));
  (*connection)->LimitStatements(options_.statement_limit);
  return std::make_unique<SqliteReader>(std::move(*connection));
}

Result<void> SqliteStore::Check() {
  if (auto there = file_.StillThere(); !there) return there;
  const std::lock_guard lock(probing_);
  auto answer = probe_->ReadInteger("SELECT count(*) FROM sqlite_schema");
  if (!answer) return Fail(std::move(answer.error()));
  return {};
}

// What the header and the schema say. Reading them finds a file that is no database, is cut short or has a damaged
// schema; damage further in shows when it is read.
Result<void> Inspect(Connection& connection) {
  auto tables = connection.ReadInteger("SELECT count(*) FROM sqlite_schema");
  if (!tables) return Fail(std::move(tables.error()));
  auto format = connection.ReadInteger("PRAGMA user_version");
  if (!format) return Fail(std::move(format.error()));
  if (*format > kSqliteFormat) {
    return Fail(ErrorCode::kInvalid, connection.path() + " was written by a newer build (format " +
                                         std::to_string(*format) + ", this one knows " + std::to_string(kSqliteFormat) +
                                         "): run the newer build, or restore a backup");
  }
  return {};
}

Result<void> PrepareFile(Connection& connection, const SqliteOptions& options) {
  if (auto sound = Inspect(connection); !sound) return sound;
  auto mode = connection.ReadText("PRAGMA journal_mode = WAL");
  if (!mode) return Fail(std::move(mode.error()));
  if (*mode != "wal") {
    return Fail(ErrorCode::kIo, options.path + ": write-ahead logging is not possible here (network file system?)");
  }
  // Read again, now with the log open: a connection that never had it open would leave it behind when it closes.
  auto done = Inspect(connection);
  if (done) done = connection.Execute(SyncPragma(options.sync));
  if (done) done = connection.Execute("PRAGMA journal_size_limit = " + std::to_string(options.checkpoint_bytes));
  return done;
}

}  // namespace

Result<std::unique_ptr<Store>> OpenSqlite(const SqliteOptions& options) {
  auto baton = Baton::Open(options.path);
  if (!baton) return Fail(std::move(baton.error()));
  // Longer than another pod that opens the file now waits for its lock: that one then says who holds it.
  if (auto turn = baton->Take(RealClock().Now() + 2 * options.lock_wait); !turn) return Fail(std::move(turn.error()));
  const HeldBaton held(*baton);
  SqliteStore::Parts parts;
  const auto connect = [&](std::unique_ptr<Connection>& part, Connection::Mode mode,
                           milliseconds busy) -> Result<void> {
    auto connection = Connection::Open(options.path, mode, busy, options.cached_statements);
    if (!connection) return Fail(std::move(connection.error()));
    part = std::move(*connection);
    return {};
  };
  const auto take_part = [&](std::optional<Baton>& part) -> Result<void> {
    auto own = Baton::Open(options.path);
    if (!own) return Fail(std::move(own.error()));
    part = std::move(*own);
    return {};
  };
  auto done = connect(parts.write, Connection::Mode::kCreate, options.lock_wait);
  if (done) done = PrepareFile(*parts.write, options);
  if (done) done = connect(parts.log, Connection::Mode::kWrite, options.lock_wait);
  if (done) done = PrepareFile(*parts.log, options);
  if (done) done = connect(parts.probe, Connection::Mode::kRead, options.lock_wait / 4);
  if (done) done = take_part(parts.write_baton);
  if (done) done = take_part(parts.log_baton);
  if (!done) return Fail(std::move(done.error()));
  return std::make_unique<SqliteStore>(options, std::move(parts));
}

}  // namespace flyball::store
