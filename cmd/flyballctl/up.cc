// flyballctl up FILE...: runs the documents on this machine, in the foreground.
#include <algorithm>
#include <iostream>
#include <memory>

#include "cmd/flags/command_line.h"
#include "cmd/flags/values.h"
#include "cmd/flyballctl/commands.h"
#include "cmd/flyballctl/output.h"
#include "cmd/flyballctl/refusal.h"
#include "pkg/service/api/access_log.h"
#include "pkg/service/local/supervisor.h"

namespace flyball::ctl {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

struct Flags {
  local::Options options;
  int port = 8080, console_port = 8081;
  std::string replicas;
  std::string cache_redis;
  bool no_governor = false;
};

constexpr milliseconds kLongestWait = hours(1);

Result<void> CheckReplicas(const std::string& text) {
  if (local::ParseReplicaBounds(text)) return {};
  return Fail(ErrorCode::kInvalid,
              "must be MIN:MAX with 1 <= MIN <= MAX <= " + std::to_string(local::kMaxReplicas) + ", such as 2:10");
}

Result<void> CheckFault(const std::string& text) {
  const auto fault = flags::ReadFault(text);
  return fault ? Result<void>() : Fail(fault.error());
}

Result<void> CheckNetworks(const std::string& text) {
  const auto networks = flags::Networks(text);
  return networks ? Result<void>() : Fail(networks.error());
}

Result<void> CheckAccessLog(const std::string& text) {
  const auto parsed = service::api::ParseAccessLog(text);
  return parsed ? Result<void>() : Fail(parsed.error());
}

Result<void> NotBuilt(const std::string&) {
  return Fail(ErrorCode::kInvalid, "the shared cache is not built yet; leave it out");
}

int Up(const Flags& flags) {
  local::Options options = flags.options;
  options.port = static_cast<uint16_t>(flags.port);
  options.console_port = static_cast<uint16_t>(flags.console_port);
  options.governor = !flags.no_governor;
  if (std::find(options.documents.begin(), options.documents.end(), "-") != options.documents.end()) {
    return WrongUsage("up", "'-': the documents are watched for changes, so they must be files");
  }
  if (flags.port != 0 && flags.port == flags.console_port) {
    return WrongUsage("up", "--port and --console-port must differ");
  }
  if (options.tls_certificate.empty() != options.tls_key.empty()) {
    return WrongUsage("up", "--tls-cert and --tls-key go together: give both PEM files, or neither");
  }
  if (!flags.replicas.empty()) options.replicas = local::ParseReplicaBounds(flags.replicas);
  return local::Supervisor(options, std::cout, std::cerr, Coloured()).Run();
}

// What the pods are told as it is; the words are those of flyball-api.
void DeclareHttp(flags::Command& up, local::Options& options) {
  up.Option("--tls-cert", &options.tls_certificate, "PEM file of a certificate: pods serve TLS with it and --tls-key",
            flags::CheckReadable);
  up.Option("--tls-key", &options.tls_key, "PEM file of its key; both files are read anew when they change",
            flags::CheckReadable);
  up.Option("--max-connections-per-ip", &options.connections_per_address, 0, 1'000'000,
            "to each pod, of one IPv4 address or IPv6 /64, loopback and trusted proxies excepted; 0 is no cap");
  up.Option("--trusted-proxies", &options.trusted_proxies,
            "networks, with commas between, whose Forwarded and X-Forwarded-* are believed besides those that the "
            "document's deploy.trustedProxies names",
            CheckNetworks);
  up.Option("--access-log", &options.access_log,
            "requests that get a line in the pods' log: off, errors, sample=SHARE, all", CheckAccessLog);
}

}  // namespace

void AddUp(flags::CommandLine& line) {
  const auto flags = std::make_shared<Flags>();
  local::Options& options = flags->options;
  flags::Command& up = line.Add("up", "Run documents on this machine: API pods, their Redis, and the governor.");
  up.Arguments("FILE", &options.documents, "App and Governor documents");
  up.Option("--port", &flags->port, 0, 65535, "port of the API; 0 takes a free one");
  up.Option("--console-port", &flags->console_port, 0, 65535, "port of the console; 0 takes a free one");
  up.Option("--host", &options.host, "address both listen on");
  up.Option("--data", &options.data, "folder of the database, logs and sockets", flags::CheckFolder);
  up.Option("--database", &options.database,
            "postgresql://user:password@host/name, or an SQLite file; empty is one in the data folder",
            flags::CheckDatabase);
  up.Option("--redis", &options.redis,
            "unix:/path or redis://[user:password@]host:port instead of a private one; 'none' for one pod",
            flags::CheckRedis);
  up.Option("--cache-redis", &flags->cache_redis, "Redis for the cache (not built yet)", NotBuilt);
  up.Option("--replicas", &flags->replicas, "MIN:MAX pods, instead of what the Governor says", CheckReplicas);
  up.Flag("--no-governor", &flags->no_governor, "run the minimum of pods and let nobody change it");
  up.Option("--drain-delay", &options.drain_delay, milliseconds(0), kLongestWait,
            "how long a stopping pod goes on as before");
  up.Option("--drain-timeout", &options.drain_timeout, milliseconds(0), kLongestWait,
            "how long a stopping pod may take to finish its requests");
  DeclareHttp(up, options);
  up.Flag("--allow-faults", &options.allow_faults, "pods accept faults for tests and demos");
  up.Option(
      "--fault", &options.faults,
      "a fault every request meets, such as delay=20ms (implies --allow-faults); delay-file=FILE takes the duration "
      "from a file that may change meanwhile",
      CheckFault);
  up.Option("--start-delay", &options.start_delay, milliseconds(0), kLongestWait,
            "pods become Ready this much later (for demos)");
  up.Runs([flags] { return Up(*flags); });
}

}  // namespace flyball::ctl
