#include "pkg/resource/model.h"

#include <utility>

#include "pkg/base/json_writer.h"
#include "pkg/resource/detail/seed_marker.h"

namespace flyball::resource {
namespace {

store::ColumnType StoredAs(spec::FieldType type) {
  switch (type) {
    case spec::FieldType::kInteger:
      return store::ColumnType::kInteger;
    case spec::FieldType::kNumber:
      return store::ColumnType::kReal;
    case spec::FieldType::kBoolean:
      return store::ColumnType::kBoolean;
    case spec::FieldType::kString:
    case spec::FieldType::kDateTime:
    case spec::FieldType::kDate:
      break;
  }
  return store::ColumnType::kText;
}

store::Column::OnDelete StoredAs(spec::OnDelete on_delete) {
  switch (on_delete) {
    case spec::OnDelete::kCascade:
      return store::Column::OnDelete::kCascade;
    case spec::OnDelete::kSetNull:
      return store::Column::OnDelete::kSetNull;
    case spec::OnDelete::kRestrict:
      break;
  }
  return store::Column::OnDelete::kRestrict;
}

store::Column StoredAs(const spec::Field& field) {
  store::Column column;
  column.name = field.name;
  column.type = StoredAs(field.type);
  column.nullable = field.nullable;
  column.unique = field.unique;
  column.references = field.ref;
  column.on_delete = StoredAs(field.on_delete);
  return column;
}

store::Column Plain(std::string_view name, store::ColumnType type, bool nullable) {
  store::Column column;
  column.name = name;
  column.type = type;
  column.nullable = nullable;
  return column;
}

}  // namespace

Model::Model(const spec::App& app, const spec::Resource& resource) : app_(&app), spec_(&resource) {
  using enum store::ColumnType;
  table_.name = resource.name;
  path_ = app.base + "/" + resource.name;
  Add(Plain("id", kText, false), Kind::kId, nullptr);
  for (const spec::Field& field : resource.fields) Add(StoredAs(field), Kind::kField, &field);
  if (resource.name == app.auth.accounts) {
    password_hash_ = static_cast<int>(columns_.size());
    Add(Plain("passwordHash", kText, true), Kind::kPasswordHash, nullptr);
    Add(Plain("role", kText, true), Kind::kRole, nullptr);
  }
  Add(Plain("createdAt", kText, false), Kind::kCreatedAt, nullptr);
  Add(Plain("updatedAt", kText, false), Kind::kUpdatedAt, nullptr);
  Add(Plain("version", kInteger, false), Kind::kVersion, nullptr);
  for (const store::Column& column : table_.columns) by_name_.emplace(column.name, static_cast<int>(by_name_.size()));
  for (const spec::Index& index : resource.indexes) {
    std::vector<store::IndexKey> keys;
    for (const auto& key : index.keys) keys.push_back({key.field, key.descending});
    table_.indexes.push_back(std::move(keys));
  }
}

void Model::Add(store::Column column, Kind kind, const spec::Field* field) {
  Column added;
  added.kind = kind;
  added.field = field;
  added.visible = kind != Kind::kPasswordHash && kind != Kind::kRole && !(field != nullptr && field->hidden);
  added.lower_case = field != nullptr && field->format == spec::Format::kEmail && field->unique;
  if (accounts() && kind == Kind::kField) added.lower_case |= column.name == "email";
  JsonWriter::AppendJsonString(added.json_key, column.name);
  added.json_key.push_back(':');
  if (added.visible) visible_.push_back(static_cast<int>(columns_.size()));
  columns_.push_back(std::move(added));
  table_.columns.push_back(std::move(column));
}

int Model::Find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? -1 : found->second;
}

std::vector<store::Table> Tables(const spec::App& app) {
  std::vector<store::Table> tables;
  for (const spec::Resource& resource : app.resources) tables.push_back(Model(app, resource).table());
  tables.push_back(detail::SeedMarkerTable());
  return tables;
}

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

}  // namespace flyball::resource
