#include "pkg/store/fit.h"

#include <cmath>
#include <string>

namespace flyball::store {
namespace {

std::string_view TypeOf(const Value& value) {
  constexpr std::string_view kNames[] = {"null", "boolean", "integer", "real", "text"};
  return kNames[value.index()];
}

tl::unexpected<Error> Misfit(const Table& table, const Column& column, std::string_view what) {
  return Fail(ErrorCode::kInvalid, table.name + "." + column.name + ": " + std::string(what));
}

}  // namespace

std::string_view Name(ColumnType type) {
  switch (type) {
    case ColumnType::kText:
      return "text";
    case ColumnType::kInteger:
      return "integer";
    case ColumnType::kReal:
      return "real";
    case ColumnType::kBoolean:
      return "boolean";
  }
  return "unknown";
}

bool HasType(ColumnType type, const Value& value) {
  switch (type) {
    case ColumnType::kText:
      return std::holds_alternative<std::string>(value);
    case ColumnType::kInteger:
      return std::holds_alternative<int64_t>(value);
    case ColumnType::kReal:
      return std::holds_alternative<double>(value) || std::holds_alternative<int64_t>(value);
    case ColumnType::kBoolean:
      return std::holds_alternative<bool>(value);
  }
  return false;
}

Result<void> Fit(const Table& table, const Column& column, Value* value) {
  if (IsNull(*value)) {
    if (column.nullable) return {};
    return Misfit(table, column, "null, where a value is required");
  }
  if (!HasType(column.type, *value)) {
    return Misfit(table, column, "expected " + std::string(Name(column.type)) + ", got " + std::string(TypeOf(*value)));
  }
  if (const auto* text = std::get_if<std::string>(value)) {
    if (text->find('\0') != std::string::npos) return Misfit(table, column, "text may not hold U+0000");
  } else if (const auto* real = std::get_if<double>(value)) {
    if (!std::isfinite(*real)) return Misfit(table, column, "expected a finite number");
  } else if (column.type == ColumnType::kReal) {
    *value = static_cast<double>(std::get<int64_t>(*value));
  }
  return {};
}

Result<void> FitRow(const Table& table, Row* row) {
  if (row->size() != table.columns.size()) {
    return Fail(ErrorCode::kInvalid, table.name + ": a row of " + std::to_string(row->size()) + " values for " +
                                         std::to_string(table.columns.size()) + " columns");
  }
  for (size_t i = 0; i < row->size(); ++i) {
    if (auto fits = Fit(table, table.columns[i], &(*row)[i]); !fits) return fits;
  }
  return {};
}

Result<void> FitChanges(const Table& table, std::vector<std::pair<int, Value>>* changes) {
  for (auto& [index, value] : *changes) {
    if (index <= 0 || index >= static_cast<int>(table.columns.size())) {
      return Fail(ErrorCode::kInvalid, table.name + ": column " + std::to_string(index) + " cannot be changed");
    }
    const Column& column = table.columns[index];
    if (column.name == "version") return Misfit(table, column, "is raised by the store and cannot be changed");
    if (auto fits = Fit(table, column, &value); !fits) return fits;
  }
  return {};
}

Value RuleRow::Field(std::string_view name) const {
  const int index = table_.Find(name);
  return index < 0 ? Value{} : row_[index];
}

bool Admits(const Guard& guard, const Table& table, const Row& row) {
  if (guard.rule == nullptr) return true;
  const RuleRow seen(table, row);
  return expr::Allows(*guard.rule, guard.auth, &seen);
}

}  // namespace flyball::store
