// One write, and why it was refused.
#pragma once

#include <string_view>

#include "pkg/base/result.h"
#include "pkg/store/postgres/session.h"
#include "pkg/store/sql_text.h"
#include "pkg/store/store.h"

namespace flyball::store {

// The statement of a write. False: it needs none, `*decided` says what became of it. Borrows the write.
bool Formulate(Write& write, SqlText* sql, Result<Written>* decided);

// What the answer to that statement means; asks the session for the reason when nothing was written.
Result<Written> Interpret(Session& session, const Write& write, const Rows& rows);
Result<Written> Interpret(const Write& write, const Failure& failure);

// The name of the constraint that keeps a reference; longer names than PostgreSQL's 63 bytes are cut and made distinct.
std::string ReferenceName(const Table& table, const Column& column);
std::string ShortName(std::string_view name);

}  // namespace flyball::store
