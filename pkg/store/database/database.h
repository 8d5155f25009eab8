// Which store a `--database` means: the only place that knows all of them.
#pragma once

#include <memory>
#include <string>

#include "pkg/base/clock.h"
#include "pkg/base/result.h"
#include "pkg/store/store.h"

namespace flyball::store {

// True for "postgresql://..." and "postgres://...": a server that pods of several machines can share. Everything else
// is the path of an SQLite file.
bool IsServer(const std::string& database);

// Whether `database` can be meant: kInvalid when it begins with another scheme, is a URL that PostgreSQL's library does
// not understand, or names a folder. The message says what would be right and never repeats the text, which may hold a
// password. The file or server need not exist.
Result<void> CheckDatabase(const std::string& database);

// Opens it. A file is made when it is not there; its folder is not. A server is waited for up to `patience` while it
// does not answer or is starting (a line in the log says so, once); one that refuses the user, the password or the
// database's name is not. Errors: those of the store; messages name host, port, database and user, never the password.
//
// On a server the tables of `app` are in a schema of that name, so that several Apps can share one database and never
// meet; a file belongs to one App.
Result<std::unique_ptr<Store>> OpenDatabase(const std::string& database, const std::string& app,
                                            seconds patience = seconds(0));

}  // namespace flyball::store
