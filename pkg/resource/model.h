// A resource as the store keeps it and as the wire shows it: computed once from the document, then only read.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "pkg/spec/app.h"
#include "pkg/store/store.h"

namespace flyball::resource {

// Table columns: id, the fields in document order, then for the accounts passwordHash and role, then createdAt,
// updatedAt, version.
class Model {
 public:
  enum class Kind { kId, kField, kPasswordHash, kRole, kCreatedAt, kUpdatedAt, kVersion };
  struct Column {
    Kind kind = Kind::kField;
    const spec::Field* field = nullptr;  // kField
    bool visible = true;                 // in answers, filters and sorts
    bool lower_case = false;             // a unique e-mail address: kept and compared in lower case
    std::string json_key;                // "\"title\":"
  };

  // Borrows both, which must outlive it.
  Model(const spec::App& app, const spec::Resource& resource);

  const spec::App& app() const { return *app_; }
  const spec::Resource& spec() const { return *spec_; }
  const store::Table& table() const { return table_; }
  const std::vector<Column>& columns() const { return columns_; }  // as table().columns
  const std::string& path() const { return path_; }                // "/api/v1/tasks"
  bool accounts() const { return password_hash_ >= 0; }

  // Index of the column; -1 when there is none. Knows the hidden ones too. O(1).
  int Find(std::string_view name) const;
  // Indices of the columns a client may see, in table order.
  const std::vector<int>& visible() const { return visible_; }

  int created_at() const { return version() - 2; }
  int updated_at() const { return version() - 1; }
  int version() const { return static_cast<int>(columns_.size()) - 1; }
  int password_hash() const { return password_hash_; }  // -1 unless accounts()
  int role() const { return password_hash_ < 0 ? -1 : password_hash_ + 1; }

 private:
  void Add(store::Column column, Kind kind, const spec::Field* field);

  const spec::App* app_;
  const spec::Resource* spec_;
  store::Table table_;
  std::vector<Column> columns_;
  std::vector<int> visible_;
  std::unordered_map<std::string_view, int> by_name_;  // keys live in *spec_ or are literals
  std::string path_;
  int password_hash_ = -1;
};

// Every table the app needs, for Store::Migrate: the resources' and the one that remembers the seed (seed.h).
std::vector<store::Table> Tables(const spec::App& app);

// ASCII letters to lower case.
std::string LowerCase(std::string_view text);

}  // namespace flyball::resource
