#include "pkg/store/sqlite/connection.h"

#include <sqlite3.h>

#include <cstring>
#include <mutex>

#include "pkg/base/check.h"

namespace flyball::store {
namespace {

constexpr int kProgressSteps = 2000;  // virtual machine steps between looks at the clock, some 20 us

// Statistics of memory cost a lock shared by all connections of the process, and nobody reads them.
void PrepareLibrary() {
  static std::once_flag once;
  std::call_once(once, [] {
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_initialize();
  });
}

int Flags(Connection::Mode mode) {
  switch (mode) {
    case Connection::Mode::kRead:
      return SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX;
    case Connection::Mode::kWrite:
      return SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    case Connection::Mode::kCreate:
      return SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  }
  return 0;
}

}  // namespace

Result<std::unique_ptr<Connection>> Connection::Open(const std::string& path, Mode mode, milliseconds busy,
                                                     size_t cached_statements) {
  PrepareLibrary();
  std::unique_ptr<Connection> connection(new Connection(path, cached_statements));
  const int code = sqlite3_open_v2(path.c_str(), &connection->handle_, Flags(mode), nullptr);
  if (connection->handle_ != nullptr) sqlite3_extended_result_codes(connection->handle_, 1);
  if (code != SQLITE_OK) return Fail(connection->Explain(code));
  if (auto done = connection->Configure(mode, busy); !done) return Fail(std::move(done.error()));
  return connection;
}

Result<void> Connection::Configure(Mode mode, milliseconds busy) {
  busy_ms_ = static_cast<int>(busy.count());
  sqlite3_busy_timeout(handle_, busy_ms_);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_wal_autocheckpoint(handle_, 0);
  sqlite3_progress_handler(handle_, kProgressSteps, &Connection::OnProgress, this);
  auto done = Execute("PRAGMA foreign_keys = ON");
  if (done) done = Execute("PRAGMA cache_size = -4000");
  if (done && mode == Mode::kRead) done = Execute("PRAGMA query_only = ON");
  return done;
}

Connection::~Connection() {
  for (const Cached& cached : cached_) sqlite3_finalize(cached.statement);
  const int code = sqlite3_close(handle_);
  Check(code == SQLITE_OK, "a statement outlived its connection");
}

void Connection::StartClock() { deadline_ = limit_ == nanoseconds(0) ? SteadyTime::max() : RealClock().Now() + limit_; }

int Connection::OnProgress(void* connection) {
  const auto* self = static_cast<const Connection*>(connection);
  return self->deadline_ != SteadyTime::max() && RealClock().Now() > self->deadline_ ? 1 : 0;
}

Result<sqlite3_stmt*> Connection::Prepare(std::string_view text) {
  if (const auto found = by_text_.find(text); found != by_text_.end()) {
    cached_.splice(cached_.begin(), cached_, found->second);
    return found->second->statement;
  }
  StartClock();
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(handle_, text.data(), static_cast<int>(text.size()), SQLITE_PREPARE_PERSISTENT,
                                      &statement, nullptr);
  if (code != SQLITE_OK) return Fail(Explain(code));
  if (cached_.size() >= capacity_) {
    by_text_.erase(cached_.back().text);
    sqlite3_finalize(cached_.back().statement);
    cached_.pop_back();
  }
  cached_.push_front({std::string(text), statement});
  by_text_.emplace(cached_.front().text, cached_.begin());
  return statement;
}

Result<void> Connection::Execute(std::string_view text) {
  auto statement = Prepare(text);
  if (!statement) return Fail(std::move(statement.error()));
  Cursor cursor(*this, *statement);
  for (;;) {
    auto row = cursor.Step();
    if (!row) return Fail(std::move(row.error()));
    if (!*row) return {};
  }
}

Result<int64_t> Connection::ReadInteger(std::string_view text) {
  auto statement = Prepare(text);
  if (!statement) return Fail(std::move(statement.error()));
  Cursor cursor(*this, *statement);
  auto row = cursor.Step();
  if (!row) return Fail(std::move(row.error()));
  return *row ? cursor.ReadInteger(0) : 0;
}

Result<std::string> Connection::ReadText(std::string_view text) {
  auto statement = Prepare(text);
  if (!statement) return Fail(std::move(statement.error()));
  Cursor cursor(*this, *statement);
  auto row = cursor.Step();
  if (!row) return Fail(std::move(row.error()));
  return *row ? std::string(cursor.ReadText(0)) : std::string();
}

bool Connection::in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }

int64_t Connection::changed_rows() const { return sqlite3_changes64(handle_); }

Error Connection::Explain(int code) const {
  const std::string detail = handle_ == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(handle_);
  const int system = handle_ == nullptr ? 0 : sqlite3_system_errno(handle_);
  const std::string reason = detail + (system == 0 ? "" : std::string(" (") + std::strerror(system) + ")");
  switch (code & 0xff) {
    case SQLITE_NOTADB:
      return {ErrorCode::kCorrupt, path_ +
                                       " is not an SQLite database; it was left as it is: name another file, or "
                                       "move it away to start with an empty one"};
    case SQLITE_CORRUPT:
      return {ErrorCode::kCorrupt, path_ + " is damaged (" + detail +
                                       "); it was left as it is: restore a backup, or "
                                       "move it away together with its -wal and -shm files to start anew"};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {ErrorCode::kUnavailable, path_ +
                                           " is locked by another program: let it finish or end it (a database "
                                           "browser, a backup; 'fuser " +
                                           path_ + "' names it), then try again"};
    case SQLITE_FULL:
      return {ErrorCode::kUnavailable, path_ + " cannot grow: the disk is full"};
    case SQLITE_INTERRUPT:
      return {ErrorCode::kTimeout, path_ + ": the statement took too long and was ended"};
    case SQLITE_IOERR:
    case SQLITE_NOMEM:
    case SQLITE_PROTOCOL:
      return {ErrorCode::kUnavailable, path_ + ": " + reason};
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return {ErrorCode::kIo, path_ + ": " + reason};
    case SQLITE_CONSTRAINT:
    case SQLITE_TOOBIG:
    case SQLITE_MISMATCH:
      return {ErrorCode::kInvalid, path_ + ": " + detail};
    default:
      return {ErrorCode::kInternal, path_ + ": " + reason};
  }
}

Cursor::~Cursor() { sqlite3_reset(statement_); }

int Cursor::BindOne(int index, const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    return sqlite3_bind_text64(statement_, index, text->data(), text->size(), SQLITE_STATIC, SQLITE_UTF8);
  }
  if (const auto* integer = std::get_if<int64_t>(&value)) return sqlite3_bind_int64(statement_, index, *integer);
  if (const auto* truth = std::get_if<bool>(&value)) return sqlite3_bind_int(statement_, index, *truth ? 1 : 0);
  if (const auto* real = std::get_if<double>(&value)) return sqlite3_bind_double(statement_, index, *real);
  return sqlite3_bind_null(statement_, index);
}

Result<void> Cursor::Bind(const std::vector<Bound>& values) {
  int index = 0;
  for (const Bound& bound : values) {
    int code;
    ++index;
    if (const auto* value = std::get_if<const Value*>(&bound)) {
      code = BindOne(index, **value);
    } else if (const auto* text = std::get_if<std::string_view>(&bound)) {
      code = sqlite3_bind_text64(statement_, index, text->data() == nullptr ? "" : text->data(), text->size(),
                                 SQLITE_STATIC, SQLITE_UTF8);
    } else {
      code = sqlite3_bind_int64(statement_, index, std::get<int64_t>(bound));
    }
    if (code != SQLITE_OK) return Fail(connection_.Explain(code));
  }
  return {};
}

Result<void> Cursor::Bind(const Row& row) {
  for (size_t i = 0; i < row.size(); ++i) {
    const int code = BindOne(static_cast<int>(i) + 1, row[i]);
    if (code != SQLITE_OK) return Fail(connection_.Explain(code));
  }
  return {};
}

Result<bool> Cursor::Step() {
  if (!started_) connection_.StartClock();
  started_ = true;
  code_ = sqlite3_step(statement_);
  if (code_ == SQLITE_ROW) return true;
  if (code_ == SQLITE_DONE) return false;
  return Fail(connection_.Explain(code_));
}

void Cursor::Read(int index, ColumnType type, Value* value) const {
  if (sqlite3_column_type(statement_, index) == SQLITE_NULL) {
    *value = std::monostate{};
    return;
  }
  switch (type) {
    case ColumnType::kText: {
      const std::string_view text = ReadText(index);
      if (auto* kept = std::get_if<std::string>(value)) {
        kept->assign(text);
      } else {
        value->emplace<std::string>(text);
      }
      return;
    }
    case ColumnType::kInteger:
      *value = static_cast<int64_t>(sqlite3_column_int64(statement_, index));
      return;
    case ColumnType::kReal:
      *value = sqlite3_column_double(statement_, index);
      return;
    case ColumnType::kBoolean:
      *value = sqlite3_column_int64(statement_, index) != 0;
      return;
  }
}

int64_t Cursor::ReadInteger(int index) const { return sqlite3_column_int64(statement_, index); }

std::string_view Cursor::ReadText(int index) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, index));
  if (text == nullptr) return {};
  return {text, static_cast<size_t>(sqlite3_column_bytes(statement_, index))};
}

Result<std::optional<Row>> ReadRow(Connection& connection, const Table& table, const SqlText& sql) {
  auto statement = connection.Prepare(sql.text());
  if (!statement) return Fail(std::move(statement.error()));
  Cursor cursor(connection, *statement);
  if (auto bound = cursor.Bind(sql.values()); !bound) return Fail(std::move(bound.error()));
  auto found = cursor.Step();
  if (!found) return Fail(std::move(found.error()));
  if (!*found) return std::nullopt;
  Row row(table.columns.size());
  for (size_t i = 0; i < row.size(); ++i) cursor.Read(static_cast<int>(i), table.columns[i].type, &row[i]);
  return row;
}

}  // namespace flyball::store
