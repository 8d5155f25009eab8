#include "pkg/service/api/admin.h"

#include "pkg/base/check.h"

namespace flyball::service::api {
namespace {

enum Page : uint32_t { kMetrics, kHealth, kReady };

}  // namespace

http::Router Admin::Routes() {
  http::Router router;
  for (const auto& [path, page] : {std::pair("/metrics", kMetrics), {"/healthz", kHealth}, {"/readyz", kReady}}) {
    Check(router.Add(http::Method::kGet, path, page).has_value(), "the admin routes are fixed");
  }
  return router;
}

void Admin::Handle(http::Responder responder) {
  http::Response response;
  switch (responder.request().endpoint()) {
    case kMetrics:
      response.SetBody("text/plain; version=0.0.4; charset=utf-8", render_());
      break;
    case kReady:
      if (!ready_.load(std::memory_order_relaxed)) {
        response = http::Problem(responder.request(), 503, "the pod is starting or draining");
        break;
      }
      [[fallthrough]];
    default:
      response = http::Json(200, R"({"status":"ok"})");
  }
  response.AddHeader("Cache-Control", "no-store");
  std::move(responder).Send(std::move(response));
}

}  // namespace flyball::service::api
