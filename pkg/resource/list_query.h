// The query of a list or a read: from decoded name-value pairs to what the store is asked.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/resource/answer.h"
#include "pkg/resource/model.h"

namespace flyball::resource {

struct QueryPair {
  std::string_view name, value;  // decoded
};

inline constexpr int64_t kMaxOffset = 1'000'000;  // rows a page may skip: narrow the list by a filter instead
inline constexpr size_t kMaxFilters = 32, kMaxFilterValues = 100, kMaxSortKeys = 8;

struct ListQuery {
  std::vector<store::Filter> where;
  std::vector<store::Order> order;
  std::vector<int> columns;  // visible columns to answer, in table order
  int64_t limit = 20;
  int64_t page = 1;
  bool total = false;
};

// `field=v`, `field[eq|ne|lt|lte|gt|gte]=v`, `field[in]=a,b`, `sort=-a,b`, `fields=a,b`, `limit`, `page`, `total`.
// "null" means null where a text cannot be meant (a nullable reference, enum, number, boolean or time). Every problem
// goes to `errors` with pointer "query/<name>": unknown or repeated parameters, hidden or unknown fields, values of the
// wrong type, numbers out of range, and what is not there in this build (cursor, q, filter, expand).
ListQuery ReadListQuery(const Model& model, std::span<const QueryPair> pairs, std::vector<FieldError>& errors);

// For a single row: only `fields`.
std::vector<int> ReadFieldsQuery(const Model& model, std::span<const QueryPair> pairs, std::vector<FieldError>& errors);

// For what takes no query: every parameter is an error.
void RefuseQuery(std::span<const QueryPair> pairs, std::vector<FieldError>& errors);

// `</api/v1/tasks?status=pending&page=3>; rel="next", ...` with first, prev, next where they exist.
std::string PageLinks(const Model& model, std::span<const QueryPair> pairs, int64_t page, bool has_more);

}  // namespace flyball::resource
