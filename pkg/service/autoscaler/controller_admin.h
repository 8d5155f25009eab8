#pragma once

#include <functional>
#include <string>

#include "pkg/http/server.h"

namespace flyball::service::autoscaler {

// The admin port of a controller in a cluster: /metrics; /healthz, 200 while the process turns; /readyz, 200 when it
// knows the cluster, leading or not. It changes nothing.
class ControllerAdmin final : public http::Handler {
 public:
  // Called on the server's thread: the page of metrics, and why it is not ready (empty: it is).
  ControllerAdmin(std::function<std::string()> render, std::function<std::string()> trouble)
      : render_(std::move(render)), trouble_(std::move(trouble)) {}

  static http::Router Routes();
  void Handle(http::Responder responder) override;

 private:
  const std::function<std::string()> render_, trouble_;
};

}  // namespace flyball::service::autoscaler
