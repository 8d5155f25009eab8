#include "pkg/store/sqlite/write_step.h"

#include <sqlite3.h>

#include "pkg/store/fit.h"

namespace flyball::store {
namespace {

Written Ended(Written::Outcome outcome) {
  Written written;
  written.outcome = outcome;
  return written;
}

}  // namespace

Result<Written> WriteStep::Run(Write& write) {
  switch (write.kind) {
    case Write::Kind::kInsert:
      return Insert(write);
    case Write::Kind::kUpdate:
      return Update(write);
    case Write::Kind::kDelete:
      return Delete(write);
  }
  return Fail(ErrorCode::kInvalid, "a write of no known kind");
}

Result<Written> WriteStep::Insert(Write& write) {
  if (auto fits = FitRow(*write.table, &write.row); !fits) return Fail(std::move(fits.error()));
  if (last_table_ != write.table) {
    InsertRow(*write.table, write.row, &sql_);
    auto statement = connection_.Prepare(sql_.text());
    if (!statement) return Fail(std::move(statement.error()));
    last_insert_ = *statement;
    last_table_ = write.table;
  }
  int code = 0;
  Error error;
  {
    Cursor cursor(connection_, last_insert_);
    if (auto bound = cursor.Bind(write.row); !bound) return Fail(std::move(bound.error()));
    auto stepped = cursor.Step();
    if (stepped) return Written{};
    code = cursor.code();
    error = std::move(stepped.error());
  }
  return Refused(write, code, std::move(error));
}

Result<Written> WriteStep::Update(Write& write) {
  if (auto fits = FitChanges(*write.table, &write.changes); !fits) return Fail(std::move(fits.error()));
  last_table_ = nullptr;
  if (write.if_version && write.table->Find("version") < 0) {
    return Fail(ErrorCode::kInvalid, write.table->name + " has no version to compare");
  }
  if (!UpdateRow(write, &sql_)) return Ended(Written::Outcome::kNotFound);
  auto statement = connection_.Prepare(sql_.text());
  if (!statement) return Fail(std::move(statement.error()));
  int code = 0;
  Error error;
  {
    Cursor cursor(connection_, *statement);
    if (auto bound = cursor.Bind(sql_.values()); !bound) return Fail(std::move(bound.error()));
    Written written;
    auto stepped = cursor.Step();
    if (stepped && *stepped) {
      written.row.resize(write.table->columns.size());
      for (size_t i = 0; i < written.row.size(); ++i) {
        cursor.Read(static_cast<int>(i), write.table->columns[i].type, &written.row[i]);
      }
      stepped = cursor.Step();  // references are judged when the statement ends
      if (stepped) return written;
    }
    code = cursor.code();
    if (!stepped) error = std::move(stepped.error());
  }
  if (code == SQLITE_DONE) return Unchanged(write);
  return Refused(write, code, std::move(error));
}

Result<Written> WriteStep::Delete(Write& write) {
  last_table_ = nullptr;
  if (write.if_version && write.table->Find("version") < 0) {
    return Fail(ErrorCode::kInvalid, write.table->name + " has no version to compare");
  }
  if (!DeleteRow(write, &sql_)) return Ended(Written::Outcome::kNotFound);
  auto statement = connection_.Prepare(sql_.text());
  if (!statement) return Fail(std::move(statement.error()));
  int code = 0;
  Error error;
  {
    Cursor cursor(connection_, *statement);
    if (auto bound = cursor.Bind(sql_.values()); !bound) return Fail(std::move(bound.error()));
    auto stepped = cursor.Step();
    code = cursor.code();
    if (!stepped) error = std::move(stepped.error());
  }
  if (code != SQLITE_DONE) return Refused(write, code, std::move(error));
  if (connection_.changed_rows() > 0) return Written{};
  return Unchanged(write);
}

// Why a statement that ran well found no row to work on.
Result<Written> WriteStep::Unchanged(const Write& write) {
  SelectRow(*write.table, write.table->columns[0], std::string_view(write.id), &sql_);
  auto row = ReadRow(connection_, *write.table, sql_);
  if (!row) return Fail(std::move(row.error()));
  if (!*row || !Admits(write.guard, *write.table, **row)) return Ended(Written::Outcome::kNotFound);
  if (write.if_version) return Ended(Written::Outcome::kVersionMismatch);
  return Fail(ErrorCode::kInternal, write.table->name + ": the access rule and its SQL disagree");
}

// Why a statement was refused: a constraint, or an error as it is.
Result<Written> WriteStep::Refused(const Write& write, int code, Error error) {
  last_table_ = nullptr;
  switch (code) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
      return NotUnique(*write.table, code);
    case SQLITE_CONSTRAINT_FOREIGNKEY:
    case SQLITE_CONSTRAINT_TRIGGER:  // what ON DELETE RESTRICT answers
      return write.kind == Write::Kind::kDelete ? Referenced(write) : BadReference(write);
    default:
      return Fail(std::move(error));
  }
}

Result<Written> WriteStep::NotUnique(const Table& table, int code) {
  Written written = Ended(Written::Outcome::kNotUnique);
  written.column = table.columns[0].name;
  if (code == SQLITE_CONSTRAINT_PRIMARYKEY) return written;
  const std::string message = sqlite3_errmsg(connection_.handle());  // "UNIQUE constraint failed: users.email"
  for (const Column& column : table.columns) {
    if (message.ends_with(": " + table.name + "." + column.name)) written.column = column.name;
  }
  return written;
}

Result<Written> WriteStep::BadReference(const Write& write) {
  Written written = Ended(Written::Outcome::kBadReference);
  const auto refers_to_none = [&](const Column& column, const Value& value) -> Result<bool> {
    if (column.references.empty() || IsNull(value)) return false;
    if (column.references == write.table->name && !write.row.empty() && value == write.row[0]) return false;
    auto exists = Exists(column.references, "id", value);
    if (!exists) return exists;
    return !*exists;
  };
  for (size_t i = 0; i < write.table->columns.size(); ++i) {
    const Column& column = write.table->columns[i];
    const Value* value = write.kind == Write::Kind::kInsert ? &write.row[i] : nullptr;
    for (const auto& change : write.changes) {
      if (change.first == static_cast<int>(i)) value = &change.second;
    }
    if (value == nullptr) continue;
    auto none = refers_to_none(column, *value);
    if (!none) return Fail(std::move(none.error()));
    if (*none) {
      written.column = column.name;
      return written;
    }
  }
  return Fail(ErrorCode::kInternal, write.table->name + ": a reference was refused, but every one has its row");
}

Result<Written> WriteStep::Referenced(const Write& write) {
  Written written = Ended(Written::Outcome::kReferenced);
  std::vector<std::pair<std::string, std::string>> referring;  // table, column
  {
    auto statement = connection_.Prepare(
        "SELECT m.name, f.\"from\" FROM sqlite_schema m, pragma_foreign_key_list(m.name) f "
        "WHERE m.type = 'table' AND f.\"table\" = ? AND f.on_delete NOT IN ('CASCADE', 'SET NULL')");
    if (!statement) return Fail(std::move(statement.error()));
    Cursor cursor(connection_, *statement);
    if (auto bound = cursor.Bind({Bound(std::string_view(write.table->name))}); !bound) {
      return Fail(std::move(bound.error()));
    }
    for (;;) {
      auto row = cursor.Step();
      if (!row) return Fail(std::move(row.error()));
      if (!*row) break;
      referring.emplace_back(cursor.ReadText(0), cursor.ReadText(1));
    }
  }
  for (const auto& [table, column] : referring) {
    written.table = table;  // what a cascade reached further down has no better name
    auto exists = Exists(table, column, Value(write.id));
    if (!exists) return Fail(std::move(exists.error()));
    if (*exists) break;
  }
  return written;
}

Result<bool> WriteStep::Exists(const std::string& table, const std::string& column, const Value& value) {
  sql_.Clear();
  sql_.Add("SELECT 1 FROM ").AddName(table).AddCondition().AddName(column).Add(" = ").Bind(&value).Add(" LIMIT 1");
  auto statement = connection_.Prepare(sql_.text());
  if (!statement) return Fail(std::move(statement.error()));
  Cursor cursor(connection_, *statement);
  if (auto bound = cursor.Bind(sql_.values()); !bound) return Fail(std::move(bound.error()));
  return cursor.Step();
}

}  // namespace flyball::store
