#include "cmd/flyball-autoscaler/flags.h"

#include <cstdio>
#include <cstdlib>
#include <string>

#include "cmd/flags/command_line.h"
#include "cmd/flags/values.h"

namespace flyball::autoscaler_flags {
namespace {

using service::autoscaler::Options;

Result<void> ReadReplicas(const std::string& text, Options& options) {
  int min = 0, max = 0, end = 0;
  const bool read = std::sscanf(text.c_str(), "%d:%d%n", &min, &max, &end) == 2 && text.c_str()[end] == '\0';
  if (!read || min < 1 || max < min) return Fail(ErrorCode::kInvalid, "must be MIN:MAX, such as 2:10");
  options.min_replicas = min;
  options.max_replicas = max;
  return {};
}

}  // namespace

int Run(int argc, char** argv, const std::function<int(const Options&)>& govern) {
  Options options;
  std::string replicas;
  flags::CommandLine line("flyball-autoscaler", "Watches the pods of a fleet and moves replicas and rates together.",
                          FLYBALL_VERSION);
  flags::Command& program = line.Alone();
  program.Arguments("FILE", &options.files, "documents with a Governor");
  program.Option("--supervisor", &options.supervisor_url, "URL of the local fleet's console");
  program.Option("--redis", &options.redis, "unix:/path, redis://host:port, or none", flags::CheckRedis);
  program.Option("--replicas", &replicas, "MIN:MAX, instead of the document's",
                 [&](const std::string& text) { return ReadReplicas(text, options); });
  program.Runs([&] {
    if (options.supervisor_url.empty()) return flags::WrongUsage("flyball-autoscaler", "--supervisor URL is missing");
    if (options.redis.empty()) return flags::WrongUsage("flyball-autoscaler", "--redis URL is missing; it may be none");
    return govern(options);
  });
  if (const char* token = std::getenv("FLYBALL_SUPERVISOR_TOKEN")) options.supervisor_token = token;
  return line.Run(argc, argv);
}

}  // namespace flyball::autoscaler_flags
