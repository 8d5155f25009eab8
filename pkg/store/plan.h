// What a migration wants and what it refuses, in the same words for every store.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pkg/base/result.h"
#include "pkg/store/store.h"

namespace flyball::store {

// kInvalid when the tables make no sense together: two of one name, no text `id` first, a key or reference to what is
// not there, SET NULL on a column that may not be null.
Result<void> CheckTables(const std::vector<Table>& tables);

// An index with its name, which says what it holds, so that the same name means the same index.
struct PlannedIndex {
  std::string name;
  std::vector<std::pair<const Column*, bool>> keys;  // with: descending
};
// The declared ones and one for each reference that none of them begins with; each ends with `id`.
std::vector<PlannedIndex> PlanIndexes(const Table& table);
// `"a", "b" DESC`; with `nulls_like_sqlite` the order of nulls is spelled out.
std::string IndexColumns(const PlannedIndex& index, bool nulls_like_sqlite);
std::string UniqueIndexName(const Table& table, const Column& column);

// ` REFERENCES "users" ("id") ON DELETE RESTRICT`.
std::string ReferenceClause(const Column& column);

// The refusals, each with what would be needed.
tl::unexpected<Error> OtherType(const Table& table, const Column& column, std::string_view stored,
                                std::string_view wanted);
tl::unexpected<Error> NewRequired(const Table& table, const Column& column);
tl::unexpected<Error> NowRequired(const Table& table, const Column& column, int64_t nulls);
tl::unexpected<Error> NoLongerRequired(const Table& table, const Column& column);
tl::unexpected<Error> NowUnique(const Table& table, const Column& column);
tl::unexpected<Error> LeftOver(const Table& table, std::string_view column);

}  // namespace flyball::store
