#include "pkg/spec/detail/mapping.h"

#include <algorithm>

namespace flyball::spec {

Mapping::Mapping(Reading& reading, const Node& node, std::string path)
    : reading_(reading), node_(node), path_(std::move(path)), valid_(node.kind == Node::Kind::kMapping) {
  if (!valid_) reading_.Mistyped(node, path_, "a mapping");
}

int Mapping::IndexOf(std::string_view key) const {
  for (size_t i = 0; i < node_.keys.size(); ++i)
    if (node_.keys[i].kind != Node::Kind::kBad && node_.keys[i].text == key) return static_cast<int>(i);
  return -1;
}

const Node* Mapping::Find(std::string_view key) {
  if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.push_back(key);
  const int index = IndexOf(key);
  return index < 0 ? nullptr : &node_.items[static_cast<size_t>(index)];
}

const Node* Mapping::Require(std::string_view key, std::string_view example) {
  const Node* value = Find(key);
  if (value == nullptr && valid_) reading_.Report(node_, Path(key) + " is missing", "write " + std::string(example));
  return value;
}

const Node& Mapping::KeyNode(std::string_view key) const {
  const int index = IndexOf(key);
  return index < 0 ? node_ : node_.keys[static_cast<size_t>(index)];
}

void Mapping::Bool(std::string_view key, bool& out) {
  if (const Node* node = Find(key)) out = reading_.Bool(*node, Path(key)).value_or(out);
}

void Mapping::Int(std::string_view key, int64_t least, int64_t most, int& out) {
  if (const Node* node = Find(key)) out = static_cast<int>(reading_.Int(*node, Path(key), least, most).value_or(out));
}

void Mapping::Number(std::string_view key, double least, double most, double& out) {
  if (const Node* node = Find(key)) out = reading_.Number(*node, Path(key), least, most).value_or(out);
}

void Mapping::Fraction(std::string_view key, double least, double most, double& out) {
  if (const Node* node = Find(key)) out = reading_.Fraction(*node, Path(key), least, most).value_or(out);
}

void Mapping::Duration(std::string_view key, std::chrono::milliseconds least, std::chrono::milliseconds most,
                       std::chrono::milliseconds& out) {
  if (const Node* node = Find(key)) out = reading_.Duration(*node, Path(key), least, most).value_or(out);
}

void Mapping::NotBuilt(std::initializer_list<std::string_view> keys) {
  not_built_.insert(not_built_.end(), keys.begin(), keys.end());
}

void Mapping::Finish() {
  std::vector<std::string_view> candidates = known_;
  candidates.insert(candidates.end(), not_built_.begin(), not_built_.end());
  Each([&](const Node& key, const Node&) {
    if (std::find(known_.begin(), known_.end(), key.text) != known_.end()) return;
    if (std::find(not_built_.begin(), not_built_.end(), key.text) != not_built_.end()) {
      reading_.Report(key, spec::NotBuilt(Path(key.text)));
      return;
    }
    const std::string suggestion = Suggest(key.text, candidates);
    reading_.Report(key, "unknown key " + Quoted({key.text}) + (path_.empty() ? "" : " in " + path_),
                    suggestion.starts_with("did") ? suggestion : "expected " + Quoted(known_));
  });
}

void Mapping::Each(const std::function<void(const Node& key, const Node& value)>& each) const {
  for (size_t i = 0; i < node_.keys.size(); ++i)
    if (node_.keys[i].kind != Node::Kind::kBad) each(node_.keys[i], node_.items[i]);
}

}  // namespace flyball::spec
