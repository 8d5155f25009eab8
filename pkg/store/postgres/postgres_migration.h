#pragma once

#include <string>
#include <vector>

#include "pkg/base/result.h"
#include "pkg/store/postgres/session.h"
#include "pkg/store/store.h"

namespace flyball::store {

// Store::Migrate, in one transaction and one process at a time. Text is compared by its bytes (COLLATE "C"), as every
// store does; the rest is as in the SQLite store, see sqlite/migration.h. `schema` is made when there is none and it is
// not empty; that needs the right to create one in the database.
Result<void> MigrateTables(Session& session, const std::string& schema, const std::vector<Table>& tables);

}  // namespace flyball::store
