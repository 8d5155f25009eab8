#include "pkg/store/postgres/postgres_store.h"

#include <gtest/gtest.h>

#include <chrono>

#include "pkg/store/testing/postgres_server.h"
#include "pkg/store/testing/store_contract.h"

namespace flyball::store {
namespace {

using namespace std::chrono_literals;

// One server for all tests; it ends with the program.
PostgresServer& TheServer() {
  static PostgresServer server;
  return server;
}

class PostgresDatabase final : public TestDatabase {
 public:
  PostgresDatabase() {
    static int count = 0;
    name_ = "test" + std::to_string(++count);
    EXPECT_EQ(TheServer().Psql("create database " + name_), 0);
  }
  ~PostgresDatabase() override { TheServer().Psql("drop database " + name_ + " with (force)"); }
  Result<std::unique_ptr<Store>> Open(size_t queue_capacity) override {
    PostgresOptions options;
    options.url = TheServer().Url(name_);
    options.queue_capacity = queue_capacity;
    return OpenPostgres(options);
  }
  std::string url() const { return TheServer().Url(name_); }

 private:
  std::string name_;
};

StoreKind Kind() {
  return {"Postgres", PostgresServer::Missing(), [] { return std::make_unique<PostgresDatabase>(); }};
}

class PostgresFaults : public testing::Test {
 protected:
  void SetUp() override {
    if (const auto missing = PostgresServer::Missing(); !missing.empty()) GTEST_SKIP() << missing;
    database_ = std::make_unique<PostgresDatabase>();
    options_.url = database_->url();
    options_.statement_limit = 500ms;
    auto store = OpenPostgres(options_);
    ASSERT_TRUE(store) << store.error().message;
    store_ = std::move(*store);
    ASSERT_TRUE(store_->Migrate({notes_}));
  }
  Result<Written> Insert(const std::string& id) {
    Write write;
    write.table = &notes_;
    write.row = {id};
    return store_->Apply(std::move(write));
  }

  const Table notes_{"notes", {{"id", ColumnType::kText, false}}, {}};
  PostgresOptions options_;
  std::unique_ptr<PostgresDatabase> database_;
  std::unique_ptr<Store> store_;
};

TEST_F(PostgresFaults, AServerThatIsNotThereIsUnavailable) {
  options_.url = "host=/nowhere user=nobody";
  const auto store = OpenPostgres(options_);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(store.error().message.find("/nowhere"), std::string::npos) << store.error().message;
}

TEST_F(PostgresFaults, AServerThatAcceptsAndSaysNothingIsUnavailableInTime) {
  TheServer().Signal(SIGSTOP);
  options_.connect_limit = 200ms;
  const auto store = OpenPostgres(options_);
  TheServer().Signal(SIGCONT);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(store.error().message.find("no answer within 200ms"), std::string::npos) << store.error().message;
}

TEST_F(PostgresFaults, AServerThatRestartedUnnoticedCostsNoWrite) {
  auto reader = store_->OpenReader();
  ASSERT_TRUE(Insert("before"));
  TheServer().Kill();
  TheServer().Start();
  const auto after = Insert("after");
  EXPECT_TRUE(after) << after.error().message;
  EXPECT_TRUE((*reader)->Get(notes_, "after", {})->has_value());
}

TEST_F(PostgresFaults, AServerThatRestartsIsFoundAgain) {
  auto reader = store_->OpenReader();
  ASSERT_TRUE(Insert("before"));
  TheServer().Kill();
  const auto meanwhile = Insert("while");
  ASSERT_FALSE(meanwhile);
  EXPECT_EQ(meanwhile.error().code, ErrorCode::kUnavailable) << meanwhile.error().message;  // nothing was written
  EXPECT_FALSE(store_->Check());
  EXPECT_FALSE((*reader)->Get(notes_, "before", {}));
  TheServer().Start();
  const auto after = Insert("after");
  EXPECT_TRUE(after) << after.error().message;
  EXPECT_TRUE(store_->Check());
  EXPECT_TRUE((*reader)->Get(notes_, "before", {})->has_value());
  EXPECT_TRUE((*reader)->Get(notes_, "after", {})->has_value());
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(Postgres, StoreContract, testing::Values(Kind()), NameOfKind);

}  // namespace flyball::store
