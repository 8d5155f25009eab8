// flyballctl validate FILE...: every problem of the documents, without starting anything. "-" is standard input.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>

#include "cmd/flags/command_line.h"
#include "cmd/flyballctl/commands.h"
#include "cmd/flyballctl/output.h"
#include "cmd/flyballctl/refusal.h"
#include "pkg/base/json_writer.h"
#include "pkg/base/unique_fd.h"
#include "pkg/spec/reader.h"

namespace flyball::ctl {
namespace {

struct Flags {
  std::vector<std::string> files;
  std::string output = "text";
};

// {"valid":..,"apps":[..],"governors":[..],"problems":[{"file","line","column","message","suggestion"}]}
std::string ToJson(const spec::Documents& documents) {
  std::string out;
  JsonWriter json(out);
  json.BeginObject();
  json.Key("valid"), json.Value(documents.ok());
  json.Key("apps"), json.BeginArray();
  for (const auto& app : documents.apps) json.Value(app.name);
  json.EndArray();
  json.Key("governors"), json.BeginArray();
  for (const auto& governor : documents.governors) json.Value(governor.name);
  json.EndArray();
  json.Key("problems"), json.BeginArray();
  for (const auto& problem : documents.problems) {
    json.BeginObject();
    json.Key("file"), json.Value(problem.file);
    json.Key("line"), json.Value(problem.line);
    json.Key("column"), json.Value(problem.column);
    json.Key("message"), json.Value(problem.message);
    json.Key("suggestion"), json.Value(problem.suggestion);
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
  return out;
}

template <typename Named>
std::string Names(const char* kind, const std::vector<Named>& documents) {
  std::string text;
  for (const auto& document : documents) text += (text.empty() ? std::string(kind) + " " : ", ") + document.name;
  return text;
}

void Print(const spec::Documents& documents) {
  for (const auto& problem : documents.problems) std::printf("%s\n", spec::Format(problem).c_str());
  if (!documents.ok()) {
    const size_t count = documents.problems.size();
    std::printf("%s\n", Paint(Tone::kBad, std::to_string(count) + (count == 1 ? " problem" : " problems")).c_str());
    return;
  }
  const std::string apps = Names("App", documents.apps), governors = Names("Governor", documents.governors);
  std::printf("%s %s%s%s\n", Paint(Tone::kGood, "valid:").c_str(), apps.c_str(),
              !apps.empty() && !governors.empty() ? "; " : "", governors.c_str());
}

// Standard input as a file in memory, up to the first byte too many; its path is valid while `memory` is open.
Result<std::string> TakeInput(UniqueFd& memory) {
  constexpr size_t kEnough = (1 << 20) + 1;
  memory.Reset(memfd_create("stdin", MFD_CLOEXEC));
  if (!memory.valid()) return FailErrno("reading standard input");
  std::array<char, 1 << 16> piece;
  for (size_t taken = 0; taken < kEnough;) {
    const ssize_t got = read(STDIN_FILENO, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FailErrno("reading standard input");
    if (got == 0) break;
    if (write(memory.get(), piece.data(), static_cast<size_t>(got)) != got) return FailErrno("keeping standard input");
    taken += static_cast<size_t>(got);
  }
  return "/proc/self/fd/" + std::to_string(memory.get());
}

Result<spec::Documents> ReadThem(std::vector<std::string> files) {
  const auto dash = std::find(files.begin(), files.end(), "-");
  UniqueFd memory;
  std::string input;
  if (dash != files.end()) {
    auto taken = TakeInput(memory);
    if (!taken) return Fail(taken.error());
    input = *dash = *taken;
  }
  spec::Documents documents = spec::ReadFiles(files);
  for (auto& problem : documents.problems) {
    if (!input.empty() && problem.file == input) problem.file = "stdin";
  }
  return documents;
}

int Validate(const Flags& flags) {
  const auto read = ReadThem(flags.files);
  if (!read) return Failed("validate", read.error().message);
  const spec::Documents& documents = *read;
  if (const Format format = FormatOf(flags.output); format != Format::kText) {
    PrintStructured(ToJson(documents), format);
  } else {
    Print(documents);
  }
  return documents.ok() ? flags::kFine : flags::kFailed;
}

}  // namespace

void AddValidate(flags::CommandLine& line) {
  const auto flags = std::make_shared<Flags>();
  flags::Command& validate = line.Add("validate", "Check documents; every problem at once, and nothing is started.");
  validate.Arguments("FILE", &flags->files, "App and Governor documents; - is standard input");
  OutputOption(validate, &flags->output);
  validate.Runs([flags] { return Validate(*flags); });
}

}  // namespace flyball::ctl
