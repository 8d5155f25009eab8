// What `flyballctl up` was asked for.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace flyball::local {

struct ReplicaBounds {
  int min = 1;
  int max = 1;
  bool operator==(const ReplicaBounds&) const = default;
};

// No more than this many pods run on one machine; the bound of --replicas and of a Governor's replicas.max here.
inline constexpr int kMaxReplicas = 32;

struct Options {
  std::vector<std::string> documents;     // paths as typed; not empty
  std::string host = "127.0.0.1";         // address or name the API and the console listen on
  uint16_t port = 8080;                   // 0 = any free one, printed
  uint16_t console_port = 8081;           // 0 = any free one, printed
  std::string data = ".flyball";          // created when absent
  std::string database;                   // a server's URL or an SQLite file; empty = one in `data`
  std::string redis;                      // empty = a private redis-server child
  std::optional<ReplicaBounds> replicas;  // overrides the Governor's
  bool governor = true;                   // false: no flyball-autoscaler, replicas.min pods
  std::chrono::milliseconds drain_delay{std::chrono::seconds(1)};
  std::chrono::milliseconds drain_timeout{std::chrono::seconds(30)};
  bool allow_faults = false;
  std::vector<std::string> faults;           // "delay=20ms", handed to the pods
  std::chrono::milliseconds start_delay{0};  // handed to the pods: they become Ready this much later
  // How the pods serve HTTP, in the words of flyball-api's flags; empty = as they do by themselves.
  std::string tls_certificate, tls_key;  // paths of PEM files; both or none (plain text)
  std::string trusted_proxies;           // "10.0.0.0/8,192.0.2.1"
  std::string access_log;                // "errors"
  int connections_per_address = 1024;    // 0 = no cap
  int workers = 0;                       // executor workers a pod; 0 = the Governor's, else the pod's own default
  // Where flyball-api and flyball-autoscaler are; empty = beside the running program.
  std::string bin_dir;
  // Searched for redis-server, colon-separated; unset = the PATH of the environment.
  std::optional<std::string> search_path;
};

// "2:10" or "4" (the same as "4:4"); nullopt unless 1 <= MIN <= MAX <= kMaxReplicas.
std::optional<ReplicaBounds> ParseReplicaBounds(const std::string& text);

}  // namespace flyball::local
