// The data port. What the rest of Flyball asks of a database; sqlite/ implements it here, other stores later. Every
// store passes the contract suite in testing/store_contract.h.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/base/result.h"
#include "pkg/base/value.h"
#include "pkg/expr/expr.h"

namespace flyball::store {

enum class ColumnType { kText, kInteger, kReal, kBoolean };

struct Column {
  std::string name;
  ColumnType type = ColumnType::kText;
  bool nullable = true;
  bool unique = false;
  std::string references = {};  // table whose id it holds; empty = none
  enum class OnDelete { kRestrict, kCascade, kSetNull } on_delete = OnDelete::kRestrict;
};

struct IndexKey {
  std::string column;
  bool descending = false;
};

// Column 0 is `id` (text, primary key); `version` (integer) and `updatedAt` are kept by whoever writes rows.
struct Table {
  std::string name;
  std::vector<Column> columns;
  std::vector<std::vector<IndexKey>> indexes;

  int Find(std::string_view column) const;  // -1 when there is none
};

// Values in the order of Table::columns (or of the columns a query asked for).
using Row = std::vector<Value>;

enum class Op { kEq, kNe, kLt, kLte, kGt, kGte, kIn };

// Text compares by its UTF-8 bytes. kEq and kNe with null mean IS [NOT] NULL, and kNe matches rows that hold null; kIn
// is kEq with any of its values, so it is false for every row when there are none; the others never match null.
// A value's type must be the column's (an int64_t does for kReal): otherwise kInvalid.
struct Filter {
  int column = 0;  // index into Table::columns
  Op op = Op::kEq;
  std::vector<Value> values;  // one; for kIn any number up to kMaxIn
};
inline constexpr size_t kMaxIn = 1000;

struct Order {
  int column = 0;
  bool descending = false;  // nulls sort first ascending, last descending, in every store
};

// An access rule with the one who asks; rows it does not allow do not exist for this call.
struct Guard {
  const expr::Rule* rule = nullptr;  // null = no rule; borrowed until the call (or the write's completion) is over
  expr::Auth auth;
};

struct Query {
  const Table* table = nullptr;
  std::vector<int> columns;   // what to return; empty = all
  std::vector<Filter> where;  // all must hold
  Guard guard;
  std::vector<Order> order;  // ties, and no order at all, go by id in the last order's direction: pages are stable
  int64_t limit = 20;        // >= 0
  int64_t offset = 0;        // >= 0
};

// Reads over one database connection. One thread at a time. Every call sees all writes completed before it began.
// Errors: kInvalid (the query does not fit the table), kTimeout (the statement limit), kUnavailable, kCorrupt.
class Reader {
 public:
  virtual ~Reader() = default;
  virtual Result<std::optional<Row>> Get(const Table& table, std::string_view id, const Guard& guard) = 0;
  virtual Result<std::optional<Row>> FindBy(const Table& table, int column, const Value& value) = 0;
  // Calls `each` for every row in order; the Row is valid during the call only, and `each` may not use this reader.
  virtual Result<void> List(const Query& query, const std::function<void(const Row&)>& each) = 0;
  virtual Result<int64_t> Count(const Query& query) = 0;  // ignores limit and offset
};

// A row holds what its columns declare: a value of another type, null where it may not be, NaN, infinity or text with
// U+0000 is kInvalid.
struct Write {
  enum class Kind { kInsert, kUpdate, kDelete } kind = Kind::kInsert;
  const Table* table = nullptr;                // borrowed until completion
  std::string id;                              // kUpdate, kDelete
  Row row;                                     // kInsert: the whole row
  std::vector<std::pair<int, Value>> changes;  // kUpdate: column -> value; never `id` or `version`, which the store
                                               // raises by 1 where the table has it
  Guard guard;                        // kUpdate, kDelete: judged against the row as it is in the same transaction
  std::optional<int64_t> if_version;  // kUpdate, kDelete: only when the row has this version
};

struct Written {
  enum class Outcome {
    kDone,
    kNotFound,         // no such row, or the guard hides it
    kVersionMismatch,  // if_version was not the row's
    kNotUnique,        // `column` holds a value another row has
    kBadReference,     // `column` names a row that does not exist
    kReferenced,       // kDelete: another row refers to it (restrict); `table` says which
  } outcome = Outcome::kDone;
  Row row;             // kDone on insert and update: the row as stored
  std::string column;  // kNotUnique, kBadReference
  std::string table;   // kReferenced
};

// Called once, on the store's writer thread, after the commit (or its failure); it must not wait for the store. One
// thread's writes are completed in the order of their submission. Errors: kUnavailable (locked past the deadline, disk
// full, shutting down: nothing was written), kCorrupt, kTimeout (nothing was written), kInvalid (does not fit the
// table).
using WriteDone = std::function<void(Result<Written>)>;

class Store {
 public:
  virtual ~Store() = default;
  // Creates missing tables, columns and indexes; kInvalid when an existing one does not fit, with what would be needed.
  // Safe when several processes call it at once. Nothing is dropped: columns the tables no longer name stay, and are
  // refused only when they would make every insert fail.
  virtual Result<void> Migrate(const std::vector<Table>& tables) = 0;
  virtual Result<std::unique_ptr<Reader>> OpenReader() = 0;
  // Thread-safe, never blocks. Writes queued together commit together; each still succeeds or fails alone. When the
  // queue is full `done` is called at once, here, with kExhausted.
  virtual void Submit(Write write, WriteDone done) = 0;
  // Submit and wait; for tools and tests.
  Result<Written> Apply(Write write);
  // Cheap; false with the reason when the database does not answer.
  virtual Result<void> Check() = 0;
};

}  // namespace flyball::store
