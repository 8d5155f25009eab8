#include "pkg/service/autoscaler/controller_admin.h"

#include "pkg/base/check.h"

namespace flyball::service::autoscaler {
namespace {

enum Page : uint32_t { kMetrics, kHealth, kReady };

}  // namespace

http::Router ControllerAdmin::Routes() {
  http::Router router;
  for (const auto& [path, page] : {std::pair("/metrics", kMetrics), {"/healthz", kHealth}, {"/readyz", kReady}})
    Check(router.Add(http::Method::kGet, path, page).has_value(), "the admin routes are fixed");
  return router;
}

void ControllerAdmin::Handle(http::Responder responder) {
  http::Response response;
  const uint32_t page = responder.request().endpoint();
  if (page == kMetrics) {
    response.SetBody("text/plain; version=0.0.4; charset=utf-8", render_());
  } else if (const std::string trouble = page == kReady ? trouble_() : ""; !trouble.empty()) {
    response = http::Problem(responder.request(), 503, trouble);
  } else {
    response = http::Json(200, R"({"status":"ok"})");
  }
  response.AddHeader("Cache-Control", "no-store");
  std::move(responder).Send(std::move(response));
}

}  // namespace flyball::service::autoscaler
