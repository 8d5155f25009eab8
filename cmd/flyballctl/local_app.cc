#include "cmd/flyballctl/local_app.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "cmd/flyballctl/running_fleet.h"
#include "pkg/spec/reader.h"

namespace flyball::ctl {
namespace {

namespace fs = std::filesystem;

// The copies of documents `up` keeps in DATA/documents/<number>/: those of the highest number.
std::vector<std::string> LastDocuments(const std::string& data) {
  std::error_code ignored;
  uint64_t newest = 0;
  fs::path folder;
  for (const auto& entry : fs::directory_iterator(data + "/documents", ignored)) {
    const std::string name = entry.path().filename();
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error != std::errc() || end != name.data() + name.size() || (number < newest && !folder.empty())) continue;
    newest = number;
    folder = entry.path();
  }
  std::vector<std::string> files;
  if (folder.empty()) return files;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

Result<std::vector<std::string>> KnownDocuments(const std::string& data) {
  const auto fleet = FindFleet(data);
  if (fleet && !fleet->documents.empty()) return fleet->documents;
  auto files = LastDocuments(data);
  if (!files.empty()) return files;
  return Fail(ErrorCode::kNotFound, "data folder '" + data +
                                        "' holds no documents: name the App's document, or the folder of a fleet with "
                                        "--data DIR");
}

}  // namespace

Result<LocalApp> FindLocalApp(const std::string& data, const std::vector<std::string>& documents,
                              const std::string& database) {
  std::vector<std::string> files = documents;
  if (files.empty()) {
    auto known = KnownDocuments(data);
    if (!known) return Fail(known.error());
    files = std::move(*known);
  }
  spec::Documents read = spec::ReadFiles(files);
  if (!read.ok()) {
    std::string message = "the documents are not valid:";
    for (const auto& problem : read.problems) message += "\n" + spec::Format(problem);
    return Fail(ErrorCode::kInvalid, message);
  }
  if (read.apps.size() != 1)
    return Fail(ErrorCode::kInvalid, "expected one App in the documents, found " + std::to_string(read.apps.size()));
  LocalApp local;
  local.app = std::move(read.apps.front());
  local.database = database.empty() ? data + "/" + local.app.name + ".db" : database;
  local.key = data + "/signing.key";
  return local;
}

}  // namespace flyball::ctl
