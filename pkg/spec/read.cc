#include <memory>

#include "pkg/spec/detail/app_reader.h"
#include "pkg/spec/detail/governor_reader.h"
#include "pkg/spec/reader.h"

namespace flyball::spec {
namespace {

constexpr std::string_view kApiVersion = "flyball.io/v1alpha1";

// Where a problem between documents is reported: a node's place in one of the files.
struct Place {
  Reporter* reporter = nullptr;
  size_t offset = 0;
};

struct NamedPlace {
  std::string name;
  Place place;
};

// All documents of all files.
class StreamReader {
 public:
  Documents Read(const std::vector<Source>& sources) {
    for (const Source& source : sources) {
      reporters_.push_back(std::make_unique<Reporter>(source.file, source.text));
      ReadSource(*reporters_.back());
    }
    CheckApps();
    CheckGovernors();
    for (const auto& reporter : reporters_)
      for (Problem& problem : reporter->Take()) documents_.problems.push_back(std::move(problem));
    return std::move(documents_);
  }

 private:
  // What a document says before its spec.
  struct Envelope {
    std::string kind, name;
    const Node* name_node = nullptr;
    const Node* spec = nullptr;
  };

  void ReadSource(Reporter& reporter) {
    const std::vector<Node> trees = ParseYaml(reporter);
    if (trees.empty() && reporter.count() == 0)
      reporter.Report(0, "the file holds no document", "expected kind: App or kind: Governor");
    Reading reading(reporter);
    for (const Node& tree : trees) ReadDocument(reading, tree);
  }

  void ReadDocument(Reading& reading, const Node& tree) {
    if (tree.kind != Node::Kind::kMapping) {
      reading.Mistyped(tree, "a document", "a mapping", "it begins with apiVersion: flyball.io/v1alpha1");
      return;
    }
    Mapping document(reading, tree, "");
    Envelope envelope;
    if (const Node* version = document.Require("apiVersion", "apiVersion: flyball.io/v1alpha1"))
      reading.Choice(*version, "apiVersion", {kApiVersion});
    if (const Node* kind = document.Require("kind", "kind: App, or kind: Governor"))
      if (const auto choice = reading.Choice(*kind, "kind", {"App", "Governor"}))
        envelope.kind = *choice == 0 ? "App" : "Governor";
    if (const Node* metadata = document.Require("metadata", "metadata: {name: tasks}"))
      ReadMetadata(reading, *metadata, envelope);
    envelope.spec = document.Require("spec", "spec: with what the kind needs");
    document.NotBuilt({"status"});
    document.Finish();
    if (envelope.spec == nullptr) return;
    if (envelope.kind == "App") ReadApp(reading, envelope);
    if (envelope.kind == "Governor") ReadGovernor(reading, envelope);
  }

  void ReadMetadata(Reading& reading, const Node& node, Envelope& envelope) {
    Mapping metadata(reading, node, "metadata");
    const Node* name = metadata.Require("name", "name: tasks");
    if (name != nullptr && ReadLabel(reading, *name, "metadata.name", envelope.name)) envelope.name_node = name;
    std::string space;
    if (const Node* value = metadata.Find("namespace")) ReadLabel(reading, *value, "metadata.namespace", space);
    for (const std::string_view key : {"labels", "annotations"}) {
      const Node* value = metadata.Find(key);
      if (value == nullptr) continue;
      const Mapping texts(reading, *value, metadata.Path(key));
      texts.Each([&](const Node& label, const Node& text) {
        if (text.kind != Node::Kind::kText || !text.text.empty()) reading.Text(text, texts.Path(label.text));
      });
    }
    metadata.Finish();
  }

  bool ReadLabel(Reading& reading, const Node& node, const std::string& path, std::string& out) {
    const auto text = reading.Text(node, path);
    if (!text) return false;
    if (IsDnsLabel(*text)) return out = *text, true;
    reading.Mistyped(node, path, "a DNS label", "write up to 63 lower-case letters, digits and '-', as in tasks");
    return false;
  }

  void ReadApp(Reading& reading, const Envelope& envelope) {
    AppDraft draft(reading);
    draft.app.name = envelope.name;
    ReadAppSpec(draft, *envelope.spec);
    const Place name = PlaceOf(reading, envelope.name_node, *envelope.spec);
    apps_.push_back({envelope.name, name});
    bases_.push_back({draft.app.base, PlaceOf(reading, draft.base, *envelope.spec)});
    documents_.apps.push_back(std::move(draft.app));
  }

  void ReadGovernor(Reading& reading, const Envelope& envelope) {
    Governor governor;
    governor.name = envelope.name;
    const Node* target = nullptr;
    ReadGovernorSpec(reading, *envelope.spec, governor, target);
    governors_.push_back({envelope.name, PlaceOf(reading, envelope.name_node, *envelope.spec)});
    const Place at = PlaceOf(reading, target, *envelope.spec);
    targets_.push_back({governor.target.name.empty() ? "" : governor.target.kind + " " + governor.target.name, at});
    if (governor.target.kind == "App") app_targets_.push_back({governor.target.name, at});
    documents_.governors.push_back(std::move(governor));
  }

  static Place PlaceOf(Reading& reading, const Node* node, const Node& otherwise) {
    return {&reading.reporter(), node != nullptr ? node->offset : otherwise.offset};
  }

  static void Report(const Place& place, std::string message, std::string suggestion = "") {
    place.reporter->Report(place.offset, std::move(message), std::move(suggestion));
  }

  // Reports the later of two entries with the same name; those without a name have a problem already.
  static void CheckUnique(const std::vector<NamedPlace>& entries, const std::string& what,
                          const std::string& suggestion) {
    for (size_t i = 0; i < entries.size(); ++i)
      for (size_t j = 0; j < i; ++j) {
        if (entries[i].name.empty() || entries[i].name != entries[j].name) continue;
        Report(entries[i].place, what + " '" + entries[i].name + "'", suggestion);
        break;
      }
  }

  void CheckApps() {
    CheckUnique(apps_, "there is another App named", "choose another name");
    for (size_t i = 0; i < bases_.size(); ++i)
      for (size_t j = 0; j < i; ++j) {
        const std::string &a = bases_[i].name, &b = bases_[j].name;
        if (a != b && !a.starts_with(b + "/") && !b.starts_with(a + "/")) continue;
        Report(bases_[i].place, "the routes under " + a + " overlap those of App '" + apps_[j].name + "' under " + b,
               "give each App a base of its own");
        break;
      }
  }

  void CheckGovernors() {
    CheckUnique(governors_, "there is another Governor named", "choose another name");
    CheckUnique(targets_, "there is another Governor for", "one Governor moves a target's replicas");
    if (apps_.empty()) return;
    std::vector<std::string_view> names;
    for (const NamedPlace& app : apps_) names.push_back(app.name);
    for (const NamedPlace& target : app_targets_) {
      if (target.name.empty()) continue;
      bool found = false;
      for (const std::string_view name : names) found = found || name == target.name;
      if (!found)
        Report(target.place, "spec.targetRef names App '" + target.name + "', which these documents do not hold",
               Suggest(target.name, names));
    }
  }

  Documents documents_;
  std::vector<std::unique_ptr<Reporter>> reporters_;
  std::vector<NamedPlace> apps_, bases_, governors_, targets_, app_targets_;
};

}  // namespace

Documents Read(const std::vector<Source>& sources) { return StreamReader().Read(sources); }

}  // namespace flyball::spec
