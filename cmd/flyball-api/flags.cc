#include "cmd/flyball-api/flags.h"

#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "cmd/flags/command_line.h"
#include "cmd/flags/values.h"

namespace flyball::api_flags {
namespace {

constexpr milliseconds kLongestWait = std::chrono::hours(1);

int FdFromEnvironment(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? -1 : std::atoi(text);
}

// A secret of the environment, which forgets it: /proc/PID/environ would go on showing it.
std::string TakeSecret(const char* name) {
  char* text = std::getenv(name);
  if (text == nullptr) return {};
  std::string secret = text;
  std::memset(text, 0, secret.size());
  ::unsetenv(name);
  return secret;
}

void Declare(flags::Command& pod, service::api::Options& options, int& port, int& admin_port) {
  pod.Arguments("FILE", &options.files, "documents with one App");
  pod.Option("--pod", &options.pod, "this pod's name, unique in the fleet");
  pod.Option("--data", &options.data, "folder of the database and the key", flags::CheckFolder);
  pod.Option("--database", &options.database,
             "postgresql://user:password@host/name, or an SQLite file; empty is DATA/APP.db", flags::CheckDatabase);
  pod.Option("--redis", &options.redis, "unix:/path, redis://[user:password@]host:port, or none", flags::CheckRedis);
  pod.Option("--jwt-key-file", &options.jwt_key_file,
             "file of the key that signs tokens, instead of DATA/signing.key; or the key itself in FLYBALL_JWT_KEY",
             flags::CheckReadable);
  pod.Option("--host", &options.host, "address to listen on, unless a socket is inherited");
  pod.Option("--port", &port, 0, 65535, "port to listen on; 0 takes a free one");
  pod.Option("--tls-cert", &options.tls_certificate, "PEM file of a certificate: serve TLS with it and --tls-key",
             flags::CheckReadable);
  pod.Option("--tls-key", &options.tls_key, "PEM file of its key; both files are read anew when they change",
             flags::CheckReadable);
  pod.Option("--admin-host", &options.admin_host, "address of the admin port");
  pod.Option("--admin-port", &admin_port, 0, 65535, "/metrics and probes; 0 takes a free one");
  pod.Option("--max-connections-per-ip", &options.connections_per_address, 0, 1'000'000,
             "of one IPv4 address or IPv6 /64, loopback and trusted proxies excepted; 0 is no cap");
  pod.Option("--workers", &options.workers, 0, 1024, "executor threads; 0 leaves it to the Governor");
  pod.Option("--reactors", &options.reactors, 0, 64, "reactor threads; 0 leaves it to the cores");
  pod.Option("--slot", &options.counts_slot, 0, 254, "slot in the fleet's page of connection counts");
  pod.Option("--drain-delay", &options.drain_delay, milliseconds(0), kLongestWait,
             "from not ready to closing connections");
  pod.Option("--drain-timeout", &options.drain_timeout, milliseconds(0), kLongestWait, "for requests in flight to end");
  pod.Option("--start-delay", &options.start_delay, milliseconds(0), kLongestWait,
             "before becoming ready, for demos and tests");
}

void DeclareHttp(flags::Command& pod, service::api::Options& options, std::string& proxies, std::string& access_log) {
  pod.Option("--trusted-proxies", &proxies,
             "networks, with commas between, whose Forwarded and X-Forwarded-* are believed besides those that the "
             "document's deploy.trustedProxies names",
             [&options](const std::string& text) -> Result<void> {
               auto networks = flags::Networks(text);
               if (!networks) return Fail(networks.error());
               options.trusted_proxies = std::move(*networks);
               return {};
             });
  pod.Option("--access-log", &access_log, "requests that get a line: off, errors, sample=SHARE, all",
             [&options](const std::string& text) -> Result<void> {
               const auto parsed = service::api::ParseAccessLog(text);
               if (!parsed) return Fail(parsed.error());
               options.access_log = *parsed;
               return {};
             });
}

// Options of faults for demos and tests; what they give is judged in Parse.
void DeclareFaults(flags::Command& pod, bool& allow, std::vector<std::string>& faults, service::api::Options& options) {
  pod.Flag("--allow-faults", &allow, "permit --fault");
  pod.Option("--fault", &faults,
             "delay=20ms: every request occupies a worker this much longer; delay-file=FILE: as long as the file says",
             [&options](const std::string& text) -> Result<void> {
               const auto parsed = flags::ReadFault(text);
               if (!parsed) return Fail(parsed.error());
               options.fault_delay = parsed->delay;
               options.fault_delay_file = parsed->delay_file;
               return {};
             });
}

}  // namespace

Flags Parse(int argc, char** argv) {
  Flags out;
  service::api::Options& options = out.options;
  int port = options.port, admin_port = options.admin_port;
  bool allow_faults = false;
  std::vector<std::string> faults;
  std::string proxies, access_log = service::api::Format(options.access_log);
  flags::CommandLine line("flyball-api", "One pod that serves the App of a document.", FLYBALL_VERSION);
  flags::Command& pod = line.Alone();
  Declare(pod, options, port, admin_port);
  DeclareHttp(pod, options, proxies, access_log);
  DeclareFaults(pod, allow_faults, faults, options);
  bool parsed = false;
  pod.Runs([&] {
    std::string_view wrong;
    if (!faults.empty() && !allow_faults) {
      wrong = "--fault needs --allow-faults, so that no fleet gets faults by accident";
    } else if (options.tls_certificate.empty() != options.tls_key.empty()) {
      wrong = "--tls-cert and --tls-key go together: give both PEM files, or neither";
    }
    parsed = wrong.empty();
    return parsed ? flags::kFine : flags::WrongUsage("flyball-api", wrong);
  });
  const int status = line.Run(argc, argv);
  if (!parsed) out.exit_status = status;
  options.port = static_cast<uint16_t>(port);
  options.admin_port = static_cast<uint16_t>(admin_port);
  options.jwt_key = TakeSecret("FLYBALL_JWT_KEY");
  // `flyballctl up`, wherever it runs, hands its pods a socket, and one data folder with the key.
  options.must_be_given_a_key =
      std::getenv("KUBERNETES_SERVICE_HOST") != nullptr && std::getenv("LISTEN_FDS") == nullptr;
  options.counts_fd = FdFromEnvironment("FLYBALL_COUNTS_FD");
  options.ready_fd = FdFromEnvironment("FLYBALL_READY_FD");
  out.log_format = ::isatty(STDERR_FILENO) == 1 ? LogFormat::kText : LogFormat::kJson;
  return out;
}

}  // namespace flyball::api_flags
