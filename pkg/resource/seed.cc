#include "pkg/resource/seed.h"

#include <algorithm>
#include <cstdio>
#include <latch>
#include <memory>
#include <utility>

#include "pkg/base/time_format.h"
#include "pkg/resource/detail/seed_marker.h"
#include "pkg/resource/detail/written.h"
#include "pkg/resource/model.h"

namespace flyball::resource {
namespace {

using Outcome = store::Written::Outcome;
constexpr size_t kBatch = 256;

// A UUID (version 8: its own scheme, RFC 9562 section 5.8) from a row's place: sorts in document order.
std::string SeedId(const spec::App& app, const std::string& resource, uint64_t place) {
  uint64_t hash = 14695981039346656037u;  // FNV-1a
  for (const char c : app.name + "/" + resource) hash = (hash ^ static_cast<uint8_t>(c)) * 1099511628211u;
  char id[40];
  std::snprintf(id, sizeof(id), "00000000-%04x-8%03x-%04x-%012llx", static_cast<unsigned>(place >> 12 & 0xffff),
                static_cast<unsigned>(place & 0xfff), static_cast<unsigned>(0x8000 | (hash >> 50)),
                static_cast<unsigned long long>(hash & 0xffffffffffff));
  return id;
}

// Whole rows of the seed, in the document's order.
class SeedRows {
 public:
  SeedRows(const spec::App& app, WallTime now) : app_(app), now_(now) {
    for (const spec::Resource& resource : app.resources) models_.push_back(std::make_unique<Model>(app, resource));
  }

  const std::vector<std::unique_ptr<Model>>& models() const { return models_; }

  Result<store::Write> Read(const spec::SeedRow& seed, uint64_t place) const {
    const Model* model = Find(seed.resource);
    if (model == nullptr) return Fail(ErrorCode::kInvalid, "the seed names no resource: " + seed.resource);
    store::Write write;
    write.kind = store::Write::Kind::kInsert;
    write.table = &model->table();
    write.row.resize(model->columns().size());
    Defaults(*model, write.row);
    detail::StampNew(*model, write.row, now_);
    write.row[0] = SeedId(app_, seed.resource, place);
    for (const auto& [name, value] : seed.values) {
      const int column = model->Find(name);
      if (column < 0) return Fail(ErrorCode::kInvalid, "the seed of " + seed.resource + " has no field " + name);
      write.row[static_cast<size_t>(column)] = Stored(*model, column, value);
    }
    return write;
  }

 private:
  const Model* Find(const std::string& resource) const {
    for (const auto& model : models_) {
      if (model->spec().name == resource) return model.get();
    }
    return nullptr;
  }

  void Defaults(const Model& model, store::Row& row) const {
    for (size_t i = 0; i < row.size(); ++i) {
      const spec::Field* field = model.columns()[i].field;
      if (field == nullptr) continue;
      if (field->default_value) row[i] = Stored(model, static_cast<int>(i), *field->default_value);
      if (field->initial) row[i] = expr::Evaluate(*field->initial, expr::Auth{}, nullptr);
    }
    if (!model.accounts()) return;
    for (const spec::Role& role : app_.auth.roles) {
      if (role.signup) row[static_cast<size_t>(model.role())] = role.name;
    }
  }

  static Value Stored(const Model& model, int column, const Value& value) {
    const auto* text = std::get_if<std::string>(&value);
    if (text != nullptr && model.columns()[static_cast<size_t>(column)].lower_case) return LowerCase(*text);
    const auto* integer = std::get_if<int64_t>(&value);
    const bool real = model.table().columns[static_cast<size_t>(column)].type == store::ColumnType::kReal;
    return integer != nullptr && real ? Value(static_cast<double>(*integer)) : value;
  }

  const spec::App& app_;
  WallTime now_;
  std::vector<std::unique_ptr<Model>> models_;
};

// The row that says how far the loading is.
class Marker {
 public:
  Marker(const spec::App& app, store::Store& store, store::Reader& reader, WallTime now)
      : app_(app), store_(store), reader_(reader), now_(now), table_(detail::SeedMarkerTable()) {}

  // Empty when nobody has begun.
  Result<std::string> State() {
    const auto row = reader_.Get(table_, app_.name, store::Guard{});
    if (!row) return Fail(row.error());
    return *row ? std::get<std::string>((**row)[detail::kMarkerState]) : std::string();
  }

  // Does nothing when there is one already.
  Result<void> Begin(const char* state) {
    store::Write write;
    write.kind = store::Write::Kind::kInsert;
    write.table = &table_;
    write.row = {app_.name, std::string(state), FormatRfc3339(now_), int64_t{1}};
    const auto written = store_.Apply(std::move(write));
    if (!written) return Fail(written.error());
    return {};
  }

  Result<void> End() {
    store::Write write;
    write.kind = store::Write::Kind::kUpdate;
    write.table = &table_;
    write.id = app_.name;
    write.changes = {{detail::kMarkerState, std::string(detail::kSeedDone)},
                     {detail::kMarkerUpdatedAt, FormatRfc3339(now_)}};
    const auto written = store_.Apply(std::move(write));
    if (!written) return Fail(written.error());
    return {};
  }

 private:
  const spec::App& app_;
  store::Store& store_;
  store::Reader& reader_;
  WallTime now_;
  store::Table table_;
};

Result<bool> IsEmpty(const SeedRows& rows, store::Reader& reader) {
  for (const auto& model : rows.models()) {
    store::Query query;
    query.table = &model->table();
    query.columns = {0};
    query.limit = 1;
    bool empty = true;
    const auto listed = reader.List(query, [&](const store::Row&) { empty = false; });
    if (!listed) return Fail(listed.error());
    if (!empty) return false;
  }
  return true;
}

std::string Describe(const store::Write& write, const store::Written& written) {
  const std::string row = "seed row " + std::get<std::string>(write.row[0]) + " of " + write.table->name;
  if (written.outcome == Outcome::kBadReference)
    return row + ": " + written.column + " names a row that does not exist";
  if (written.outcome == Outcome::kNotUnique) return row + ": another row has its " + written.column;
  return row + " could not be written";
}

// Submits the writes together and waits. The number inserted; rows that were there are fine.
Result<int> InsertAll(std::vector<store::Write> writes, store::Store& store, store::Reader& reader) {
  std::vector<Result<store::Written>> results(writes.size());
  // Shared: the writer thread may still be inside count_down when wait returns.
  const auto left = std::make_shared<std::latch>(static_cast<ptrdiff_t>(writes.size()));
  for (size_t i = 0; i < writes.size(); ++i) {
    store.Submit(writes[i], [&results, left, i](Result<store::Written> written) {
      results[i] = std::move(written);
      left->count_down();
    });
  }
  left->wait();
  int inserted = 0;
  for (size_t i = 0; i < writes.size(); ++i) {
    if (!results[i]) return Fail(results[i].error());
    if (results[i]->outcome == Outcome::kDone) {
      ++inserted;
      continue;
    }
    const auto there = reader.Get(*writes[i].table, std::get<std::string>(writes[i].row[0]), store::Guard{});
    if (!there) return Fail(there.error());
    if (!*there) return Fail(ErrorCode::kInvalid, Describe(writes[i], *results[i]));
  }
  return inserted;
}

Result<int> Load(const spec::App& app, const SeedRows& rows, store::Store& store, store::Reader& reader) {
  int inserted = 0;
  for (size_t first = 0; first < app.seed.size(); first += kBatch) {
    std::vector<store::Write> writes;
    for (size_t i = first; i < std::min(first + kBatch, app.seed.size()); ++i) {
      auto write = rows.Read(app.seed[i], i);
      if (!write) return Fail(write.error());
      writes.push_back(std::move(*write));
    }
    const auto some = InsertAll(std::move(writes), store, reader);
    if (!some) return some;
    inserted += *some;
  }
  return inserted;
}

}  // namespace

namespace detail {

store::Table SeedMarkerTable() {
  using enum store::ColumnType;
  store::Table table;
  table.name = "flyball_seed";
  const auto column = [](std::string name, store::ColumnType type) {
    store::Column made;
    made.name = std::move(name);
    made.type = type;
    made.nullable = false;
    return made;
  };
  table.columns = {column("id", kText), column("state", kText), column("updatedAt", kText),
                   column("version", kInteger)};
  return table;
}

}  // namespace detail

// The marker is there before the first row of the seed and says "done" after the last. So who finds rows and then still
// no marker (its insert succeeds) knows that the rows are not the seed's.
Result<int> LoadSeed(const spec::App& app, store::Store& store, WallTime now) {
  if (app.seed.empty()) return 0;
  auto reader = store.OpenReader();
  if (!reader) return Fail(reader.error());
  const SeedRows rows(app, now);
  Marker marker(app, store, **reader, now);
  auto state = marker.State();
  if (!state) return Fail(state.error());
  if (state->empty()) {
    const auto empty = IsEmpty(rows, **reader);
    if (!empty) return Fail(empty.error());
    // When there are rows and another process has begun meanwhile, its marker stands.
    if (auto begun = marker.Begin(*empty ? detail::kSeedLoading : detail::kSeedDone); !begun)
      return Fail(begun.error());
    state = marker.State();
    if (!state) return Fail(state.error());
  }
  if (*state == detail::kSeedDone) return 0;
  auto inserted = Load(app, rows, store, **reader);
  if (!inserted) return inserted;
  if (auto ended = marker.End(); !ended) return Fail(ended.error());
  return inserted;
}

}  // namespace flyball::resource
