#include "pkg/store/sql_text.h"

#include <charconv>

#include "pkg/store/fit.h"

namespace flyball::store {
namespace {

std::string_view Comparison(Op op, expr::Dialect dialect) {
  switch (op) {
    case Op::kNe:
      return dialect == expr::Dialect::kSqlite ? " IS NOT " : " IS DISTINCT FROM ";
    case Op::kLt:
      return " < ";
    case Op::kLte:
      return " <= ";
    case Op::kGt:
      return " > ";
    case Op::kGte:
      return " >= ";
    default:
      return " = ";
  }
}

Result<void> CheckFilter(const Table& table, const Filter& filter) {
  if (filter.column < 0 || filter.column >= static_cast<int>(table.columns.size())) {
    return Fail(ErrorCode::kInvalid, table.name + ": a filter on column " + std::to_string(filter.column));
  }
  const Column& column = table.columns[filter.column];
  if (filter.op == Op::kIn ? filter.values.size() > kMaxIn : filter.values.size() != 1) {
    return Fail(ErrorCode::kInvalid,
                table.name + "." + column.name + ": a filter with " + std::to_string(filter.values.size()) + " values");
  }
  for (const Value& value : filter.values) {
    if (!IsNull(value) && !HasType(column.type, value)) {
      return Fail(ErrorCode::kInvalid,
                  table.name + "." + column.name + ": a filter needs " + std::string(Name(column.type)));
    }
  }
  return {};
}

Result<void> CheckQuery(const Query& query) {
  const int columns = static_cast<int>(query.table->columns.size());
  for (int column : query.columns) {
    if (column < 0 || column >= columns) return Fail(ErrorCode::kInvalid, query.table->name + ": no such column");
  }
  for (const Order& order : query.order) {
    if (order.column < 0 || order.column >= columns) {
      return Fail(ErrorCode::kInvalid, query.table->name + ": an order by a column that is not there");
    }
  }
  if (query.limit < 0 || query.offset < 0) {
    return Fail(ErrorCode::kInvalid, query.table->name + ": limit and offset are 0 or more");
  }
  return {};
}

// Conditions common to SELECT and count(*).
Result<bool> AddConditions(const Query& query, SqlText* sql) {
  auto possible = sql->AddFilters(*query.table, query.where);
  if (!possible || !*possible) return possible;
  return sql->AddGuard(query.guard);
}

// " WHERE id = ... AND version = ..." and the guard.
bool AddTarget(const Write& write, SqlText* sql) {
  sql->AddCondition().AddName(write.table->columns[0].name).Add(" = ").Bind(std::string_view(write.id));
  if (write.if_version) sql->AddCondition().AddName("version").Add(" = ").Bind(*write.if_version);
  return sql->AddGuard(write.guard);
}

}  // namespace

void AppendQuoted(std::string* text, std::string_view name) {
  text->push_back('"');
  for (char c : name) {
    if (c == '"') text->push_back('"');
    text->push_back(c);
  }
  text->push_back('"');
}

std::string Quoted(std::string_view name) {
  std::string text;
  AppendQuoted(&text, name);
  return text;
}

void SqlText::Clear() {
  text_.clear();
  values_.clear();
  has_condition_ = false;
}

SqlText& SqlText::Add(std::string_view text) {
  text_.append(text);
  return *this;
}

SqlText& SqlText::AddName(std::string_view name) {
  AppendQuoted(&text_, name);
  return *this;
}

SqlText& SqlText::Bind(Bound value) {
  values_.push_back(value);
  if (dialect_ == expr::Dialect::kSqlite) {
    text_.push_back('?');
  } else {
    char digits[20];
    const auto end = std::to_chars(digits, digits + sizeof digits, values_.size()).ptr;
    text_.push_back('$');
    text_.append(digits, end);
  }
  return *this;
}

SqlText& SqlText::AddColumns(const Table& table, const std::vector<int>& columns) {
  const size_t count = columns.empty() ? table.columns.size() : columns.size();
  for (size_t i = 0; i < count; ++i) {
    if (i > 0) text_.push_back(',');
    AddName(table.columns[columns.empty() ? i : columns[i]].name);
  }
  return *this;
}

SqlText& SqlText::AddCondition() {
  Add(has_condition_ ? " AND " : " WHERE ");
  has_condition_ = true;
  return *this;
}

Result<bool> SqlText::AddFilters(const Table& table, const std::vector<Filter>& filters) {
  for (const Filter& filter : filters) {
    if (auto fits = CheckFilter(table, filter); !fits) return Fail(std::move(fits.error()));
    AddCondition();
    if (!AddFilter(table.columns[filter.column], filter)) return false;
  }
  return true;
}

bool SqlText::AddFilter(const Column& column, const Filter& filter) {
  if (filter.op == Op::kIn) return AddIn(column, filter.values);
  const Value& value = filter.values[0];
  if (!IsNull(value)) {
    AddName(column.name).Add(Comparison(filter.op, dialect_)).Bind(&value);
    return true;
  }
  if (filter.op != Op::kEq && filter.op != Op::kNe) return false;
  AddName(column.name).Add(filter.op == Op::kEq ? " IS NULL" : " IS NOT NULL");
  return true;
}

bool SqlText::AddIn(const Column& column, const std::vector<Value>& values) {
  bool some = false, null = false;
  Add("(");
  for (const Value& value : values) {
    if (IsNull(value)) {
      null = true;
      continue;
    }
    if (some) {
      Add(",");
    } else {
      AddName(column.name).Add(" IN (");
    }
    Bind(&value);
    some = true;
  }
  if (some) Add(")");
  if (null) Add(some ? " OR " : "").AddName(column.name).Add(" IS NULL");
  Add(")");
  return some || null;
}

bool SqlText::AddGuard(const Guard& guard) {
  if (guard.rule == nullptr) return true;
  guard_ = expr::ToSql(*guard.rule, guard.auth, dialect_, static_cast<int>(values_.size()) + 1);
  if (guard_.never) return false;
  if (guard_.always) return true;
  AddCondition().Add("(").Add(guard_.text).Add(")");
  for (const Value& value : guard_.values) values_.push_back(&value);
  return true;
}

SqlText& SqlText::AddOrder(const Table& table, const std::vector<Order>& order) {
  const bool postgres = dialect_ == expr::Dialect::kPostgres;
  Add(" ORDER BY ");
  bool by_id = false;
  for (const Order& key : order) {
    const Column& column = table.columns[key.column];
    AddName(column.name).Add(key.descending ? " DESC" : "");
    if (postgres && column.nullable) Add(key.descending ? " NULLS LAST" : " NULLS FIRST");
    if (key.column == 0) {
      by_id = true;
      break;
    }
    Add(", ");
  }
  if (!by_id) AddName(table.columns[0].name).Add(!order.empty() && order.back().descending ? " DESC" : "");
  return *this;
}

Result<bool> SelectRows(const Query& query, SqlText* sql) {
  if (auto fits = CheckQuery(query); !fits) return Fail(std::move(fits.error()));
  sql->Clear();
  sql->Add("SELECT ").AddColumns(*query.table, query.columns).Add(" FROM ").AddName(query.table->name);
  auto possible = AddConditions(query, sql);
  if (!possible || !*possible) return possible;
  sql->AddOrder(*query.table, query.order);
  sql->Add(" LIMIT ").Bind(query.limit).Add(" OFFSET ").Bind(query.offset);
  return true;
}

Result<bool> CountRows(const Query& query, SqlText* sql) {
  if (auto fits = CheckQuery(query); !fits) return Fail(std::move(fits.error()));
  sql->Clear();
  sql->Add("SELECT count(*) FROM ").AddName(query.table->name);
  return AddConditions(query, sql);
}

void SelectRow(const Table& table, const Column& column, Bound value, SqlText* sql) {
  sql->Clear();
  sql->Add("SELECT ").AddColumns(table, {}).Add(" FROM ").AddName(table.name);
  sql->AddCondition().AddName(column.name).Add(" = ").Bind(value).Add(" LIMIT 1");
}

void InsertRow(const Table& table, const Row& row, SqlText* sql) {
  sql->Clear();
  sql->Add("INSERT INTO ").AddName(table.name).Add(" (").AddColumns(table, {}).Add(") VALUES (");
  for (size_t i = 0; i < row.size(); ++i) {
    if (i > 0) sql->Add(",");
    sql->Bind(&row[i]);
  }
  sql->Add(")");
}

bool UpdateRow(const Write& write, SqlText* sql) {
  const Table& table = *write.table;
  sql->Clear();
  sql->Add("UPDATE ").AddName(table.name).Add(" SET ");
  for (const auto& [column, value] : write.changes) {
    sql->AddName(table.columns[column].name).Add(" = ").Bind(&value).Add(", ");
  }
  // The last assignment ends the list: the version, or nothing changed at all.
  const int version = table.Find("version");
  const std::string& kept = table.columns[version < 0 ? 0 : version].name;
  sql->AddName(kept).Add(" = ").AddName(kept).Add(version < 0 ? "" : " + 1");
  if (!AddTarget(write, sql)) return false;
  sql->Add(" RETURNING ").AddColumns(table, {});
  return true;
}

bool DeleteRow(const Write& write, SqlText* sql) {
  sql->Clear();
  sql->Add("DELETE FROM ").AddName(write.table->name);
  return AddTarget(write, sql);
}

}  // namespace flyball::store
