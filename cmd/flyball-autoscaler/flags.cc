#include "cmd/flyball-autoscaler/flags.h"

#include <cstdio>
#include <cstdlib>
#include <string>

#include "cmd/flags/command_line.h"
#include "cmd/flags/values.h"
#include "pkg/service/autoscaler/autoscaler.h"
#include "pkg/service/autoscaler/cluster.h"

namespace flyball::autoscaler_flags {
namespace {

using service::autoscaler::ClusterOptions;
using service::autoscaler::Options;

Result<void> ReadReplicas(const std::string& text, Options& options) {
  int min = 0, max = 0, end = 0;
  const bool read = std::sscanf(text.c_str(), "%d:%d%n", &min, &max, &end) == 2 && text.c_str()[end] == '\0';
  if (!read || min < 1 || max < min) return Fail(ErrorCode::kInvalid, "must be MIN:MAX, such as 2:10");
  options.min_replicas = min;
  options.max_replicas = max;
  return {};
}

// NAME or NAME/KEY
Result<void> ReadSecret(const std::string& text, std::optional<spec::SecretRef>& out) {
  const size_t slash = text.find('/');
  spec::SecretRef secret{.name = text.substr(0, slash)};
  if (slash != std::string::npos) secret.key = text.substr(slash + 1);
  const auto fits = [](const std::string& part, const char* more) {
    return !part.empty() &&
           part.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-." + std::string(more)) == std::string::npos;
  };
  if (!fits(secret.name, "") || !fits(secret.key, "_ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
    return Fail(ErrorCode::kInvalid, "must be the NAME of a Secret, or NAME/KEY, such as flyball-redis/url");
  out = std::move(secret);
  return {};
}

void DeclareLocal(flags::Command& program, Options& options, std::string& replicas) {
  program.Arguments("FILE", &options.files, "documents with a Governor, for a local fleet; none in a cluster", 0);
  program.Option("--supervisor", &options.supervisor_url, "URL of the local fleet's console");
  program.Option("--redis", &options.redis, "of a local fleet: unix:/path, redis://host:port, or none",
                 flags::CheckRedis);
  program.Option("--replicas", &replicas, "of a local fleet: MIN:MAX, instead of the document's",
                 [&](const std::string& text) { return ReadReplicas(text, options); });
}

struct Secrets {
  std::string database, redis;
};

void DeclareCluster(flags::Command& program, ClusterOptions& options, int& port, Secrets& secrets) {
  program.Option("--kubeconfig", &options.kubeconfig, "operate the cluster of this file", flags::CheckReadable);
  program.Option("--context", &options.context, "of the kubeconfig, instead of its current one");
  program.Flag("--in-cluster", &options.in_cluster,
               "operate the cluster of this pod, by its service account; without --kubeconfig a pod does so anyway");
  program.Option("--namespace", &options.name_space,
                 "whose Apps and Governors; without it that of the kubeconfig or of the pod");
  program.Flag("--all-namespaces", &options.all_namespaces, "those of all namespaces");
  program.Option("--lease-namespace", &options.lease_namespace,
                 "of the Lease that elects the leader; --namespace else");
  program.Option("--pod", &options.identity, "this pod's name; the machine's else");
  program.Option("--image", &options.defaults.image, "of flyball-api, for Apps that name none");
  program.Option("--image-pull-policy", &options.defaults.image_pull_policy,
                 "for Apps that name none: Always, IfNotPresent or Never", [](const std::string& text) -> Result<void> {
                   if (text.empty() || text == "Always" || text == "IfNotPresent" || text == "Never") return {};
                   return Fail(ErrorCode::kInvalid, "must be Always, IfNotPresent or Never");
                 });
  program.Option("--database-secret", &secrets.database,
                 "NAME[/KEY] of the Secret with the URL of the database, for Apps that name none",
                 [&](const std::string& text) -> Result<void> {
                   return text.empty() ? Result<void>() : ReadSecret(text, options.defaults.database);
                 });
  program.Option("--redis-secret", &secrets.redis,
                 "NAME[/KEY] of the Secret with the URL of the Redis, for Apps that name none",
                 [&](const std::string& text) -> Result<void> {
                   return text.empty() ? Result<void>() : ReadSecret(text, options.defaults.redis);
                 });
  program.Option("--metrics-host", &options.admin_host, "address of the admin port of a cluster's autoscaler");
  program.Option("--metrics-port", &port, 0, 65535, "its /metrics, /healthz and /readyz; 0 takes a free one");
}

// What is wrong with these together; empty when nothing is.
std::string Wrong(const Options& local, const ClusterOptions& cluster, bool in_cluster) {
  if (in_cluster) {
    if (!local.files.empty()) return "in a cluster the documents are objects: no FILE, or --supervisor URL";
    if (cluster.in_cluster && !cluster.kubeconfig.empty()) return "--in-cluster and --kubeconfig exclude each other";
    return cluster.all_namespaces && !cluster.name_space.empty() && cluster.lease_namespace.empty()
               ? "--all-namespaces and --namespace exclude each other; --lease-namespace says where the Lease is"
               : "";
  }
  if (local.files.empty()) return "FILE is required, or --kubeconfig or --in-cluster to operate a cluster";
  if (local.supervisor_url.empty()) return "--supervisor URL is missing";
  if (local.redis.empty()) return "--redis URL is missing; it may be none";
  return "";
}

}  // namespace

int Run(int argc, char** argv, const std::function<int(const Job&)>& run) {
  Options local;
  ClusterOptions cluster;
  std::string replicas;
  Secrets secrets;
  int port = cluster.metrics_port;
  flags::CommandLine line(
      "flyball-autoscaler",
      "Watches the pods of a fleet and moves replicas and rates together; in a cluster it also makes "
      "what Apps ask for.",
      FLYBALL_VERSION);
  flags::Command& program = line.Alone();
  DeclareLocal(program, local, replicas);
  DeclareCluster(program, cluster, port, secrets);
  program.Runs([&] {
    const bool asked = cluster.in_cluster || !cluster.kubeconfig.empty() || !cluster.context.empty();
    const bool in_cluster =
        local.supervisor_url.empty() && (asked || std::getenv("KUBERNETES_SERVICE_HOST") != nullptr);
    const std::string wrong = Wrong(local, cluster, in_cluster);
    if (!wrong.empty()) return flags::WrongUsage("flyball-autoscaler", wrong);
    cluster.metrics_port = static_cast<uint16_t>(port);
    if (!in_cluster) return run([&](std::stop_token stop) { return service::autoscaler::Run(local, stop); });
    return run([&](std::stop_token stop) { return service::autoscaler::RunInCluster(cluster, stop); });
  });
  if (const char* token = std::getenv("FLYBALL_SUPERVISOR_TOKEN")) local.supervisor_token = token;
  return line.Run(argc, argv);
}

}  // namespace flyball::autoscaler_flags
