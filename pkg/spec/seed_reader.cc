#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "pkg/base/ids.h"
#include "pkg/spec/detail/app_reader.h"

namespace flyball::spec {
namespace {

// All seed rows of an App: read in the order of the document, then ordered so that refs come before referrers.
class SeedReader {
 public:
  SeedReader(AppDraft& draft, const Node& node) : draft_(draft), reading_(draft.reading), node_(node) {}

  void Read() {
    Mapping seed(reading_, node_, "spec.seed");
    seed.Each([&](const Node& key, const Node& value) {
      const Resource* resource = draft_.app.Find(key.text);
      if (resource == nullptr) {
        reading_.Report(key, "spec.seed names '" + key.text + "', which is no resource",
                        Suggest(key.text, draft_.ResourceNames()));
        return;
      }
      const std::string path = seed.Path(key.text);
      const std::vector<Node>* rows = reading_.List(value, path, "a list of rows, each a mapping of its fields");
      if (rows == nullptr) return;
      for (const Node& row : *rows) ReadRow(*resource, row, path);
    });
    CheckRefs();
    if (Order()) return;
    reading_.Report(node_, "rows of spec.seed refer to each other in a circle", "leave one of the references out");
  }

 private:
  struct Reference {
    size_t row;      // who refers
    std::string to;  // "users/<id>"
    const Node* node;
    std::string path;
  };

  void ReadRow(const Resource& resource, const Node& node, const std::string& path) {
    Mapping mapping(reading_, node, "a row of " + path);
    if (!mapping.valid()) return;
    SeedRow row;
    row.resource = resource.name;
    const size_t index = rows_.size();
    const bool account = resource.name == draft_.app.auth.accounts;
    mapping.Each([&](const Node& key, const Node& value) {
      if (key.text == "id") return ReadId(resource, value, path, row, index);
      const Field* field = resource.Find(key.text);
      if (field == nullptr) return UnknownField(resource, key, path, account);
      if (value.kind == Node::Kind::kNull && field->nullable) return;
      const auto read = ReadValue(reading_, *field, value, path + "." + field->name);
      if (!read) return;
      if (!field->ref.empty())
        references_.push_back(
            {index, field->ref + "/" + std::get<std::string>(*read), &value, path + "." + field->name});
      if (field->unique) CheckUnique(resource, *field, *read, value, path);
      row.values.emplace_back(field->name, *read);
    });
    for (const Field& field : resource.fields)
      if (field.required && &mapping.KeyNode(field.name) == &node)
        reading_.Report(node, "a row of " + path + " lacks the required field '" + field.name + "'");
    rows_.push_back(std::move(row));
  }

  void ReadId(const Resource& resource, const Node& value, const std::string& path, SeedRow& row, size_t index) {
    if (value.kind != Node::Kind::kText || !IsUuid(value.text)) {
      reading_.Mistyped(value, path + ".id", "a UUID", "write one like '00000000-0000-4000-8000-000000000001'");
      return;
    }
    if (!by_id_.emplace(resource.name + "/" + value.text, index).second)
      reading_.Report(value, path + " has two rows with the id '" + value.text + "'");
    row.values.emplace_back("id", value.text);
  }

  void UnknownField(const Resource& resource, const Node& key, const std::string& path, bool account) {
    if (account && (key.text == "password" || key.text == "passwordHash")) {
      reading_.Report(key, "documents hold no passwords", "leave it out; flyballctl users create gives accounts one");
    } else if (account && key.text == "role") {
      reading_.Report(key, "seeded accounts have the role of sign-up",
                      "leave it out; flyballctl users create --role gives another");
    } else if (std::find(std::begin(kImplicitColumns), std::end(kImplicitColumns), key.text) !=
               std::end(kImplicitColumns)) {
      reading_.Report(key, path + "." + key.text + " is set by the server", "leave it out");
    } else {
      std::vector<std::string_view> names = {"id"};
      for (const Field& field : resource.fields) names.push_back(field.name);
      reading_.Report(key, "unknown field " + Quoted({key.text}) + " in " + path, Suggest(key.text, names));
    }
  }

  void CheckUnique(const Resource& resource, const Field& field, const Value& value, const Node& node,
                   const std::string& path) {
    const std::string* text = std::get_if<std::string>(&value);
    const std::string shown = text != nullptr ? *text : node.text;
    if (!unique_.insert(resource.name + "/" + field.name + "/" + shown).second)
      reading_.Report(node, path + " has two rows with the same " + field.name, "the field is unique");
  }

  void CheckRefs() {
    for (const Reference& reference : references_) {
      if (by_id_.count(reference.to) != 0) continue;
      const std::string resource = reference.to.substr(0, reference.to.find('/'));
      std::vector<std::string_view> ids;
      if (by_id_.size() <= 100)
        for (const auto& [known, index] : by_id_)
          if (known.starts_with(resource + "/")) ids.push_back(std::string_view(known).substr(resource.size() + 1));
      std::sort(ids.begin(), ids.end());
      reading_.Report(
          *reference.node,
          reference.path + " refers to " + Describe(*reference.node) + ", which is no seeded row of " + resource,
          ids.empty() ? "give that row an id in spec.seed" : Suggest(reference.node->text, ids));
    }
  }

  // Kahn's algorithm, keeping the document's order where refs allow; false when a circle is left.
  bool Order() {
    std::vector<std::vector<size_t>> referrers(rows_.size());
    std::vector<size_t> waiting(rows_.size(), 0);
    for (const Reference& reference : references_) {
      const auto target = by_id_.find(reference.to);
      if (target == by_id_.end() || target->second == reference.row) continue;
      referrers[target->second].push_back(reference.row);
      ++waiting[reference.row];
    }
    std::vector<size_t> order;
    for (size_t row = 0; row < rows_.size(); ++row)
      if (waiting[row] == 0) order.push_back(row);
    for (size_t i = 0; i < order.size(); ++i)
      for (const size_t referrer : referrers[order[i]])
        if (--waiting[referrer] == 0) order.push_back(referrer);
    for (const size_t row : order) draft_.app.seed.push_back(std::move(rows_[row]));
    return order.size() == rows_.size();
  }

  AppDraft& draft_;
  Reading& reading_;
  const Node& node_;
  std::vector<SeedRow> rows_;
  std::unordered_map<std::string, size_t> by_id_;  // "users/<id>" -> index in rows_
  std::vector<Reference> references_;
  std::unordered_set<std::string> unique_;
};

}  // namespace

void ReadSeed(AppDraft& draft, const Node& node) { SeedReader(draft, node).Read(); }

}  // namespace flyball::spec
