#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/base/clock.h"
#include "pkg/kube/api_error.h"
#include "pkg/kube/client.h"
#include "pkg/kube/config.h"
#include "pkg/kube/detail/credentials.h"

namespace flyball::kube::detail {

struct HttpRequest {
  std::string method = "GET";
  std::string target{};  // path and query
  std::string content_type{};
  std::string body{};
};

struct HttpAnswer {
  int status = 0;
  std::string body{};
  milliseconds retry_after{0};
};

// Requests on libcurl. Any number of threads; each takes a connection from the idle ones or makes one.
class Transport {
 public:
  Transport(const Config& config, const ClientOptions& options);
  ~Transport();
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  // An answer of any status is a success. kTimeout at `deadline`.
  Answer<HttpAnswer> Send(const HttpRequest& request, const Shown& shown, SteadyTime deadline, std::stop_token stop);

  // The same for an answer without an end: a 2xx body goes to `on_bytes` (false ends it without an error), and kTimeout
  // comes when no byte arrived for `idle`.
  Answer<HttpAnswer> Stream(const HttpRequest& request, const Shown& shown, milliseconds idle, std::stop_token stop,
                            const std::function<bool(std::string_view)>& on_bytes);

 private:
  struct Connection;  // an easy and a multi handle, with the sockets that the latter keeps
  struct Transfer;
  std::unique_ptr<Connection> Take();
  void GiveBack(std::unique_ptr<Connection> connection);
  Answer<HttpAnswer> Run(Connection& connection, Transfer& transfer, std::stop_token stop);

  const Config& config_;
  const ClientOptions& options_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Connection>> idle_;  // guarded by mutex_
};

}  // namespace flyball::kube::detail
