#include "pkg/resource/list_query.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "pkg/base/nearest.h"
#include "pkg/base/utf8.h"
#include "pkg/resource/validate.h"

namespace flyball::resource {
namespace {

struct NamedOp {
  std::string_view name;
  store::Op op;
};
// Parameters that lists will have, and what does for them until then.
constexpr std::pair<std::string_view, std::string_view> kLater[] = {
    {"cursor", "pages are asked for with page and limit"},
    {"q", "rows are found by their fields, as in status=pending"},
    {"filter", "rows are filtered by their fields, as in count[gt]=2"},
    {"expand", "what a row refers to is read by its id"},
};

constexpr NamedOp kOps[] = {{"eq", store::Op::kEq},   {"ne", store::Op::kNe}, {"lt", store::Op::kLt},
                            {"lte", store::Op::kLte}, {"gt", store::Op::kGt}, {"gte", store::Op::kGte},
                            {"in", store::Op::kIn}};

std::vector<std::string_view> Split(std::string_view list) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t comma = list.find(',');
    parts.push_back(list.substr(0, comma));
    if (comma == std::string_view::npos) return parts;
    list.remove_prefix(comma + 1);
  }
}

class QueryReader {
 public:
  QueryReader(const Model& model, std::vector<FieldError>& errors) : model_(model), errors_(errors) {}

  void Wrong(std::string_view name, std::string code, std::string message) {
    if (errors_.size() < kMaxErrors) errors_.push_back({"query/" + Excerpt(name), std::move(code), std::move(message)});
  }

  // Names are compared whole, so dueDate[gte] and dueDate[lt] are two.
  bool CheckRepeated(std::span<const QueryPair> pairs) {
    std::vector<std::string_view> names;
    for (const QueryPair& pair : pairs) names.push_back(pair.name);
    std::sort(names.begin(), names.end());
    bool repeated = false;
    for (auto at = names.begin(); (at = std::adjacent_find(at, names.end())) != names.end();) {
      const std::string_view name = *at;
      Wrong(name, "repeated", "is given more than once");
      repeated = true;
      at = std::find_if(at, names.end(), [&](std::string_view other) { return other != name; });
    }
    return repeated;
  }

  // A whole number in [least, most].
  int64_t ReadNumber(const QueryPair& pair, int64_t least, int64_t most, int64_t otherwise) {
    int64_t number = 0;
    const char* const end = pair.value.data() + pair.value.size();
    const auto [stop, error] = std::from_chars(pair.value.data(), end, number);
    if (error == std::errc() && stop == end && number >= least && number <= most) return number;
    Wrong(pair.name, "out-of-range",
          "must be a whole number from " + std::to_string(least) + " to " + std::to_string(most));
    return otherwise;
  }

  // Index of a column a client may name; reports and gives -1 otherwise. Hidden ones are as good as absent.
  int ReadColumn(std::string_view parameter, std::string_view name) {
    const int column = model_.Find(name);
    if (column >= 0 && model_.columns()[static_cast<size_t>(column)].visible) return column;
    std::vector<std::string_view> names;
    for (const int visible : model_.visible()) {
      names.push_back(model_.table().columns[static_cast<size_t>(visible)].name);
    }
    const std::string_view near = Nearest(name, names);
    Wrong(parameter, "unknown",
          "there is no field '" + Excerpt(name) + "'" +
              (near.empty() ? std::string() : "; did you mean '" + std::string(near) + "'?"));
    return -1;
  }

  std::vector<int> ReadFields(const QueryPair& pair) {
    std::vector<int> columns;
    for (const std::string_view name : Split(pair.value)) {
      const int column = ReadColumn(pair.name, name);
      if (column >= 0) columns.push_back(column);
    }
    std::sort(columns.begin(), columns.end());
    columns.erase(std::unique(columns.begin(), columns.end()), columns.end());
    return columns;
  }

  std::vector<store::Order> ReadSort(const QueryPair& pair) {
    std::vector<store::Order> order;
    const auto keys = Split(pair.value);
    if (keys.size() > kMaxSortKeys) {
      Wrong(pair.name, "too-many", "must name at most " + std::to_string(kMaxSortKeys) + " fields");
      return order;
    }
    for (std::string_view key : keys) {
      const bool descending = key.starts_with('-');
      if (descending) key.remove_prefix(1);
      const int column = ReadColumn(pair.name, key);
      if (column < 0) continue;
      if (std::any_of(order.begin(), order.end(), [&](const auto& other) { return other.column == column; })) {
        Wrong(pair.name, "repeated", "names '" + Excerpt(key) + "' twice");
      }
      order.push_back({column, descending});
    }
    return order;
  }

  void ReadFilter(const QueryPair& pair, std::vector<store::Filter>& where) {
    store::Filter filter;
    if (!ReadFilterName(pair.name, filter)) return;
    const Model::Column& column = model_.columns()[static_cast<size_t>(filter.column)];
    const bool list = filter.op == store::Op::kIn;
    const auto texts = list ? Split(pair.value) : std::vector<std::string_view>{pair.value};
    if (texts.size() > kMaxFilterValues) {
      return Wrong(pair.name, "too-many", "must hold at most " + std::to_string(kMaxFilterValues) + " values");
    }
    for (const std::string_view text : texts) {
      auto value = ParseText(column, text);
      if (!value) return Wrong(pair.name, "type", value.error().message + ", not '" + Excerpt(text) + "'");
      if (IsNull(*value) && filter.op != store::Op::kEq && filter.op != store::Op::kNe && !list) {
        return Wrong(pair.name, "type", "null has no order; use [eq] or [ne]");
      }
      filter.values.push_back(std::move(*value));
    }
    if (where.size() == kMaxFilters) {
      return Wrong(pair.name, "too-many", "more than " + std::to_string(kMaxFilters) + " filters");
    }
    where.push_back(std::move(filter));
  }

 private:
  // field or field[op].
  bool ReadFilterName(std::string_view name, store::Filter& filter) {
    std::string_view field = name, op = "eq";
    if (const size_t open = name.find('['); open != std::string_view::npos && name.ends_with(']')) {
      field = name.substr(0, open);
      op = name.substr(open + 1, name.size() - open - 2);
    }
    const auto* known = std::find_if(std::begin(kOps), std::end(kOps), [&](const auto& o) { return o.name == op; });
    filter.column = ReadFilterColumn(name, field);
    if (filter.column < 0) return false;
    if (known == std::end(kOps)) {
      Wrong(name, "unknown", "there is no operator '" + Excerpt(op) + "'; expected eq, ne, lt, lte, gt, gte or in");
      return false;
    }
    filter.op = known->op;
    return true;
  }

  int ReadFilterColumn(std::string_view parameter, std::string_view field) {
    const int column = model_.Find(field);
    if (column >= 0 && model_.columns()[static_cast<size_t>(column)].visible) return column;
    for (const auto& [later, instead] : kLater) {
      if (field != later) continue;
      Wrong(parameter, "not-built", "is not built yet; " + std::string(instead));
      return -1;
    }
    std::vector<std::string_view> names = {"limit", "page", "sort", "fields", "total"};
    for (const int visible : model_.visible()) {
      names.push_back(model_.table().columns[static_cast<size_t>(visible)].name);
    }
    const std::string_view near = Nearest(field, names);
    Wrong(parameter, "unknown",
          "is no parameter of this list" +
              (near.empty() ? std::string() : "; did you mean '" + std::string(near) + "'?"));
    return -1;
  }

  const Model& model_;
  std::vector<FieldError>& errors_;
};

// The decoder upstream checks this too; a store must never see what it cannot hold.
bool IsCleanText(std::string_view text) {
  return text.find('\0') == std::string_view::npos && FirstInvalidUtf8(text) == text.size();
}

void ReadPair(QueryReader& reader, const Model& model, const QueryPair& pair, ListQuery& query) {
  if (!IsCleanText(pair.name) || !IsCleanText(pair.value)) {
    return reader.Wrong(IsCleanText(pair.name) ? pair.name : "", "text", "must be UTF-8 without U+0000");
  }
  if (pair.name == "limit") {
    query.limit = reader.ReadNumber(pair, 1, model.spec().list.max_limit, query.limit);
  } else if (pair.name == "page") {
    query.page = reader.ReadNumber(pair, 1, kMaxOffset, query.page);
  } else if (pair.name == "total") {
    query.total = pair.value == "true";
    if (!query.total && pair.value != "false") reader.Wrong(pair.name, "type", "must be true or false");
  } else if (pair.name == "fields") {
    query.columns = reader.ReadFields(pair);
  } else if (pair.name == "sort") {
    query.order = reader.ReadSort(pair);
  } else {
    reader.ReadFilter(pair, query.where);
  }
}

void AppendEncoded(std::string& out, std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~';
    if (plain) {
      out.push_back(c);
    } else {
      out.append({'%', kHex[byte >> 4], kHex[byte & 15]});
    }
  }
}

void AppendLink(std::string& out, const Model& model, std::span<const QueryPair> pairs, int64_t page,
                std::string_view relation) {
  if (!out.empty()) out += ", ";
  out += '<';
  out += model.path();
  out += '?';
  for (const QueryPair& pair : pairs) {
    if (pair.name == "page") continue;
    AppendEncoded(out, pair.name);
    out += '=';
    AppendEncoded(out, pair.value);
    out += '&';
  }
  out += "page=" + std::to_string(page) + ">; rel=\"";
  out += relation;
  out += '"';
}

}  // namespace

ListQuery ReadListQuery(const Model& model, std::span<const QueryPair> pairs, std::vector<FieldError>& errors) {
  ListQuery query;
  query.limit = model.spec().list.default_limit;
  QueryReader reader(model, errors);
  if (pairs.size() > 1) reader.CheckRepeated(pairs);
  for (const QueryPair& pair : pairs) ReadPair(reader, model, pair, query);
  if (query.columns.empty()) query.columns = model.visible();
  if (query.order.empty()) {
    for (const spec::Sort& key : model.spec().list.sort) query.order.push_back({model.Find(key.field), key.descending});
  }
  if ((query.page - 1) * query.limit > kMaxOffset) {
    reader.Wrong("page", "out-of-range",
                 "would skip more than " + std::to_string(kMaxOffset) + " rows; narrow the list with a filter");
  }
  return query;
}

std::vector<int> ReadFieldsQuery(const Model& model, std::span<const QueryPair> pairs,
                                 std::vector<FieldError>& errors) {
  if (pairs.empty()) return model.visible();
  QueryReader reader(model, errors);
  reader.CheckRepeated(pairs);
  std::vector<int> columns;
  for (const QueryPair& pair : pairs) {
    if (pair.name == "fields" && IsCleanText(pair.value)) {
      columns = reader.ReadFields(pair);
    } else {
      reader.Wrong(IsCleanText(pair.name) ? pair.name : "", "unknown",
                   "is no parameter of this request; expected only fields");
    }
  }
  return columns.empty() ? model.visible() : columns;
}

void RefuseQuery(std::span<const QueryPair> pairs, std::vector<FieldError>& errors) {
  for (const QueryPair& pair : pairs) {
    if (errors.size() == kMaxErrors) return;
    errors.push_back({"query/" + (IsCleanText(pair.name) ? Excerpt(pair.name) : std::string()), "unknown",
                      "this request takes no parameters"});
  }
}

std::string PageLinks(const Model& model, std::span<const QueryPair> pairs, int64_t page, bool has_more) {
  std::string links;
  if (page > 1) {
    AppendLink(links, model, pairs, 1, "first");
    AppendLink(links, model, pairs, page - 1, "prev");
  }
  if (has_more) AppendLink(links, model, pairs, page + 1, "next");
  return links;
}

}  // namespace flyball::resource
