// Who asks: real accounts of the app, so that identity, ownership and quotas are part of what is measured.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "pkg/base/clock.h"
#include "pkg/base/result.h"
#include "pkg/http/client.h"
#include "pkg/service/load/target.h"
#include "pkg/spec/app.h"

namespace flyball::load {

// Finds or inserts `count` accounts load-1@flyball.invalid, ... with the role of sign-up in the database of a local
// fleet, and mints a token for each, good for `ttl`, with the fleet's own key. The accounts have no password: nobody
// can log in to them. The database may be in use. Errors: kInvalid when the app has no accounts, or one needs a field
// that cannot be made up; kNotFound when database or key are not there; what the store and the key report.
struct LocalFiles {
  std::string database;  // an existing SQLite file, or the URL of a server
  std::string key;       // signing key, existing
};
Result<std::vector<std::string>> MintPrincipals(const spec::App& app, const LocalFiles& files, int count,
                                                std::chrono::milliseconds ttl, WallTime now);

// Registers `count` fresh accounts through the API and returns their tokens: the only way where the database is out of
// reach, and slow (one bcrypt hash each). Asks one at a time; a name is given when the API asks for one. kDenied with
// the API's own words when it refuses.
Result<std::vector<std::string>> RegisterPrincipals(const Target& target, http::Client& client, int count);

}  // namespace flyball::load
