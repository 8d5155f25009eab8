#include "pkg/store/sqlite/sqlite_reader.h"

#include "pkg/store/fit.h"

namespace flyball::store {

Result<std::optional<Row>> SqliteReader::Get(const Table& table, std::string_view id, const Guard& guard) {
  // One statement for all who ask: the rule is judged on the row, which is cheaper than a statement for each rule.
  SelectRow(table, table.columns[0], id, &sql_);
  auto row = ReadRow(*connection_, table, sql_);
  if (row && *row && !Admits(guard, table, **row)) return std::nullopt;
  return row;
}

Result<std::optional<Row>> SqliteReader::FindBy(const Table& table, int column, const Value& value) {
  if (column < 0 || column >= static_cast<int>(table.columns.size()) || !HasType(table.columns[column].type, value)) {
    return Fail(ErrorCode::kInvalid, table.name + ": nothing can be found by column " + std::to_string(column));
  }
  SelectRow(table, table.columns[column], &value, &sql_);
  return ReadRow(*connection_, table, sql_);
}

Result<void> SqliteReader::List(const Query& query, const std::function<void(const Row&)>& each) {
  auto possible = SelectRows(query, &sql_);
  if (!possible) return Fail(std::move(possible.error()));
  if (!*possible) return {};
  auto statement = connection_->Prepare(sql_.text());
  if (!statement) return Fail(std::move(statement.error()));
  Cursor cursor(*connection_, *statement);
  if (auto bound = cursor.Bind(sql_.values()); !bound) return bound;
  const auto& columns = query.table->columns;
  Row row(query.columns.empty() ? columns.size() : query.columns.size());
  for (;;) {
    auto ready = cursor.Step();
    if (!ready) return Fail(std::move(ready.error()));
    if (!*ready) return {};
    for (size_t i = 0; i < row.size(); ++i) {
      const size_t column = query.columns.empty() ? i : static_cast<size_t>(query.columns[i]);
      cursor.Read(static_cast<int>(i), columns[column].type, &row[i]);
    }
    each(row);
  }
}

Result<int64_t> SqliteReader::Count(const Query& query) {
  auto possible = CountRows(query, &sql_);
  if (!possible) return Fail(std::move(possible.error()));
  if (!*possible) return 0;
  auto statement = connection_->Prepare(sql_.text());
  if (!statement) return Fail(std::move(statement.error()));
  Cursor cursor(*connection_, *statement);
  if (auto bound = cursor.Bind(sql_.values()); !bound) return Fail(std::move(bound.error()));
  auto ready = cursor.Step();
  if (!ready) return Fail(std::move(ready.error()));
  return cursor.ReadInteger(0);
}

}  // namespace flyball::store
