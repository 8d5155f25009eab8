#pragma once

#include <vector>

#include "pkg/base/result.h"
#include "pkg/store/sqlite/connection.h"
#include "pkg/store/store.h"

namespace flyball::store {

// What PRAGMA user_version says of a file this build has written.
inline constexpr int64_t kSqliteFormat = 1;

// Store::Migrate, inside the transaction the caller has begun and ends. Columns are STRICT; NOT NULL is kept by the
// store (fit.h) rather than by SQLite, which could not take it back later. Every index ends with `id`, in the direction
// of its last column, so that an order by it is stable without sorting. A reference gets an index of its own when no
// declared one begins with it: without it, deleting what it refers to would read the whole table.
Result<void> MigrateTables(Connection& connection, const std::vector<Table>& tables);

}  // namespace flyball::store
