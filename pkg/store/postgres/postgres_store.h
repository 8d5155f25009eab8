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
  std::string url;  // postgresql://user@host/database?..., or libpq's key=value form

  size_t queue_capacity = 4096;  // writes waiting for the writer thread; more are refused with kExhausted
  size_t batch_limit = 512;      // writes in one transaction

  seconds connect_limit{2};            // to reach the server; libpq rounds 1 up to 2
  milliseconds statement_limit{5000};  // a statement that takes longer ends with kTimeout
  size_t cached_statements = 128;      // prepared, per session; the least recently used one goes
};

// Connects and starts the writer thread. kUnavailable when the server does not answer, kInvalid when it is too old.
// Destroying the store commits what is queued, or completes it with kUnavailable.
//
// One failure is PostgreSQL's own: a session that breaks while committing leaves unknown whether the writes are there.
// They are completed with kIo, which no other failed write is.
Result<std::unique_ptr<Store>> OpenPostgres(const PostgresOptions& options);

}  // namespace flyball::store
