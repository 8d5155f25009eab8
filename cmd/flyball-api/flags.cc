#include "cmd/flyball-api/flags.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>

#include "pkg/base/time_format.h"

namespace flyball::api_flags {
namespace {

// A duration flag: "1s", "250ms".
void AddDuration(CLI::App& app, const std::string& name, milliseconds& out, const std::string& help) {
  app.add_option_function<std::string>(
         name,
         [&out, name](const std::string& text) {
           const auto parsed = ParseDuration(text);
           if (!parsed) throw CLI::ValidationError(name, parsed.error().message);
           out = *parsed;
         },
         help)
      ->type_name("DURATION");
}

int FdFromEnvironment(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? -1 : std::atoi(text);
}

}  // namespace

Flags Parse(int argc, char** argv) {
  Flags flags;
  service::api::Options& options = flags.options;
  bool allow_faults = false;
  CLI::App app{"flyball-api: one pod that serves the App of a document"};
  app.add_option("files", options.files, "documents with one App")->required()->type_name("FILE...");
  app.add_option("--pod", options.pod, "this pod's name, unique in the fleet")->envname("FLYBALL_POD");
  app.add_option("--data", options.data, "folder of the database and the key")->envname("FLYBALL_DATA");
  app.add_option("--database", options.database, "SQLite file, instead of DATA/APP.db")->envname("FLYBALL_DATABASE");
  app.add_option("--redis", options.redis, "unix:/path, redis://host:port, or none")->envname("FLYBALL_REDIS");
  app.add_option("--host", options.host, "address to listen on")->envname("FLYBALL_HOST");
  app.add_option("--port", options.port, "port to listen on; 0 = any")->envname("FLYBALL_PORT");
  app.add_option("--admin-host", options.admin_host, "address of the admin port")->envname("FLYBALL_ADMIN_HOST");
  app.add_option("--admin-port", options.admin_port, "/metrics and probes; 0 = any")->envname("FLYBALL_ADMIN_PORT");
  app.add_option("--workers", options.workers, "executor threads")->check(CLI::Range(1, 256));
  app.add_option("--reactors", options.reactors, "reactor threads")->check(CLI::Range(1, 64));
  app.add_option("--slot", options.counts_slot, "slot in the fleet's page of connection counts")
      ->check(CLI::Range(0, 254));
  AddDuration(app, "--drain-delay", options.drain_delay, "from not ready to closing connections");
  AddDuration(app, "--drain-timeout", options.drain_timeout, "for requests in flight to end");
  AddDuration(app, "--start-delay", options.start_delay, "before becoming ready, for demos and tests");
  app.add_flag("--allow-faults", allow_faults, "permit --fault");
  app.add_option_function<std::string>(
         "--fault",
         [&](const std::string& text) {
           const auto parsed = ParseDuration(text.rfind("delay=", 0) == 0 ? text.substr(6) : "");
           if (!parsed)
             throw CLI::ValidationError("--fault", "'" + text + "': expected delay=DURATION such as delay=20ms");
           options.fault_delay = *parsed;
         },
         "delay=20ms: every request occupies a worker this much longer")
      ->type_name("delay=DURATION");
  try {
    app.parse(argc, argv);
    if (options.fault_delay.count() > 0 && !allow_faults) {
      throw CLI::ValidationError("--fault", "needs --allow-faults, so that no fleet gets faults by accident");
    }
  } catch (const CLI::ParseError& error) {
    flags.exit_status = app.exit(error) == 0 ? 0 : 2;
  }
  options.counts_fd = FdFromEnvironment("FLYBALL_COUNTS_FD");
  options.ready_fd = FdFromEnvironment("FLYBALL_READY_FD");
  flags.log_format = ::isatty(STDERR_FILENO) == 1 ? LogFormat::kText : LogFormat::kJson;
  return flags;
}

}  // namespace flyball::api_flags
