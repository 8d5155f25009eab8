#include "pkg/store/postgres/postgres_migration.h"

#include <map>

#include "pkg/store/plan.h"
#include "pkg/store/postgres/pg_write_step.h"

namespace flyball::store {
namespace {

constexpr std::string_view kLock = "SELECT pg_advisory_xact_lock(70118971)";  // any number, the same in all processes

std::string_view StoredType(ColumnType type) {
  switch (type) {
    case ColumnType::kText:
      return "text";
    case ColumnType::kInteger:
      return "bigint";
    case ColumnType::kReal:
      return "double precision";
    case ColumnType::kBoolean:
      return "boolean";
  }
  return "text";
}

std::string Definition(const Column& column) {
  return Quoted(column.name) + " " + std::string(StoredType(column.type)) +
         (column.type == ColumnType::kText ? " COLLATE \"C\"" : "");
}

struct StoredColumn {
  std::string type;
  bool not_null = false, has_default = false;
};

class Migration {
 public:
  explicit Migration(Session& session) : session_(session) {}

  // Looks first, because making one needs a right that a user of an existing one may not have.
  Result<void> Schema(const std::string& name) {
    SqlText sql(expr::Dialect::kPostgres);
    sql.Add("SELECT 1 FROM pg_namespace WHERE nspname = ").Bind(std::string_view(name));
    auto known = session_.Run(sql);
    if (!known) return Fail(std::move(known.error().error));
    return known->count() > 0 ? Result<void>() : Do("CREATE SCHEMA " + Quoted(name));
  }

  Result<void> Shape(const Table& table) {
    auto stored = ColumnsOf(table);
    if (!stored) return Fail(std::move(stored.error()));
    return stored->empty() ? Create(table) : Extend(table, *stored);
  }

  // Once all tables are there.
  Result<void> Connect(const Table& table) {
    for (const Column& column : table.columns) {
      auto done = Unique(table, column);
      if (done && !column.references.empty()) done = Reference(table, column);
      if (!done) return done;
    }
    for (const PlannedIndex& index : PlanIndexes(table)) {
      auto done = Do("CREATE INDEX IF NOT EXISTS " + Quoted(ShortName(index.name)) + " ON " + Quoted(table.name) +
                     " (" + IndexColumns(index, true) + ")");
      if (!done) return done;
    }
    return {};
  }

  Result<void> Do(const std::string& text) {
    auto done = session_.RunOnce(text);
    if (!done) return Fail(std::move(done.error().error));
    return {};
  }

 private:
  Result<int64_t> Number(const std::string& text) {
    auto rows = session_.RunOnce(text);
    if (!rows) return Fail(std::move(rows.error().error));
    Value value;
    rows->Read(0, 0, ColumnType::kInteger, &value);
    return std::get<int64_t>(value);
  }

  Result<std::map<std::string, StoredColumn>> ColumnsOf(const Table& table) {
    SqlText sql(expr::Dialect::kPostgres);
    const std::string name = Quoted(table.name);
    sql.Add(
           "SELECT attname, format_type(atttypid, atttypmod), attnotnull, atthasdef FROM pg_attribute WHERE attnum > 0 "
           "AND NOT attisdropped AND attrelid = to_regclass(")
        .Bind(std::string_view(name))
        .Add(")");
    auto rows = session_.Run(sql);
    if (!rows) return Fail(std::move(rows.error().error));
    std::map<std::string, StoredColumn> columns;
    for (int i = 0; i < rows->count(); ++i) {
      columns[std::string(rows->Text(i, 0))] = {std::string(rows->Text(i, 1)), rows->Text(i, 2) == "t",
                                                rows->Text(i, 3) == "t"};
    }
    return columns;
  }

  Result<void> Create(const Table& table) {
    std::string text = "CREATE TABLE " + Quoted(table.name) + " (" + Definition(table.columns[0]) + " PRIMARY KEY";
    for (size_t i = 1; i < table.columns.size(); ++i) text += ", " + Definition(table.columns[i]);
    return Do(text + ")");
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
      auto rows = Number("SELECT EXISTS (SELECT 1 FROM " + Quoted(table.name) + ")::int");
      if (!rows) return Fail(std::move(rows.error()));
      if (*rows != 0) return NewRequired(table, column);
    }
    return Do("ALTER TABLE " + Quoted(table.name) + " ADD COLUMN " + Definition(column));
  }

  Result<void> Compare(const Table& table, const Column& column, const StoredColumn& stored) {
    if (stored.type != StoredType(column.type)) return OtherType(table, column, stored.type, StoredType(column.type));
    if (stored.not_null && column.nullable) return NoLongerRequired(table, column);
    if (stored.not_null || column.nullable) return {};
    auto nulls = Number("SELECT count(*) FROM " + Quoted(table.name) + " WHERE " + Quoted(column.name) + " IS NULL");
    if (!nulls) return Fail(std::move(nulls.error()));
    return *nulls == 0 ? Result<void>() : NowRequired(table, column, *nulls);
  }

  Result<void> Unique(const Table& table, const Column& column) {
    const std::string name = Quoted(ShortName(UniqueIndexName(table, column)));
    if (!column.unique) return Do("DROP INDEX IF EXISTS " + name);
    auto done = session_.RunOnce("CREATE UNIQUE INDEX IF NOT EXISTS " + name + " ON " + Quoted(table.name) + " (" +
                                 Quoted(column.name) + ")");
    if (done) return {};
    if (done.error().state == "23505") return NowUnique(table, column);
    return Fail(std::move(done.error().error));
  }

  Result<void> Reference(const Table& table, const Column& column) {
    SqlText sql(expr::Dialect::kPostgres);
    const std::string name = ReferenceName(table, column), relation = Quoted(table.name);
    sql.Add("SELECT 1 FROM pg_constraint WHERE conname = ").Bind(std::string_view(name));
    sql.Add(" AND conrelid = to_regclass(").Bind(std::string_view(relation)).Add(")");
    auto known = session_.Run(sql);
    if (!known) return Fail(std::move(known.error().error));
    if (known->count() > 0) return {};
    return Do("ALTER TABLE " + relation + " ADD CONSTRAINT " + Quoted(name) + " FOREIGN KEY (" + Quoted(column.name) +
              ")" + ReferenceClause(column));
  }

  Session& session_;
};

}  // namespace

Result<void> MigrateTables(Session& session, const std::string& schema, const std::vector<Table>& tables) {
  if (auto sound = CheckTables(tables); !sound) return sound;
  Migration migration(session);
  auto done = migration.Do("SET statement_timeout = 0");
  if (done) done = migration.Do("BEGIN");
  if (done) done = migration.Do(std::string(kLock));
  if (done && !schema.empty()) done = migration.Schema(schema);
  for (size_t i = 0; done && i < tables.size(); ++i) done = migration.Shape(tables[i]);
  for (size_t i = 0; done && i < tables.size(); ++i) done = migration.Connect(tables[i]);
  if (done) return migration.Do("COMMIT");
  static_cast<void>(session.RunOnce("ROLLBACK"));
  return done;
}

}  // namespace flyball::store
