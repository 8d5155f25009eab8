// What every store must do, as one parameterised suite. A store's own test instantiates it:
//   INSTANTIATE_TEST_SUITE_P(Sqlite, StoreContract, testing::Values(kind), NameOfKind);
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "pkg/store/store.h"

namespace flyball::store {

// One database, empty at first, that goes with this object.
class TestDatabase {
 public:
  virtual ~TestDatabase() = default;
  // Another store on it, as another process would have.
  virtual Result<std::unique_ptr<Store>> Open(size_t queue_capacity) = 0;
};

struct StoreKind {
  std::string name;
  std::string missing;  // not empty: why it cannot be tested here; its tests are skipped with these words
  std::function<std::unique_ptr<TestDatabase>()> create;
};

std::string NameOfKind(const testing::TestParamInfo<StoreKind>& kind);

class StoreContract : public testing::TestWithParam<StoreKind> {
 protected:
  void SetUp() override;

  std::unique_ptr<Store> OpenAnother(size_t queue_capacity = 4096);
  // The outcome of a write that is expected to be answered without an error.
  Written Do(Write write);
  Written Insert(const Table& table, Row row);
  Written Update(const Table& table, const std::string& id, std::vector<std::pair<int, Value>> changes);
  Written Delete(const Table& table, const std::string& id);
  // The ids of the rows, in order.
  std::vector<std::string> Ids(const Query& query);

  Table users_, tasks_;
  std::unique_ptr<TestDatabase> database_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Reader> reader_;
};

}  // namespace flyball::store
