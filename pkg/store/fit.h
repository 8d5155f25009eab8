// Whether values are what the columns of a table declare. Common to all stores.
#pragma once

#include <string_view>

#include "pkg/base/result.h"
#include "pkg/store/store.h"

namespace flyball::store {

// "text", "integer", "real", "boolean".
std::string_view Name(ColumnType type);

// True when `value` is of the column's type; an int64_t does for kReal. Null is judged by the caller.
bool HasType(ColumnType type, const Value& value);

// kInvalid when `*value` may not stand in `column`: another type, null where it may not be, NaN or infinity, U+0000. An
// integer for a kReal column becomes a double.
Result<void> Fit(const Table& table, const Column& column, Value* value);

// A whole row, in the order of the columns.
Result<void> FitRow(const Table& table, Row* row);

// A change of columns: neither column 0, nor `version`, nor one that is not there.
Result<void> FitChanges(const Table& table, std::vector<std::pair<int, Value>>* changes);

// The row as an access rule sees it. Borrows both.
class RuleRow final : public expr::Row {
 public:
  RuleRow(const Table& table, const store::Row& row) : table_(table), row_(row) {}
  Value Field(std::string_view name) const override;

 private:
  const Table& table_;
  const store::Row& row_;
};

// True when `guard` lets the row, which has all columns of `table`, be seen.
bool Admits(const Guard& guard, const Table& table, const Row& row);

}  // namespace flyball::store
