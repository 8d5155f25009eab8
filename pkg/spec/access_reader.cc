#include <array>

#include "pkg/spec/detail/app_reader.h"

namespace flyball::spec {
namespace {

constexpr std::array<std::string_view, 5> kActions = {"create", "list", "read", "update", "delete"};

int IndexOf(std::string_view action) {
  for (size_t i = 0; i < kActions.size(); ++i)
    if (kActions[i] == action) return static_cast<int>(i);
  return -1;
}

std::string_view Trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

// The five rules of one resource; `=list` stands for the rule of another action.
class AccessReader {
 public:
  AccessReader(AppDraft& draft, Resource& resource, Mapping& mapping)
      : draft_(draft), resource_(resource), mapping_(mapping), schema_(draft.RuleSchemaFor(&resource)) {}

  void Read() {
    for (size_t i = 0; i < kActions.size(); ++i) nodes_[i] = mapping_.Find(kActions[i]);
    for (size_t i = 0; i < kActions.size(); ++i) Resolve(i);
    resource_.access = {rules_[0], rules_[1], rules_[2], rules_[3], rules_[4]};
    mapping_.Finish();
  }

 private:
  enum class State { kUntouched, kReading, kRead };

  // Follows references first; a circle is reported once, at the reference that closes it.
  void Resolve(size_t i) {
    if (states_[i] == State::kRead || nodes_[i] == nullptr) return;
    states_[i] = State::kReading;
    const Node& node = *nodes_[i];
    const std::string path = mapping_.Path(kActions[i]);
    if (node.kind == Node::Kind::kText && Trimmed(node.text).starts_with('='))
      Refer(i, node, path);
    else if (auto rule = ReadRule(draft_, node, path, schema_, expr::Type::kBool))
      rules_[i] = *std::move(rule);
    states_[i] = State::kRead;
  }

  void Refer(size_t i, const Node& node, const std::string& path) {
    const std::string_view name = Trimmed(Trimmed(node.text).substr(1));
    const int target = IndexOf(name);
    if (target < 0) {
      draft_.reading.Report(node, path + " refers to the unknown rule " + Quoted({name}),
                            Suggest(name, {kActions.begin(), kActions.end()}));
      return;
    }
    const auto t = static_cast<size_t>(target);
    if (nodes_[t] == nullptr) {
      draft_.reading.Report(node, path + " refers to the rule '" + std::string(name) + "', which is absent",
                            "write that rule, or leave this one out: what has no rule is denied");
      return;
    }
    if (states_[t] == State::kReading) {
      draft_.reading.Report(node, path + " refers to itself in a circle", "write the rule out in one of them");
      return;
    }
    Resolve(t);
    rules_[i] = rules_[t];
  }

  AppDraft& draft_;
  Resource& resource_;
  Mapping& mapping_;
  const expr::Schema schema_;
  std::array<const Node*, 5> nodes_{};
  std::array<State, 5> states_{};
  std::array<expr::Rule, 5> rules_;
};

}  // namespace

void ReadAccess(AppDraft& draft, Resource& resource, const Node& node, const std::string& path) {
  Mapping mapping(draft.reading, node, path);
  AccessReader(draft, resource, mapping).Read();
}

}  // namespace flyball::spec
