#include "pkg/store/plan.h"

#include <algorithm>

#include "pkg/store/fit.h"
#include "pkg/store/sql_text.h"

namespace flyball::store {
namespace {

std::string NameOf(const Table& table, const Column& column) { return table.name + "." + column.name; }

Result<void> CheckColumns(const std::vector<Table>& tables, const Table& table) {
  for (size_t i = 0; i < table.columns.size(); ++i) {
    const Column& column = table.columns[i];
    if (table.Find(column.name) != static_cast<int>(i)) {
      return Fail(ErrorCode::kInvalid, NameOf(table, column) + " is declared twice");
    }
    if (column.references.empty()) continue;
    const bool known =
        std::any_of(tables.begin(), tables.end(), [&](const Table& other) { return other.name == column.references; });
    if (!known) {
      return Fail(ErrorCode::kInvalid,
                  NameOf(table, column) + " refers to '" + column.references + "', which is not among the tables");
    }
    if (column.on_delete == Column::OnDelete::kSetNull && !column.nullable) {
      return Fail(ErrorCode::kInvalid, NameOf(table, column) + " is to be null when its row goes, but is required");
    }
  }
  return {};
}

Result<void> CheckIndexes(const Table& table) {
  for (const auto& keys : table.indexes) {
    for (const IndexKey& key : keys) {
      if (table.Find(key.column) < 0) {
        return Fail(ErrorCode::kInvalid, "an index of " + table.name + " names '" + key.column + "', which it has not");
      }
    }
  }
  return {};
}

PlannedIndex Plan(const Table& table, const std::vector<IndexKey>& keys) {
  PlannedIndex index{"fb:" + table.name, {}};
  bool by_id = false;
  for (const IndexKey& key : keys) {
    index.keys.emplace_back(&table.columns[table.Find(key.column)], key.descending);
    index.name += ":" + key.column + (key.descending ? "-" : "");
    by_id = by_id || key.column == table.columns[0].name;
  }
  if (!by_id) index.keys.emplace_back(&table.columns[0], keys.back().descending);
  return index;
}

}  // namespace

Result<void> CheckTables(const std::vector<Table>& tables) {
  for (size_t i = 0; i < tables.size(); ++i) {
    const Table& table = tables[i];
    for (size_t j = 0; j < i; ++j) {
      if (tables[j].name == table.name) return Fail(ErrorCode::kInvalid, "two tables are named '" + table.name + "'");
    }
    if (table.columns.empty() || table.columns[0].name != "id" || table.columns[0].type != ColumnType::kText) {
      return Fail(ErrorCode::kInvalid, "the first column of '" + table.name + "' must be 'id', a text");
    }
    if (auto sound = CheckColumns(tables, table); !sound) return sound;
    if (auto sound = CheckIndexes(table); !sound) return sound;
  }
  return {};
}

std::vector<PlannedIndex> PlanIndexes(const Table& table) {
  std::vector<PlannedIndex> indexes;
  for (const auto& keys : table.indexes) {
    if (!keys.empty()) indexes.push_back(Plan(table, keys));
  }
  for (const Column& column : table.columns) {
    if (column.references.empty() || column.unique) continue;
    const bool begun = std::any_of(indexes.begin(), indexes.end(),
                                   [&](const PlannedIndex& index) { return index.keys[0].first == &column; });
    if (!begun) indexes.push_back(Plan(table, {{column.name, false}}));
  }
  return indexes;
}

std::string IndexColumns(const PlannedIndex& index, bool nulls_like_sqlite) {
  std::string text;
  for (const auto& [column, descending] : index.keys) {
    if (!text.empty()) text += ", ";
    text += Quoted(column->name) + (descending ? " DESC" : "");
    if (nulls_like_sqlite && column->nullable) text += descending ? " NULLS LAST" : " NULLS FIRST";
  }
  return text;
}

std::string UniqueIndexName(const Table& table, const Column& column) {
  return "fb:" + table.name + ":" + column.name + ":unique";
}

std::string ReferenceClause(const Column& column) {
  std::string text = " REFERENCES " + Quoted(column.references) + " (\"id\") ON DELETE ";
  switch (column.on_delete) {
    case Column::OnDelete::kRestrict:
      return text + "RESTRICT";
    case Column::OnDelete::kCascade:
      return text + "CASCADE";
    case Column::OnDelete::kSetNull:
      return text + "SET NULL";
  }
  return text + "RESTRICT";
}

tl::unexpected<Error> OtherType(const Table& table, const Column& column, std::string_view stored,
                                std::string_view wanted) {
  return Fail(ErrorCode::kInvalid, NameOf(table, column) + " is stored as " + std::string(stored) + ", but the type " +
                                       std::string(Name(column.type)) + " needs " + std::string(wanted) +
                                       ": keep the old type, or give the new one another name and copy the values");
}

tl::unexpected<Error> NewRequired(const Table& table, const Column& column) {
  return Fail(ErrorCode::kInvalid,
              NameOf(table, column) + " is new and required, but " + table.name +
                  " has rows that would lack it: make it optional first, fill it, then require it");
}

tl::unexpected<Error> NowRequired(const Table& table, const Column& column, int64_t nulls) {
  return Fail(ErrorCode::kInvalid, NameOf(table, column) + " is required now, but " + std::to_string(nulls) +
                                       " rows lack it: fill them first, or leave it optional");
}

tl::unexpected<Error> NoLongerRequired(const Table& table, const Column& column) {
  return Fail(ErrorCode::kInvalid, NameOf(table, column) +
                                       " is optional now, but NOT NULL in the database: drop that "
                                       "constraint there, or keep it required");
}

tl::unexpected<Error> NowUnique(const Table& table, const Column& column) {
  return Fail(ErrorCode::kInvalid, NameOf(table, column) +
                                       " is to be unique, but some rows have the same value: "
                                       "change them first, or leave it as it is");
}

tl::unexpected<Error> LeftOver(const Table& table, std::string_view column) {
  return Fail(ErrorCode::kInvalid, table.name + "." + std::string(column) +
                                       " is required by the database but no longer declared, so no row could be added: "
                                       "declare it again, or drop the column");
}

}  // namespace flyball::store
