// One SQLite connection with its prepared statements, its deadline, and its errors in our words.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "pkg/base/clock.h"
#include "pkg/base/result.h"
#include "pkg/store/sql_text.h"
#include "pkg/store/store.h"

struct sqlite3;
struct sqlite3_stmt;

namespace flyball::store {

// A connection belongs to one thread at a time.
class Connection {
 public:
  enum class Mode { kRead, kWrite, kCreate };

  // Foreign keys on, double-quoted strings off, no automatic checkpoint. `busy` is how long SQLite itself waits for
  // locks that other programs hold.
  static Result<std::unique_ptr<Connection>> Open(const std::string& path, Mode mode, milliseconds busy,
                                                  size_t cached_statements);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Statements started from now on end with kTimeout when they run longer than `limit`; 0 = no limit.
  void LimitStatements(nanoseconds limit) { limit_ = limit; }

  // The compiled statement, ready to be bound. It stays valid until `cached_statements` others have been asked for.
  Result<sqlite3_stmt*> Prepare(std::string_view text);

  // Runs a statement that has nothing to bind and whose rows do not matter. For BEGIN, COMMIT and the like.
  Result<void> Execute(std::string_view text);

  // The first column of the first row, as an integer or as text; 0 or "" when there is no row.
  Result<int64_t> ReadInteger(std::string_view text);
  Result<std::string> ReadText(std::string_view text);

  // False once SQLite has ended the transaction by itself, as it does after some errors.
  bool in_transaction() const;
  int64_t changed_rows() const;  // by the last INSERT, UPDATE or DELETE, without what it caused

  // What result code `code` means, for a person. Names the file.
  Error Explain(int code) const;

  int busy_ms() const { return busy_ms_; }
  sqlite3* handle() const { return handle_; }
  const std::string& path() const { return path_; }

 private:
  friend class Cursor;
  struct Cached {
    std::string text;
    sqlite3_stmt* statement;
  };

  Connection(std::string path, size_t cached_statements) : path_(std::move(path)), capacity_(cached_statements) {}
  Result<void> Configure(Mode mode, milliseconds busy);
  void StartClock();
  static int OnProgress(void* connection);

  const std::string path_;
  const size_t capacity_;
  sqlite3* handle_ = nullptr;
  int busy_ms_ = 0;
  nanoseconds limit_{0};
  SteadyTime deadline_ = SteadyTime::max();
  std::list<Cached> cached_;  // the most recently used first
  std::unordered_map<std::string_view, std::list<Cached>::iterator> by_text_;
};

// One run of a prepared statement: bind, step, read. Resets the statement when it goes, whatever happened.
class Cursor {
 public:
  Cursor(Connection& connection, sqlite3_stmt* statement) : connection_(connection), statement_(statement) {}
  ~Cursor();
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;

  // Placeholders count from 1. Text is borrowed until the cursor goes.
  Result<void> Bind(const std::vector<Bound>& values);
  Result<void> Bind(const Row& row);

  // True: a row stands ready. False: the statement is done. The error's SQLite code is in code().
  Result<bool> Step();
  int code() const { return code_; }  // extended result code of the last Step

  // Column `index` of the row, as `type` says; reuses the memory of `*value`.
  void Read(int index, ColumnType type, Value* value) const;
  int64_t ReadInteger(int index) const;
  std::string_view ReadText(int index) const;  // valid until the next Step

 private:
  int BindOne(int index, const Value& value);

  Connection& connection_;
  sqlite3_stmt* const statement_;
  bool started_ = false;
  int code_ = 0;
};

// Runs `sql` and gives its rows, with all columns of `table`, one by one.
Result<std::optional<Row>> ReadRow(Connection& connection, const Table& table, const SqlText& sql);

}  // namespace flyball::store
