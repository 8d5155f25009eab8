#include <algorithm>
#include <set>

#include "pkg/spec/detail/app_reader.h"

namespace flyball::spec {
namespace {

constexpr size_t kMostResources = 200, kMostFields = 200;
constexpr std::string_view kReservedResources[] = {"auth",    "healthz", "readyz", "health", "metrics", "docs",
                                                   "openapi", "api",     "stats",  "jobs",   "events",  "admin"};

bool IsResourceName(std::string_view name) {
  auto lower = [](char c) { return c >= 'a' && c <= 'z'; };
  return !name.empty() && name.size() <= 63 && lower(name[0]) && std::all_of(name.begin(), name.end(), [&](char c) {
    return lower(c) || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

bool MayBeNamed(Reading& reading, const Node& key) {
  if (!IsResourceName(key.text)) {
    reading.Report(key, Quoted({key.text}) + " cannot name a resource",
                   "a name is a lower-case letter, then up to 62 letters, digits, '-' or '_'");
    return false;
  }
  const bool reserved = std::find(std::begin(kReservedResources), std::end(kReservedResources), key.text) !=
                            std::end(kReservedResources) ||
                        key.text.starts_with("flyball_") || key.text.starts_with("sqlite_");
  if (reserved) reading.Report(key, "the resource name '" + key.text + "' is reserved", "choose another name");
  return !reserved;
}

// The rest of a resource, once the fields of all are known.
class ResourceReader {
 public:
  ResourceReader(AppDraft& draft, Resource& resource, Mapping& mapping)
      : draft_(draft), reading_(draft.reading), resource_(resource), mapping_(mapping) {}

  void Read() {
    ReadRequired();
    ReadIndexes();
    if (const Node* access = mapping_.Find("access")) ReadAccess(draft_, resource_, *access, mapping_.Path("access"));
    ReadList();
    ReadCriticality();
    ReadMaxBody(reading_, mapping_, "maxBody", resource_.max_body_bytes);
    mapping_.NotBuilt({"cache", "events", "softDelete", "audit", "requireMatch", "files", "tenancy", "expand", "search",
                       "unique", "shard", "hooks", "description"});
    mapping_.Finish();
    for (const Field& field : resource_.fields) CheckField(field);
  }

 private:
  const Node& FieldNode(const Field& field) const { return *draft_.fields.at(resource_.name + "." + field.name); }

  void ReadRequired() {
    const Node* node = mapping_.Find("required");
    if (node == nullptr) return;
    const std::string path = mapping_.Path("required");
    const std::vector<Node>* names = reading_.List(*node, path, "required: [title]");
    if (names == nullptr) return;
    for (const Node& name : *names) {
      const auto text = reading_.Text(name, "a name in " + path);
      if (!text) continue;
      const auto field = std::find_if(resource_.fields.begin(), resource_.fields.end(),
                                      [&](const Field& candidate) { return candidate.name == *text; });
      if (field == resource_.fields.end()) {
        UnknownField(name, path, false);
      } else if (field->required) {
        reading_.Report(name, path + " names '" + *text + "' twice");
      } else {
        field->required = true;
      }
    }
  }

  void CheckField(const Field& field) {
    const std::string path = mapping_.Path("fields." + field.name);
    if (field.required && field.default_value)
      reading_.Report(FieldNode(field), path + " is required, so its default is never used", "keep one of the two");
    if (field.required && field.initial)
      reading_.Report(FieldNode(field), path + " is required, but with initial nobody may set it",
                      "keep one of the two");
    if (field.ref.empty()) return;
    if (draft_.resources.count(field.ref) == 0)
      reading_.Report(FieldNode(field), path + " refers to '" + field.ref + "', which is no resource",
                      Suggest(field.ref, draft_.ResourceNames()));
    if (field.required && field.on_delete == OnDelete::kSetNull)
      reading_.Report(FieldNode(field), path + " is required, so onDelete cannot set it to null",
                      "write onDelete: restrict or cascade");
  }

  // A name that stands where a field is expected; `implicit` when the columns every resource has would do as well.
  void UnknownField(const Node& name, const std::string& path, bool implicit) {
    std::string_view shown = name.text;
    if (shown.starts_with('-')) shown.remove_prefix(1);
    for (const std::string& broken : draft_.broken)
      if (shown == broken) return;
    std::vector<std::string_view> candidates = ColumnNames(resource_);
    if (!implicit) candidates.resize(resource_.fields.size());
    reading_.Report(name, path + " names the unknown field " + Quoted({shown}), Suggest(shown, candidates));
  }

  // "-createdAt" as a column and a direction; reports when there is no such column.
  bool ReadKey(const Node& node, const std::string& path, std::string& column, bool& descending) {
    const auto text = reading_.Text(node, "a name in " + path);
    if (!text) return false;
    descending = text->starts_with('-');
    column = text->substr(descending ? 1 : 0);
    const std::vector<std::string_view> columns = ColumnNames(resource_);
    if (std::find(columns.begin(), columns.end(), column) != columns.end()) return true;
    UnknownField(node, path, true);
    return false;
  }

  void ReadIndexes() {
    const Node* node = mapping_.Find("indexes");
    if (node == nullptr) return;
    const std::string path = mapping_.Path("indexes");
    const std::vector<Node>* indexes = reading_.List(*node, path, "indexes: [[status, -createdAt]]");
    if (indexes == nullptr) return;
    for (const Node& keys : *indexes) {
      const std::vector<Node>* names = reading_.List(keys, "an entry of " + path, "[status, -createdAt]");
      if (names == nullptr) continue;
      if (names->empty() || names->size() > 8) reading_.Report(keys, "an index has 1 to 8 fields");
      Index index;
      std::set<std::string> seen;
      for (const Node& name : *names) {
        Index::Key key;
        if (!ReadKey(name, path, key.field, key.descending)) continue;
        if (!seen.insert(key.field).second) reading_.Report(name, "an index names '" + key.field + "' twice");
        index.keys.push_back(std::move(key));
      }
      resource_.indexes.push_back(std::move(index));
    }
  }

  void ReadList() {
    if (const Node* node = mapping_.Find("list")) {
      Mapping list(reading_, *node, mapping_.Path("list"));
      if (const Node* limit = list.Find("limit")) ReadListLimit(*limit, list.Path("limit"));
      if (const Node* sort = list.Find("sort")) ReadSort(*sort, list.Path("sort"));
      if (const Node* page = list.Find("page")) reading_.Choice(*page, list.Path("page"), {"offset"}, {"cursor"});
      list.NotBuilt({"search", "expand", "filter", "total", "cache"});
      list.Finish();
    }
    const auto& sort = resource_.list.sort;
    if (std::none_of(sort.begin(), sort.end(), [](const Sort& by) { return by.field == "id"; }))
      resource_.list.sort.push_back({"id", !sort.empty() && sort.back().descending});
  }

  void ReadListLimit(const Node& node, const std::string& path) {
    Mapping limit(reading_, node, path);
    limit.Int("default", 1, 1000, resource_.list.default_limit);
    limit.Int("max", 1, 1000, resource_.list.max_limit);
    limit.Finish();
    if (resource_.list.default_limit > resource_.list.max_limit)
      reading_.Report(limit.KeyNode(limit.Find("max") != nullptr ? "max" : "default"),
                      path + ": default (" + std::to_string(resource_.list.default_limit) + ") is more than max (" +
                          std::to_string(resource_.list.max_limit) + ")");
  }

  void ReadSort(const Node& node, const std::string& path) {
    const std::vector<Node>* keys = reading_.List(node, path, "sort: [-createdAt]");
    if (keys == nullptr) return;
    std::set<std::string> seen;
    for (const Node& key : *keys) {
      Sort sort;
      if (!ReadKey(key, path, sort.field, sort.descending)) continue;
      const Field* field = resource_.Find(sort.field);
      if (field != nullptr && field->hidden)
        reading_.Report(key, path + " names '" + sort.field + "', which is hidden", "its order would show its value");
      if (!seen.insert(sort.field).second) reading_.Report(key, path + " names '" + sort.field + "' twice");
      resource_.list.sort.push_back(std::move(sort));
    }
  }

  void ReadCriticality() {
    const Node* node = mapping_.Find("criticality");
    if (node == nullptr) return;
    Mapping criticality(reading_, *node, mapping_.Path("criticality"));
    static constexpr Criticality kLevels[] = {Criticality::kCritical, Criticality::kNormal, Criticality::kSheddable};
    for (const std::string_view key : {"read", "write"}) {
      const Node* level = criticality.Find(key);
      if (level == nullptr) continue;
      const auto choice = reading_.Choice(*level, criticality.Path(key), {"critical", "normal", "sheddable"});
      if (choice) (key == "read" ? resource_.read_criticality : resource_.write_criticality) = kLevels[*choice];
    }
    criticality.NotBuilt({"list", "create", "update", "delete"});
    criticality.Finish();
  }

  AppDraft& draft_;
  Reading& reading_;
  Resource& resource_;
  Mapping& mapping_;
};

void ReadFields(AppDraft& draft, Resource& resource, Mapping& mapping) {
  const Node* node = mapping.Require("fields", "fields: {title: {type: string}}");
  if (node == nullptr) return;
  Mapping fields(draft.reading, *node, mapping.Path("fields"));
  if (node->keys.size() > kMostFields) {
    draft.reading.Report(*node, fields.path() + " has more than " + std::to_string(kMostFields) + " entries");
    return;
  }
  std::map<std::string, std::string> seen;  // lower case -> as written
  fields.Each([&](const Node& key, const Node& value) {
    std::optional<Field> field = ReadField(draft, fields.Path(key.text), key, value);
    if (!field) {
      draft.broken.push_back(key.text);
      return;
    }
    if (const auto [first, fresh] = seen.emplace(Lower(field->name), field->name); !fresh) {
      draft.reading.Report(key, "the fields '" + field->name + "' and '" + first->second + "' differ only by case",
                           "choose another name");
      return;
    }
    draft.fields[resource.name + "." + field->name] = &key;
    resource.fields.push_back(*std::move(field));
  });
  for (const Node& key : node->keys)
    if (key.kind == Node::Kind::kBad && !key.text.empty()) draft.broken.push_back(key.text);
  if (fields.valid() && node->keys.empty()) draft.reading.Report(*node, mapping.Path("fields") + " is empty");
}

// Resources that need a row of each other before a first one can be created.
class RequiredCycles {
 public:
  explicit RequiredCycles(AppDraft& draft) : draft_(draft) {}

  void Find() {
    for (const Resource& resource : draft_.app.resources) Visit(resource);
  }

 private:
  void Visit(const Resource& resource) {
    if (!done_.insert(resource.name).second) return;
    path_.push_back(resource.name);
    for (const Field& field : resource.fields) {
      if (field.ref.empty() || !field.required) continue;
      const auto start = std::find(path_.begin(), path_.end(), field.ref);
      if (start != path_.end())
        Report(resource, field, start);
      else if (const Resource* next = draft_.app.Find(field.ref))
        Visit(*next);
    }
    path_.pop_back();
  }

  void Report(const Resource& resource, const Field& field, std::vector<std::string>::iterator start) {
    std::string cycle;
    for (auto name = start; name != path_.end(); ++name) cycle += *name + " -> ";
    draft_.reading.Report(*draft_.fields.at(resource.name + "." + field.name),
                          "required references form a circle (" + cycle + field.ref + "), so no row could be first",
                          "let one of them be optional");
  }

  AppDraft& draft_;
  std::set<std::string> done_;
  std::vector<std::string> path_;
};

}  // namespace

std::vector<std::string_view> ColumnNames(const Resource& resource) {
  std::vector<std::string_view> names;
  for (const Field& field : resource.fields) names.push_back(field.name);
  names.insert(names.end(), std::begin(kImplicitColumns), std::end(kImplicitColumns));
  return names;
}

void ReadResources(AppDraft& draft, const Node& node) {
  Mapping resources(draft.reading, node, "spec.resources");
  if (resources.valid() && node.keys.empty())
    draft.reading.Report(node, "spec.resources is empty", "describe at least one resource");
  if (node.keys.size() > kMostResources) {
    draft.reading.Report(node, "spec.resources has more than " + std::to_string(kMostResources) + " entries");
    return;
  }
  std::vector<Mapping> mappings;
  std::map<std::string, std::string> seen;
  resources.Each([&](const Node& key, const Node& value) {
    if (!MayBeNamed(draft.reading, key)) return;
    if (const auto [first, fresh] = seen.emplace(Lower(key.text), key.text); !fresh) {
      draft.reading.Report(key, "the resources '" + key.text + "' and '" + first->second + "' differ only by case",
                           "choose another name");
      return;
    }
    Resource resource;
    resource.name = key.text;
    Mapping mapping(draft.reading, value, resources.Path(key.text));
    draft.resources[key.text] = &key;
    if (mapping.valid()) ReadFields(draft, resource, mapping);
    draft.app.resources.push_back(std::move(resource));
    mappings.push_back(std::move(mapping));
  });
  for (size_t i = 0; i < mappings.size(); ++i)
    if (mappings[i].valid()) ResourceReader(draft, draft.app.resources[i], mappings[i]).Read();
  for (Resource& resource : draft.app.resources)
    for (Field& field : resource.fields) field.nullable = !field.required && !field.default_value;
  RequiredCycles(draft).Find();
}

}  // namespace flyball::spec
