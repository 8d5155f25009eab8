#include "pkg/store/database/database.h"

#include <sys/stat.h>

#include <thread>

#include "pkg/base/log.h"
#include "pkg/store/postgres/postgres_store.h"
#include "pkg/store/sqlite/sqlite_store.h"

namespace flyball::store {
namespace {

constexpr milliseconds kBetweenAttempts{250};

Result<std::unique_ptr<Store>> OpenServer(const PostgresOptions& options, seconds patience) {
  const SteadyTime deadline = RealClock().Now() + patience;
  bool told = false;
  for (;;) {
    auto store = OpenPostgres(options);
    if (store || store.error().code != ErrorCode::kUnavailable || RealClock().Now() >= deadline) return store;
    if (!told) Log(LogLevel::kWarn, "waiting for the database", {{"error", store.error().message}});
    told = true;
    std::this_thread::sleep_for(kBetweenAttempts);
  }
}

}  // namespace

bool IsServer(const std::string& database) {
  return database.starts_with("postgresql://") || database.starts_with("postgres://");
}

Result<void> CheckDatabase(const std::string& database) {
  constexpr const char* kPossible =
      "expected postgresql://user:password@host:5432/name, or the path of an SQLite file, such as /var/lib/tasks.db";
  if (IsServer(database)) return CheckPostgresUrl(database);
  if (const size_t scheme = database.find("://"); scheme != std::string::npos) {
    return Fail(ErrorCode::kInvalid, database.substr(0, scheme) + ":// is no database that is known; " + kPossible);
  }
  struct stat info {};
  if (!database.empty() &&
      (database.back() == '/' || (::stat(database.c_str(), &info) == 0 && S_ISDIR(info.st_mode)))) {
    return Fail(ErrorCode::kInvalid, std::string("is a folder; ") + kPossible);
  }
  return {};
}

Result<std::unique_ptr<Store>> OpenDatabase(const std::string& database, const std::string& app, seconds patience) {
  if (IsServer(database)) return OpenServer({.url = database, .schema = app}, patience);
  return OpenSqlite({.path = database});
}

}  // namespace flyball::store
