#pragma once

#include <memory>

#include "pkg/store/sqlite/connection.h"
#include "pkg/store/store.h"

namespace flyball::store {

// Reads over a connection of its own.
class SqliteReader final : public Reader {
 public:
  explicit SqliteReader(std::unique_ptr<Connection> connection)
      : connection_(std::move(connection)), sql_(expr::Dialect::kSqlite) {}

  Result<std::optional<Row>> Get(const Table& table, std::string_view id, const Guard& guard) override;
  Result<std::optional<Row>> FindBy(const Table& table, int column, const Value& value) override;
  Result<void> List(const Query& query, const std::function<void(const Row&)>& each) override;
  Result<int64_t> Count(const Query& query) override;

 private:
  const std::unique_ptr<Connection> connection_;
  SqlText sql_;
};

}  // namespace flyball::store
