// One write inside the transaction of its batch.
#pragma once

#include "pkg/base/result.h"
#include "pkg/store/sql_text.h"
#include "pkg/store/sqlite/connection.h"
#include "pkg/store/store.h"

namespace flyball::store {

// Carries out writes one after the other on a connection that is in a transaction. Each is a single statement, which
// SQLite takes back by itself when it fails, so none needs a savepoint; only a failed one is looked into. Some failures
// (disk full, time) end the whole transaction: ask Connection::in_transaction() after an error.
class WriteStep {
 public:
  explicit WriteStep(Connection& connection) : connection_(connection), sql_(expr::Dialect::kSqlite) {}

  // Between two batches: tables are borrowed only until their writes are completed.
  void StartBatch() { last_table_ = nullptr; }

  // On kDone of an insert Written::row is left empty: the caller moves `write.row`, which is the row as stored, there.
  Result<Written> Run(Write& write);

 private:
  Result<Written> Insert(Write& write);
  Result<Written> Update(Write& write);
  Result<Written> Delete(Write& write);
  Result<Written> Unchanged(const Write& write);
  Result<Written> Refused(const Write& write, int code, Error error);
  Result<Written> NotUnique(const Table& table, int code);
  Result<Written> BadReference(const Write& write);
  Result<Written> Referenced(const Write& write);
  Result<bool> Exists(const std::string& table, const std::string& column, const Value& value);

  Connection& connection_;
  SqlText sql_;
  const Table* last_table_ = nullptr;  // whose INSERT is last_insert_
  sqlite3_stmt* last_insert_ = nullptr;
};

}  // namespace flyball::store
