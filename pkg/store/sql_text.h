// SQL as the stores put it together: names quoted, values bound, never spliced in.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "pkg/base/result.h"
#include "pkg/expr/expr.h"
#include "pkg/store/store.h"

namespace flyball::store {

// Appends `name` in double quotes, with quotes inside doubled. Names come from documents.
void AppendQuoted(std::string* text, std::string_view name);
std::string Quoted(std::string_view name);

// What goes to a placeholder. Pointers and views are borrowed until the statement has run.
using Bound = std::variant<const Value*, std::string_view, int64_t>;

// A statement being put together: its text, and what goes to its placeholders in order of appearance. Values are
// borrowed from the caller's query or write; those of a guard are kept here. Reusable: Clear() keeps the memory.
class SqlText {
 public:
  explicit SqlText(expr::Dialect dialect) : dialect_(dialect) {}
  SqlText(const SqlText&) = delete;
  SqlText& operator=(const SqlText&) = delete;

  void Clear();
  SqlText& Add(std::string_view text);
  SqlText& AddName(std::string_view name);
  // A placeholder each.
  SqlText& Bind(Bound value);
  // "a","b"; empty = all.
  SqlText& AddColumns(const Table& table, const std::vector<int>& columns);
  // The word before the next condition: " WHERE " or " AND ".
  SqlText& AddCondition();
  // The conditions, each with its word. False when no row can match, whatever is stored: the text is unfinished then.
  Result<bool> AddFilters(const Table& table, const std::vector<Filter>& filters);
  bool AddGuard(const Guard& guard);
  SqlText& AddOrder(const Table& table, const std::vector<Order>& order);

  const std::string& text() const { return text_; }
  const std::vector<Bound>& values() const { return values_; }

 private:
  bool AddFilter(const Column& column, const Filter& filter);
  bool AddIn(const Column& column, const std::vector<Value>& values);

  const expr::Dialect dialect_;
  std::string text_;
  std::vector<Bound> values_;
  expr::Sql guard_;
  bool has_condition_ = false;
};

// Puts `query` together: SELECT its columns, or count(*) of its rows without order, limit and offset. False when no row
// can match; kInvalid when it does not fit the table. `sql` is cleared first and borrows from `query`.
Result<bool> SelectRows(const Query& query, SqlText* sql);
Result<bool> CountRows(const Query& query, SqlText* sql);
// SELECT all columns of the row whose `column` is `value`, which is borrowed.
void SelectRow(const Table& table, const Column& column, Bound value, SqlText* sql);
void InsertRow(const Table& table, const Row& row, SqlText* sql);
// UPDATE ... RETURNING all columns, and DELETE; only when the guard admits the row and it has the wanted version. False
// when that cannot be. The write is borrowed.
bool UpdateRow(const Write& write, SqlText* sql);
bool DeleteRow(const Write& write, SqlText* sql);

}  // namespace flyball::store
