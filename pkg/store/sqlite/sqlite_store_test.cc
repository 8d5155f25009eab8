#include "pkg/store/sqlite/sqlite_store.h"

#include <gtest/gtest.h>

#include "pkg/store/testing/folder.h"
#include "pkg/store/testing/store_contract.h"

namespace flyball::store {
namespace {

class SqliteDatabase final : public TestDatabase {
 public:
  explicit SqliteDatabase(size_t cached_statements) : cached_statements_(cached_statements) {}
  Result<std::unique_ptr<Store>> Open(size_t queue_capacity) override {
    SqliteOptions options;
    options.path = folder_.File("test.db");
    options.queue_capacity = queue_capacity;
    options.cached_statements = cached_statements_;
    options.sync = cached_statements_ > 1 ? SqliteOptions::Sync::kNormal : SqliteOptions::Sync::kFull;
    return OpenSqlite(options);
  }

 private:
  const size_t cached_statements_;
  Folder folder_;
};

StoreKind Kind() {
  return {"Usual", "", [] { return std::make_unique<SqliteDatabase>(128); }};
}

// Every statement pushes the one before it out.
StoreKind SmallestCache() {
  return {"SmallestCacheFullSync", "", [] { return std::make_unique<SqliteDatabase>(1); }};
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(Sqlite, StoreContract, testing::Values(Kind(), SmallestCache()), NameOfKind);

}  // namespace flyball::store
