#include "pkg/spec/locate.h"

#include "pkg/spec/detail/tree.h"

namespace flyball::spec {
namespace {

// Key and value of `name` in a mapping; nulls when there is none.
struct Entry {
  const Node* key = nullptr;
  const Node* value = nullptr;
};

Entry Find(const Node* mapping, std::string_view name) {
  if (mapping == nullptr || mapping->kind != Node::Kind::kMapping) return {};
  for (size_t i = 0; i < mapping->keys.size(); ++i) {
    if (mapping->keys[i].text == name) return {&mapping->keys[i], &mapping->items[i]};
  }
  return {};
}

// The key of the field, or else of the resource; null when this document does not declare the resource.
const Node* Declaration(const Node& document, std::string_view resource, std::string_view field) {
  const Entry kind = Find(&document, "kind");
  if (kind.value == nullptr || kind.value->text != "App") return nullptr;
  const Entry declared = Find(Find(Find(&document, "spec").value, "resources").value, resource);
  const Entry inner = Find(Find(declared.value, "fields").value, field);
  return inner.key != nullptr ? inner.key : declared.key;
}

}  // namespace

std::optional<Problem> ProblemAt(const std::vector<Source>& sources, std::string_view resource, std::string_view field,
                                 std::string message) {
  for (const Source& source : sources) {
    Reporter reporter(source.file, source.text);
    for (const std::vector<Node> documents = ParseYaml(reporter); const Node& document : documents) {
      const Node* found = Declaration(document, resource, field);
      if (found == nullptr) continue;
      Reporter place(source.file, source.text);
      place.Report(found->offset, std::move(message));
      return std::move(place.Take().front());
    }
  }
  return std::nullopt;
}

}  // namespace flyball::spec
