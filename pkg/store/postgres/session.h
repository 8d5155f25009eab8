// One connection to a PostgreSQL server, with prepared statements, deadlines, and errors in our words.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "pkg/base/clock.h"
#include "pkg/base/result.h"
#include "pkg/store/postgres/postgres_store.h"
#include "pkg/store/sql_text.h"
#include "pkg/store/store.h"

struct pg_conn;
struct pg_result;

namespace flyball::store {

// The rows a statement has returned.
class Rows {
 public:
  explicit Rows(pg_result* result);
  int count() const;
  int64_t changed() const;  // by an INSERT, UPDATE or DELETE
  std::string_view Text(int row, int column) const;
  // As `type` says; reuses the memory of `*value`.
  void Read(int row, int column, ColumnType type, Value* value) const;
  // A row with all columns of `table`.
  Row Read(const Table& table, int row) const;

 private:
  struct Free {
    void operator()(pg_result* result) const;
  };
  std::unique_ptr<pg_result, Free> result_;
};

// Why a statement failed; the names as PostgreSQL has them, empty when it says none.
struct Failure {
  Error error;
  std::string state;  // SQLSTATE
  std::string constraint;
  std::string table;
  bool lost = false;  // the session broke after the statement was sent: whether it took effect is unknown
};
using Reply = tl::expected<Rows, Failure>;

// A session belongs to one thread at a time. A broken one is opened again by the next call, unless in a transaction.
class Session {
 public:
  enum class Mode { kRead, kWrite };

  static Result<std::unique_ptr<Session>> Open(const PostgresOptions& options, Mode mode);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Prepares the statement once, then runs it. kInvalid when a text holds U+0000, which PostgreSQL has not.
  Reply Run(const SqlText& sql);
  // Runs several as one pipeline after BEGIN; replies in order. After the first failed one all fail the same way. The
  // transaction is open afterwards, for RunOnce("COMMIT") or RunOnce("ROLLBACK").
  std::vector<Reply> RunInTransaction(const std::vector<const SqlText*>& statements);
  // Without preparing it; several statements only when they return nothing.
  Reply RunOnce(const std::string& text);
  bool broken() const;

 private:
  Session(const PostgresOptions& options, Mode mode) : options_(options), mode_(mode) {}
  Result<void> Connect();
  // Until it is let in, refused or the limit has passed; the SQLSTATE and reason of a refusal, empty when it is in.
  Failure Handshake();
  Result<void> Revive();
  void NoticeEnd();
  tl::expected<std::string, Failure> Prepare(const std::string& text);
  void Shrink(size_t coming);
  bool Send(const std::string& name, const SqlText& sql);
  bool Flush(SteadyTime deadline);
  // The next result, or null; a deadline that passes breaks the session.
  pg_result* Next(SteadyTime deadline, bool* late);
  Reply Answer(pg_result* result) const;
  Reply Finish(bool sent);
  bool Wait(bool for_writing, SteadyTime deadline);
  SteadyTime Deadline() const;
  void Break();
  Failure Broken(bool late) const;

  const PostgresOptions options_;
  const Mode mode_;
  pg_conn* handle_ = nullptr;
  int prepared_count_ = 0;  // ever, to name the next
  struct Cached {
    std::string text, name;
  };
  std::list<Cached> cached_;  // the most recently used first
  std::unordered_map<std::string_view, std::list<Cached>::iterator> by_text_;
};

// True when no text among the values holds U+0000.
bool HasNoNul(const SqlText& sql);

}  // namespace flyball::store
