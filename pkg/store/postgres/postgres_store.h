// A store in PostgreSQL 15 or newer, reached over the network or a socket.
//
// A reader is one session, read-only. One writer thread per Store sends everything that is queued as one pipeline in
// one transaction; what cannot be written with the others is found by halving. Lost sessions are opened again by
// themselves.
#pragma once

#include <memory>
#include <string>

#include "pkg/base/clock.h"
#include "pkg/base/result.h"
#include "pkg/store/store.h"

namespace flyball::store {

struct PostgresOptions {
  std::string url;     // postgresql://user@host/database?..., or libpq's key=value form
  std::string schema;  // where the tables are, made by Migrate when there is none; empty = where the server looks first

  size_t queue_capacity = 4096;  // writes waiting for the writer thread; more are refused with kExhausted
  size_t batch_limit = 512;      // writes in one transaction

  milliseconds connect_limit{2000};    // to reach the server and be let in; looking up its name is not counted
  milliseconds statement_limit{5000};  // a statement that takes longer ends with kTimeout
  size_t cached_statements = 128;      // prepared, per session; the least recently used one goes
};

// Whether libpq understands the text. kInvalid says what would be right, without repeating any of it: it may hold a
// password.
Result<void> CheckPostgresUrl(const std::string& url);

// Connects and starts the writer thread. kUnavailable when the server does not answer, is starting or has no connection
// left; kDenied when it refuses the user, the password, or has no such database: trying again cannot help; kInvalid
// when it is too old. The message is one line that names user, database, host and port, never the password. Destroying
// the store commits what is queued, or completes it with kUnavailable.
//
// One failure is PostgreSQL's own: a session that breaks while committing leaves unknown whether the writes are there.
// They are completed with kIo, which no other failed write is.
Result<std::unique_ptr<Store>> OpenPostgres(const PostgresOptions& options);

}  // namespace flyball::store
