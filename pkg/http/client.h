// Outgoing HTTP/1.1: scrapes of many pods at once, single calls of tools, and calls to addresses that strangers chose
// (webhooks). Over TCP, TLS or a Unix socket; redirects are not followed and proxies of the environment are ignored.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pkg/base/result.h"

namespace flyball::http {

struct ClientRequest {
  std::string method = "GET";
  std::string url{};          // "http://127.0.0.1:9100/metrics"
  std::string unix_socket{};  // when not empty the connection is made to this path and the url's host is only named
  std::vector<std::pair<std::string, std::string>> headers{};  // without Host, Content-Length
  std::string body{};
  bool repeatable =
      false;  // may be sent again although its method is not idempotent (it carries a key against doubles)
};

// When and how often a request is sent again: only one whose method is idempotent or that is repeatable, after no or a
// broken connection, or status 429, 502, 503 or 504. What came last is the result.
struct RetryPolicy {
  int attempts = 1;  // of one request in all; 1: never again
  // The wait after attempt n is drawn evenly from 0 to min(longest_wait, first_wait x 2^(n-1)); it is as long as
  // Retry-After at least. A retry that would come after the timeout is not made.
  std::chrono::milliseconds first_wait{100};
  std::chrono::milliseconds longest_wait{5'000};
  double budget = 0.1;  // retries a request, over all requests of the client
  double burst = 3;     // retries that may be saved up; they are there at first
};

struct ClientOptions {
  bool https = false;   // https:// is accepted too; certificates are checked, TLS >= 1.2
  std::string ca_file;  // PEM; empty: those of the system
  // Only connect to addresses of the public Internet (public_address.h), whatever a name resolves to at the moment of
  // connecting; no Unix sockets.
  bool public_addresses_only = false;
  RetryPolicy retry;
  size_t max_body_bytes = 16 << 20;
  size_t max_header_bytes = 64 << 10;
};

struct ClientResponse {
  int status = 0;                                            // 200 to 599; interim 1xx answers are skipped
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case, in order of arrival
  std::string body;                                          // transfer coding removed

  // The first value of `name` (lower case); empty when there is none. Valid while this response lives.
  std::string_view Header(std::string_view name) const;
};

// Keeps up to 256 idle connections for later calls; a request on one that turns out to be closed is sent once more on a
// fresh one (that is no retry). One thread at a time; calls block.
class Client {
 public:
  explicit Client(ClientOptions options = {});
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Sends all requests in parallel and returns when each is answered or failed, the answers in the order of the
  // requests. Every one has `timeout` (> 0) from now, so the call takes no longer than that. Errors of one request:
  //   kInvalid      the url, method or a header cannot be sent
  //   kTimeout      not answered in full in time; it may have had its effect
  //   kUnavailable  no connection, or it broke before the answer was whole; it may have had its effect
  //   kExhausted    the answer is larger than max_body_bytes or max_header_bytes
  //   kCorrupt      the answer is not HTTP
  //   kDenied       the address is not a public one, or the certificate is not trusted; nothing was sent
  // An answer of any status is a success here.
  std::vector<Result<ClientResponse>> Fetch(const std::vector<ClientRequest>& requests,
                                            std::chrono::milliseconds timeout);

  // One request. The same errors.
  Result<ClientResponse> Send(const ClientRequest& request, std::chrono::milliseconds timeout);
  Result<ClientResponse> Get(std::string url, std::chrono::milliseconds timeout);
  Result<ClientResponse> Put(std::string url, std::string body, std::chrono::milliseconds timeout);

 private:
  struct Transfer;
  struct Connections;
  struct Call;
  void Start(Call& call);
  void End(Call& call);
  void PlanRetry(Call& call);

  const ClientOptions options_;
  std::unique_ptr<Connections> connections_;
};

}  // namespace flyball::http
