#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pkg/base/clock.h"
#include "pkg/service/api/access_log.h"

namespace flyball::service::api {

// How one pod is run; cmd/flyball-api fills it from flags.
struct Options {
  std::vector<std::string> files;  // documents; exactly one App
  std::string pod = "pod";         // unique in the fleet
  std::string data = ".flyball";   // folder of the database and the signing key
  std::string database;            // "postgresql://...", an SQLite file, or "" = DATA/NAME.db
  seconds database_patience{30};   // how long a server that does not answer is waited for at the start
  std::string redis = "none";      // "unix:/path", "redis://...", or "none": state of this process alone
  std::string host = "127.0.0.1";  // ignored when a socket is inherited (LISTEN_FDS)
  uint16_t port = 8080;
  // What signs tokens, as identity::ReadKey wants it; or its file; neither = DATA/signing.key, made when there is none.
  std::string jwt_key, jwt_key_file;
  // In a cluster, where each pod would make another one: without a key the pod does not start.
  bool must_be_given_a_key = false;
  std::string tls_certificate, tls_key;  // PEM files; both or none (plain text)
  std::string admin_host = "127.0.0.1";
  uint16_t admin_port = 0;  // 0 = any free one
  int workers = 0;          // executor threads; 0 = the Governor's capacity.workers, else 8
  // Besides those the document names: "10.0.0.0/8".
  std::vector<std::string> trusted_proxies{};
  AccessLogOptions access_log;
  int connections_per_address = 1024;  // of one IPv4 address or IPv6 /64, but loopback and trusted proxies; 0 = no cap
  int reactors = 0;                    // 0 = 1 with an inherited socket, else one a core
  int counts_fd = -1;                  // the fleet's page of connection counts; -1 = none
  int counts_slot = 0;
  int ready_fd = -1;  // one line {"admin":PORT} is written here once the pod is Ready; -1 = nobody asks
  milliseconds drain_delay{1000};
  milliseconds drain_timeout{30'000};
  milliseconds fault_delay{0};   // every executor job takes this much longer
  std::string fault_delay_file;  // not empty: as much longer as this file says, read anew twice a second
  milliseconds start_delay{0};   // before the pod becomes Ready
};

}  // namespace flyball::service::api
