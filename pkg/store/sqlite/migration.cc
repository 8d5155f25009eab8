#include "pkg/store/sqlite/migration.h"

#include <algorithm>
#include <map>

#include "pkg/store/plan.h"

namespace flyball::store {
namespace {

// Booleans are integers to SQLite; the spelling keeps them apart.
std::string_view Declared(ColumnType type) {
  switch (type) {
    case ColumnType::kText:
      return "TEXT";
    case ColumnType::kInteger:
      return "INTEGER";
    case ColumnType::kReal:
      return "REAL";
    case ColumnType::kBoolean:
      return "INT";
  }
  return "ANY";
}

std::string Definition(const Column& column) {
  std::string text = Quoted(column.name) + " " + std::string(Declared(column.type));
  if (!column.references.empty()) text += ReferenceClause(column);
  return text;
}

struct StoredColumn {
  std::string type;
  bool not_null = false;
  bool has_default = false;
};

class Migration {
 public:
  explicit Migration(Connection& connection) : connection_(connection) {}

  Result<void> Apply(const Table& table) {
    auto stored = ColumnsOf(table);
    if (!stored) return Fail(std::move(stored.error()));
    auto done = stored->empty() ? Create(table) : Extend(table, *stored);
    if (done) done = Index(table);
    return done;
  }

 private:
  Result<std::map<std::string, StoredColumn>> ColumnsOf(const Table& table) {
    std::map<std::string, StoredColumn> columns;
    auto statement =
        connection_.Prepare("SELECT name, type, \"notnull\" OR pk, dflt_value IS NOT NULL FROM pragma_table_info(?)");
    if (!statement) return Fail(std::move(statement.error()));
    Cursor cursor(connection_, *statement);
    if (auto bound = cursor.Bind({Bound(std::string_view(table.name))}); !bound) return Fail(std::move(bound.error()));
    for (;;) {
      auto row = cursor.Step();
      if (!row) return Fail(std::move(row.error()));
      if (!*row) return columns;
      columns[std::string(cursor.ReadText(0))] = {std::string(cursor.ReadText(1)), cursor.ReadInteger(2) != 0,
                                                  cursor.ReadInteger(3) != 0};
    }
  }

  Result<void> Create(const Table& table) {
    std::string text =
        "CREATE TABLE " + Quoted(table.name) + " (" + Quoted(table.columns[0].name) + " TEXT NOT NULL PRIMARY KEY";
    for (size_t i = 1; i < table.columns.size(); ++i) text += ", " + Definition(table.columns[i]);
    return connection_.Execute(text + ") STRICT");
  }

  Result<void> Extend(const Table& table, const std::map<std::string, StoredColumn>& stored) {
    for (const Column& column : table.columns) {
      const auto found = stored.find(column.name);
      auto done = found == stored.end() ? Add(table, column) : Compare(table, column, found->second);
      if (!done) return done;
    }
    for (const auto& [name, column] : stored) {
      if (table.Find(name) < 0 && column.not_null && !column.has_default) return LeftOver(table, name);
    }
    return {};
  }

  Result<void> Add(const Table& table, const Column& column) {
    if (!column.nullable) {
      auto rows = connection_.ReadInteger("SELECT EXISTS (SELECT 1 FROM " + Quoted(table.name) + ")");
      if (!rows) return Fail(std::move(rows.error()));
      if (*rows != 0) return NewRequired(table, column);
    }
    return connection_.Execute("ALTER TABLE " + Quoted(table.name) + " ADD COLUMN " + Definition(column));
  }

  Result<void> Compare(const Table& table, const Column& column, const StoredColumn& stored) {
    if (stored.type != Declared(column.type)) return OtherType(table, column, stored.type, Declared(column.type));
    if (stored.not_null && column.nullable) return NoLongerRequired(table, column);
    if (stored.not_null || column.nullable) return {};
    auto nulls = connection_.ReadInteger("SELECT count(*) FROM " + Quoted(table.name) + " WHERE " +
                                         Quoted(column.name) + " IS NULL");
    if (!nulls) return Fail(std::move(nulls.error()));
    return *nulls == 0 ? Result<void>() : NowRequired(table, column, *nulls);
  }

  Result<void> Index(const Table& table) {
    for (const Column& column : table.columns) {
      if (auto done = IndexUnique(table, column); !done) return done;
    }
    for (const PlannedIndex& index : PlanIndexes(table)) {
      auto done = connection_.Execute("CREATE INDEX IF NOT EXISTS " + Quoted(index.name) + " ON " + Quoted(table.name) +
                                      " (" + IndexColumns(index, false) + ")");
      if (!done) return done;
    }
    return {};
  }

  Result<void> IndexUnique(const Table& table, const Column& column) {
    const std::string name = Quoted(UniqueIndexName(table, column));
    if (!column.unique) return connection_.Execute("DROP INDEX IF EXISTS " + name);
    auto done = connection_.Execute("CREATE UNIQUE INDEX IF NOT EXISTS " + name + " ON " + Quoted(table.name) + " (" +
                                    Quoted(column.name) + ")");
    if (!done && done.error().code == ErrorCode::kInvalid) return NowUnique(table, column);
    return done;
  }

  Connection& connection_;
};

}  // namespace

Result<void> MigrateTables(Connection& connection, const std::vector<Table>& tables) {
  if (auto sound = CheckTables(tables); !sound) return sound;
  Migration migration(connection);
  for (const Table& table : tables) {
    if (auto done = migration.Apply(table); !done) return done;
  }
  return connection.Execute("PRAGMA user_version = " + std::to_string(kSqliteFormat));
}

}  // namespace flyball::store
