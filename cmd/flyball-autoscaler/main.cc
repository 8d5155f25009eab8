#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>

#include "pkg/base/log.h"
#include "pkg/base/run_group.h"
#include "pkg/service/autoscaler/autoscaler.h"

int main(int argc, char** argv) {
  flyball::service::autoscaler::Options options;
  std::string replicas;
  CLI::App app{"flyball-autoscaler: watches the pods of a fleet and moves replicas and rates together"};
  app.add_option("files", options.files, "documents with a Governor")->required()->type_name("FILE...");
  app.add_option("--supervisor", options.supervisor_url, "URL of the local fleet's console")
      ->required()
      ->envname("FLYBALL_SUPERVISOR");
  app.add_option("--redis", options.redis, "unix:/path, redis://host:port, or none")
      ->required()
      ->envname("FLYBALL_REDIS");
  app.add_option("--replicas", replicas, "MIN:MAX, instead of the document's");
  CLI11_PARSE(app, argc, argv);
  if (!replicas.empty() && (std::sscanf(replicas.c_str(), "%d:%d", &options.min_replicas, &options.max_replicas) != 2 ||
                            options.min_replicas < 1 || options.max_replicas < options.min_replicas)) {
    std::fprintf(stderr, "--replicas %s: expected MIN:MAX such as 2:10\n", replicas.c_str());
    return 2;
  }
  if (const char* token = std::getenv("FLYBALL_SUPERVISOR_TOKEN")) options.supervisor_token = token;

  flyball::LogOptions log;
  log.format = flyball::LogFormat::kJson;
  log.program = "flyball-autoscaler";
  flyball::StartLog(log);
  flyball::RunGroup group;
  group.Add("autoscaler", [&](std::stop_token stop) { return flyball::service::autoscaler::Run(options, stop); });
  const auto result = group.Run();
  if (result) return 0;
  flyball::Log(flyball::LogLevel::kError, result.error().message);
  return 1;
}
