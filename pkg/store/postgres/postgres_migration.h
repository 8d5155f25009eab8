#pragma once

#include <vector>

#include "pkg/base/result.h"
#include "pkg/store/postgres/session.h"
#include "pkg/store/store.h"

namespace flyball::store {

// Store::Migrate, in one transaction and one process at a time. Text is compared by its bytes (COLLATE "C"), as every
// store does; the rest is as in the SQLite store, see sqlite/migration.h.
Result<void> MigrateTables(Session& session, const std::vector<Table>& tables);

}  // namespace flyball::store
