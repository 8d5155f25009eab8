#include "pkg/service/local/programs.h"

#include <utility>

#include "pkg/base/time_format.h"

namespace flyball::local {

ChildProgram PodProgram(const Options& options, const Surroundings& around, const Revision& documents, const Pod& pod) {
  ChildProgram program;
  program.path = around.api_program;
  program.args = documents.copies;
  const auto add = [&](std::string flag, std::string value) {
    program.args.push_back(std::move(flag));
    program.args.push_back(std::move(value));
  };
  add("--pod", pod.name);
  add("--data", around.data);
  add("--redis", around.redis_url);
  add("--slot", std::to_string(pod.slot));
  if (documents.blueprint.workers > 0) add("--workers", std::to_string(documents.blueprint.workers));
  if (!options.tls_certificate.empty()) {
    add("--tls-cert", options.tls_certificate);
    add("--tls-key", options.tls_key);
  }
  add("--max-connections-per-ip", std::to_string(options.connections_per_address));
  if (!options.trusted_proxies.empty()) add("--trusted-proxies", options.trusted_proxies);
  if (!options.access_log.empty()) add("--access-log", options.access_log);
  add("--drain-delay", FormatDuration(options.drain_delay));
  add("--drain-timeout", FormatDuration(options.drain_timeout));
  if (options.allow_faults || !options.faults.empty()) program.args.push_back("--allow-faults");
  for (const std::string& fault : options.faults) add("--fault", fault);
  if (options.start_delay.count() > 0) add("--start-delay", FormatDuration(options.start_delay));
  program.env = {"LISTEN_FDS=1", "FLYBALL_COUNTS_FD=4", "FLYBALL_READY_FD=5"};
  // Not an argument: it may hold a password, and everybody may read those.
  if (!options.database.empty()) program.env.push_back("FLYBALL_DATABASE=" + options.database);
  program.pid_variable = "LISTEN_PID";
  return program;
}

ChildProgram AutoscalerProgram(const Surroundings& around, const Revision& documents, const ReplicaBounds& bounds) {
  ChildProgram program;
  program.path = around.autoscaler_program;
  program.args = documents.copies;
  for (const std::string& word :
       {std::string("--supervisor"), around.console_url, std::string("--redis"), around.redis_url,
        std::string("--replicas"), std::to_string(bounds.min) + ":" + std::to_string(bounds.max)}) {
    program.args.push_back(word);
  }
  program.env = {"FLYBALL_SUPERVISOR_TOKEN=" + around.token};
  return program;
}

}  // namespace flyball::local
