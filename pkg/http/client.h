// Outgoing HTTP/1.1 for the control plane: scrapes of many pods at once, and single calls of tools. Over TCP or a Unix
// socket, plain HTTP only; redirects are not followed and proxies of the environment are ignored.
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
};

struct ClientResponse {
  int status = 0;                                            // 200 to 599; interim 1xx answers are skipped
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case, in order of arrival
  std::string body;                                          // transfer coding removed

  // The first value of `name` (lower case); empty when there is none. Valid while this response lives.
  std::string_view Header(std::string_view name) const;
};

// Keeps up to 256 idle connections for later calls; a request on one that turns out to be closed is sent once more on a
// fresh one. One thread at a time; calls block.
class Client {
 public:
  static constexpr size_t kMaxBodyBytes = 16 << 20;
  static constexpr size_t kMaxHeaderBytes = 64 << 10;

  Client();
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Sends all requests in parallel and returns when each is answered or failed, the answers in the order of the
  // requests. Every one has `timeout` (> 0) from now, so the call takes no longer than that. Errors of one request:
  //   kInvalid      the url, method or a header cannot be sent
  //   kTimeout      not answered in full in time; it may have had its effect
  //   kUnavailable  no connection, or it broke before the answer was whole; it may have had its effect
  //   kExhausted    the answer is larger than kMaxBodyBytes or kMaxHeaderBytes
  //   kCorrupt      the answer is not HTTP
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
  std::unique_ptr<Connections> connections_;
};

}  // namespace flyball::http
