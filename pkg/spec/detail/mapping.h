#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pkg/spec/detail/tree.h"

namespace flyball::spec {

// "nothing", "the number 12", "the text 'abc'", "a list", "a mapping": what stands there, for messages.
std::string Describe(const Node& node);

// "'a', 'b', 'c'"
std::string Quoted(const std::vector<std::string_view>& names);

// "did you mean 'fields'?", or "expected 'a', 'b'" when nothing is near.
std::string Suggest(std::string_view name, const std::vector<std::string_view>& candidates);

// Readers of one value. On failure they report "<path> must be <wanted>, not <what stands there>" and answer nothing;
// kBad nodes were reported already.
class Reading {
 public:
  explicit Reading(Reporter& reporter) : reporter_(reporter) {}

  Reporter& reporter() { return reporter_; }
  void Report(const Node& node, std::string message, std::string suggestion = "") {
    reporter_.Report(node.offset, std::move(message), std::move(suggestion));
  }
  void Mistyped(const Node& node, const std::string& path, std::string_view wanted, std::string suggestion = "");

  std::optional<bool> Bool(const Node& node, const std::string& path);
  std::optional<std::string> Text(const Node& node, const std::string& path);  // not empty
  std::optional<int64_t> Int(const Node& node, const std::string& path, int64_t least, int64_t most);
  std::optional<double> Number(const Node& node, const std::string& path, double least, double most);
  // "70%" or 0.7.
  std::optional<double> Fraction(const Node& node, const std::string& path, double least, double most);
  std::optional<std::chrono::milliseconds> Duration(const Node& node, const std::string& path,
                                                    std::chrono::milliseconds least, std::chrono::milliseconds most);
  // Index into `choices`; names among `not_built` are refused by name.
  std::optional<size_t> Choice(const Node& node, const std::string& path, const std::vector<std::string_view>& choices,
                               const std::vector<std::string_view>& not_built = {});
  // The items, or null.
  const std::vector<Node>* List(const Node& node, const std::string& path, std::string_view example);

 private:
  Reporter& reporter_;
};

std::string NotBuilt(const std::string& what);  // "spec.jobs is not built yet in this version"

// The keys of one mapping, each asked for by name; Finish() reports those nobody asked for.
class Mapping {
 public:
  // Reports when `node` is not a mapping; then there are no keys. `node` is borrowed.
  Mapping(Reading& reading, const Node& node, std::string path);

  bool valid() const { return valid_; }
  const Node& node() const { return node_; }
  const std::string& path() const { return path_; }
  std::string Path(std::string_view key) const {
    return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
  }

  // The value, or null when the key is absent.
  const Node* Find(std::string_view key);
  // Reports when absent. `example` is shown: "spec.base is missing; write base: /api/v1".
  const Node* Require(std::string_view key, std::string_view example);
  // Where the key stands; the mapping itself when absent.
  const Node& KeyNode(std::string_view key) const;

  // Leave `out` alone when the key is absent or wrong.
  void Bool(std::string_view key, bool& out);
  void Int(std::string_view key, int64_t least, int64_t most, int& out);
  void Number(std::string_view key, double least, double most, double& out);
  void Fraction(std::string_view key, double least, double most, double& out);
  void Duration(std::string_view key, std::chrono::milliseconds least, std::chrono::milliseconds most,
                std::chrono::milliseconds& out);

  // Keys that the design knows and this version does not.
  void NotBuilt(std::initializer_list<std::string_view> keys);
  void Finish();

  // For mappings whose keys are the user's names: each key that is well-formed, with its value.
  void Each(const std::function<void(const Node& key, const Node& value)>& each) const;

 private:
  int IndexOf(std::string_view key) const;

  Reading& reading_;
  const Node& node_;
  std::string path_;
  bool valid_ = false;
  std::vector<std::string_view> known_;
  std::vector<std::string_view> not_built_;
};

}  // namespace flyball::spec
