#include "pkg/service/local/blueprint.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "pkg/spec/reader.h"

namespace flyball::local {
namespace {

std::string ReadAll(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

void PrintProblems(const spec::Documents& documents, Blueprint& blueprint) {
  for (const auto& problem : documents.problems) blueprint.problems.push_back(spec::Format(problem));
}

ReplicaBounds BoundsOf(const Options& options, const spec::Documents& documents, Blueprint& blueprint) {
  if (options.replicas) return *options.replicas;
  if (documents.governors.empty()) return {1, 1};
  const spec::Replicas& replicas = documents.governors.front().replicas;
  if (replicas.max > kMaxReplicas) {
    blueprint.problems.push_back("the Governor '" + documents.governors.front().name + "' allows " +
                                 std::to_string(replicas.max) + " replicas; on one machine at most " +
                                 std::to_string(kMaxReplicas) + " can run: give --replicas MIN:MAX");
    return {1, 1};
  }
  return {replicas.min, replicas.max};
}

// What these documents ask that one machine cannot do; empty when it can.
std::string Impossible(const spec::Documents& documents) {
  if (documents.apps.empty()) {
    return "there is no document of kind App among the files; without one there is no API to run";
  }
  const std::string& app = documents.apps.front().name;
  if (documents.apps.size() > 1) {
    return "there are " + std::to_string(documents.apps.size()) + " documents of kind App; a fleet serves one: keep '" +
           app + "', and run the others with a --data folder and ports of their own";
  }
  for (const spec::Governor& governor : documents.governors) {
    if (governor.target.kind == "App") continue;
    return "the Governor '" + governor.name + "' governs " + governor.target.kind + " " + governor.target.name +
           ", which is no App; 'flyballctl up' runs Apps only, other targets are governed where they run";
  }
  return {};
}

void Fill(const Options& options, const spec::Documents& documents, Blueprint& blueprint) {
  if (std::string why = Impossible(documents); !why.empty()) {
    blueprint.problems.push_back(std::move(why));
    return;
  }
  blueprint.app = documents.apps.front().name;
  blueprint.base = documents.apps.front().base;
  blueprint.bounds = BoundsOf(options, documents, blueprint);
  for (const auto& governor : documents.governors) {
    blueprint.governors.push_back(governor.name);
    blueprint.workers = governor.workers.value_or(0);
  }
  if (options.workers > 0) blueprint.workers = options.workers;
  if (!options.governor) blueprint.governors.clear();
}

}  // namespace

Blueprint ReadBlueprint(const Options& options) {
  Blueprint blueprint;
  PrintProblems(spec::ReadFiles(options.documents), blueprint);  // judges what is no readable file at all
  if (!blueprint.problems.empty()) return blueprint;
  std::vector<spec::Source> sources;
  for (const std::string& path : options.documents) sources.push_back({path, ReadAll(path)});
  const spec::Documents documents = spec::Read(sources);  // these very bytes are what will run
  PrintProblems(documents, blueprint);
  if (!blueprint.problems.empty()) return blueprint;
  Fill(options, documents, blueprint);
  for (size_t i = 0; i < sources.size(); ++i) {
    const std::string name = std::filesystem::path(sources[i].file).filename().string();
    blueprint.files.emplace_back(sources.size() == 1 ? name : std::to_string(i + 1) + "-" + name,
                                 std::move(sources[i].text));
  }
  return blueprint;
}

}  // namespace flyball::local
