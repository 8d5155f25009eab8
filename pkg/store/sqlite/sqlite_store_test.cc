#include "pkg/store/sqlite/sqlite_store.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "pkg/store/testing/store_contract.h"

namespace flyball::store {
namespace {

class Folder {
 public:
  Folder() {
    std::string pattern = std::filesystem::temp_directory_path() / "store-XXXXXX";
    path_ = mkdtemp(pattern.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string File(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

class SqliteDatabase final : public TestDatabase {
 public:
  Result<std::unique_ptr<Store>> Open(size_t queue_capacity) override {
    SqliteOptions options;
    options.path = folder_.File("test.db");
    options.queue_capacity = queue_capacity;
    return OpenSqlite(options);
  }

 private:
  Folder folder_;
};

StoreKind Kind() {
  return {"Sqlite", "", [] { return std::make_unique<SqliteDatabase>(); }};
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(Sqlite, StoreContract, testing::Values(Kind()), NameOfKind);

}  // namespace flyball::store
