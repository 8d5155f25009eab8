#include "pkg/store/postgres/pg_write_step.h"

#include "pkg/store/fit.h"
#include "pkg/store/plan.h"

namespace flyball::store {
namespace {

using Outcome = Written::Outcome;

Written Ended(Outcome outcome, std::string column = {}, std::string table = {}) {
  Written written;
  written.outcome = outcome;
  written.column = std::move(column);
  written.table = std::move(table);
  return written;
}

Result<std::optional<Row>> Find(Session& session, const Table& table, const Column& column, Bound value) {
  SqlText sql(expr::Dialect::kPostgres);
  SelectRow(table, column, value, &sql);
  auto rows = session.Run(sql);
  if (!rows) return Fail(std::move(rows.error().error));
  if (rows->count() == 0) return std::nullopt;
  return rows->Read(table, 0);
}

// An update or delete found no row to work on.
Result<Written> Unchanged(Session& session, const Write& write) {
  auto row = Find(session, *write.table, write.table->columns[0], std::string_view(write.id));
  if (!row) return Fail(std::move(row.error()));
  if (!*row || !Admits(write.guard, *write.table, **row)) return Ended(Outcome::kNotFound);
  if (write.if_version) return Ended(Outcome::kVersionMismatch);
  return Fail(ErrorCode::kInternal, write.table->name + ": the access rule and its SQL disagree");
}

// An insert met a row it conflicts with.
Result<Written> Conflict(Session& session, const Write& write) {
  const Table& table = *write.table;
  for (size_t i = 0; i < table.columns.size(); ++i) {
    if ((i > 0 && !table.columns[i].unique) || IsNull(write.row[i])) continue;
    auto row = Find(session, table, table.columns[i], &write.row[i]);
    if (!row) return Fail(std::move(row.error()));
    if (*row) return Ended(Outcome::kNotUnique, table.columns[i].name);
  }
  return Ended(Outcome::kNotUnique, table.columns[0].name);  // the other row has gone meanwhile
}

}  // namespace

std::string ShortName(std::string_view name) {
  constexpr size_t kLongest = 63, kKept = 44;
  if (name.size() <= kLongest) return std::string(name);
  uint64_t hash = 14695981039346656037ULL;  // FNV-1a
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  size_t kept = kKept;
  while (kept > 0 && (static_cast<unsigned char>(name[kept]) & 0xc0) == 0x80) --kept;  // whole characters
  return std::string(name.substr(0, kept)) + "~" + std::to_string(hash % 1000000000000000000ULL);
}

std::string ReferenceName(const Table& table, const Column& column) {
  return ShortName("fb:" + table.name + ":" + column.name + ":ref");
}

bool Formulate(Write& write, SqlText* sql, Result<Written>* decided) {
  const Table& table = *write.table;
  if (write.if_version && table.Find("version") < 0) {
    *decided = Fail(ErrorCode::kInvalid, table.name + " has no version to compare");
    return false;
  }
  auto fits = write.kind == Write::Kind::kInsert   ? FitRow(table, &write.row)
              : write.kind == Write::Kind::kUpdate ? FitChanges(table, &write.changes)
                                                   : Result<void>();
  if (!fits) {
    *decided = Fail(std::move(fits.error()));
    return false;
  }
  bool possible = true;
  if (write.kind == Write::Kind::kInsert) {
    InsertRow(table, write.row, sql);
    sql->Add(" ON CONFLICT DO NOTHING");  // a conflict that is no error does not end the transaction of the others
  } else {
    possible = write.kind == Write::Kind::kUpdate ? UpdateRow(write, sql) : DeleteRow(write, sql);
  }
  if (possible && HasNoNul(*sql)) return true;
  *decided = Ended(Outcome::kNotFound);  // no row has an id, or any text, with U+0000
  return false;
}

Result<Written> Interpret(Session& session, const Write& write, const Rows& rows) {
  if (rows.changed() == 0) {
    return write.kind == Write::Kind::kInsert ? Conflict(session, write) : Unchanged(session, write);
  }
  Written written;
  if (write.kind == Write::Kind::kUpdate) written.row = rows.Read(*write.table, 0);
  return written;
}

Result<Written> Interpret(const Write& write, const Failure& failure) {
  const Table& table = *write.table;
  if (failure.state == "23505") {
    for (const Column& column : table.columns) {
      if (failure.constraint == ShortName(UniqueIndexName(table, column))) {
        return Ended(Outcome::kNotUnique, column.name);
      }
    }
    return Ended(Outcome::kNotUnique, table.columns[0].name);
  }
  if (failure.state == "23503" || failure.state == "23001") {
    if (write.kind == Write::Kind::kDelete) return Ended(Outcome::kReferenced, {}, failure.table);
    for (const Column& column : table.columns) {
      if (failure.constraint == ReferenceName(table, column)) return Ended(Outcome::kBadReference, column.name);
    }
  }
  return Fail(failure.error);
}

}  // namespace flyball::store
