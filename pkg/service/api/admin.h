#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "pkg/http/server.h"

namespace flyball::service::api {

// The pod's admin port: /metrics, /healthz, /readyz, and nothing else. It changes no state and shows no row.
class Admin final : public http::Handler {
 public:
  // `render` makes the /metrics page; called on the admin reactor's thread.
  explicit Admin(std::function<std::string()> render) : render_(std::move(render)) {}

  static http::Router Routes();
  void set_ready(bool ready) { ready_.store(ready, std::memory_order_relaxed); }

  void Handle(http::Responder responder) override;

 private:
  const std::function<std::string()> render_;
  std::atomic<bool> ready_{false};
};

}  // namespace flyball::service::api
