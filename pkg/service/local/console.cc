#include "pkg/service/local/console.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "pkg/http/server.h"
#include "pkg/service/local/console_answers.h"
#include "pkg/service/local/console_guard.h"
#include "pkg/service/local/governor_board.h"

namespace flyball::local {
namespace {

enum Endpoint : uint32_t {
  kHealthz,
  kReadyz,
  kStylesheet,
  kPage,
  kStatus,
  kPods,
  kExplain,
  kMetrics,
  kScale,
  kGovernorStatus,
};

constexpr std::string_view kStylesheetText = R"(:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0; }
main { max-width: 44rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .3rem .5rem; border-bottom: 1px solid #8886; vertical-align: top; }
td { overflow-wrap: anywhere; }
a, a:visited { color: #0550ae; }
@media (prefers-color-scheme: dark) { body { background: #111; color: #eee; } a, a:visited { color: #9ecbff; } }
)";

const std::vector<std::pair<std::string, std::string>>& SecurityHeaders() {
  static const std::vector<std::pair<std::string, std::string>> headers = {
      {"Content-Security-Policy",
       "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
      {"X-Content-Type-Options", "nosniff"},
      {"Referrer-Policy", "no-referrer"},
      {"Cache-Control", "no-store"},
  };
  return headers;
}

http::Response Text(int status, std::string text) {
  http::Response response(status);
  response.SetBody("text/plain; charset=utf-8", std::move(text));
  return response;
}

http::Response Refusal(int status, std::string_view detail) {
  http::Response response(status);
  response.SetBody("application/problem+json", ProblemJson(status, http::ReasonPhrase(status), detail));
  if (status == 401) response.AddHeader("WWW-Authenticate", "Bearer realm=\"flyball console\"");
  return response;
}

Result<http::Router> Routes() {
  http::Router router;
  const std::tuple<http::Method, const char*, Endpoint> routes[] = {
      {http::Method::kGet, "/healthz", kHealthz},
      {http::Method::kGet, "/readyz", kReadyz},
      {http::Method::kGet, "/console.css", kStylesheet},
      {http::Method::kGet, "/", kPage},
      {http::Method::kGet, "/api/status", kStatus},
      {http::Method::kGet, "/api/pods", kPods},
      {http::Method::kGet, "/api/explain", kExplain},
      {http::Method::kGet, "/metrics", kMetrics},
      {http::Method::kPut, "/api/scale", kScale},
      {http::Method::kPut, "/api/governors/{name}/status", kGovernorStatus},
  };
  for (const auto& [method, pattern, endpoint] : routes) {
    if (auto added = router.Add(method, pattern, endpoint); !added) return Fail(added.error());
  }
  return router;
}

// {"replicas":N} and nothing else; nullopt otherwise.
std::optional<int> ReplicasIn(std::string_view body) {
  if (body.size() > 256) return std::nullopt;
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (!json.is_object() || json.size() != 1) return std::nullopt;
  const auto replicas = json.find("replicas");
  if (replicas == json.end() || !replicas->is_number_integer()) return std::nullopt;
  const auto number = replicas->get<int64_t>();
  if (number < 0 || number > 1'000'000) return -1;  // any number that is out of every bound
  return static_cast<int>(number);
}

class HttpConsole final : public Console, public http::Handler {
 public:
  HttpConsole(const Options& options, const Snapshot<FleetView>& view, std::function<bool(ScaleOrder)> order)
      : guard_(options.host, options.port, options.token), view_(view), order_(std::move(order)) {}

  Result<void> Listen(int listening) {
    auto routes = Routes();
    if (!routes) return Fail(routes.error());
    http::ServerOptions options;
    options.name = "console";
    options.listener.Reset(listening);
    options.limits.connections = 256;
    options.headers = SecurityHeaders();
    server_ = std::make_unique<http::Server>(std::move(options), std::move(*routes), *this);
    return server_->Start();
  }

  ~HttpConsole() override { server_.reset(); }

 private:
  void Handle(http::Responder responder) override;
  void Scale(http::Responder responder);
  http::Response Answer(const http::Request& request);
  http::Response TakeStatus(const http::Request& request);
  // Null when the request may go on.
  std::optional<http::Response> Refuse(const http::Request& request) const;

  const ConsoleGuard guard_;
  const Snapshot<FleetView>& view_;
  const std::function<bool(ScaleOrder)> order_;
  GovernorBoard board_;  // touched on the server's one thread only
  std::unique_ptr<http::Server> server_;
};

void HttpConsole::Handle(http::Responder responder) {
  const http::Request& request = responder.request();
  if (auto refusal = Refuse(request)) {
    std::move(responder).Send(std::move(*refusal));
  } else if (request.endpoint() == kScale) {
    Scale(std::move(responder));
  } else {
    http::Response answer = Answer(request);
    std::move(responder).Send(std::move(answer));
  }
}

std::optional<http::Response> HttpConsole::Refuse(const http::Request& request) const {
  const uint32_t endpoint = request.endpoint();
  if (endpoint == kHealthz || endpoint == kReadyz) return std::nullopt;
  if (!guard_.HostIsOurs(request.host())) {
    return Refusal(421, "the console answers only under its own address, not as '" + std::string(request.host()) + "'");
  }
  if (!guard_.OriginIsOurs(request.Header("Origin"))) return Refusal(403, "requests of other sites are refused");
  if (endpoint == kStylesheet) return std::nullopt;
  if (!guard_.TokenIsRight(request.Header("Authorization"), request.query())) {
    return Refusal(401,
                   "the console needs its token: open the link that 'flyballctl up' printed, or send "
                   "'Authorization: Bearer' with the token of run.json");
  }
  return std::nullopt;
}

http::Response HttpConsole::Answer(const http::Request& request) {
  const auto view = view_.Get();
  board_.Keep(view->governors);
  switch (request.endpoint()) {
    case kHealthz:
      return Text(200, "ok\n");
    case kReadyz:
      return view->draining ? Text(503, "draining\n") : Text(200, "ok\n");
    case kStylesheet:
      return std::move(http::Response(200).SetBody("text/css; charset=utf-8", std::string(kStylesheetText)));
    case kPage:
      return std::move(http::Response(200).SetBody("text/html; charset=utf-8", StatusPage(*view, board_.Statuses())));
    case kStatus:
      return http::Json(200, StatusJson(*view, board_.Statuses()));
    case kPods:
      return http::Json(200, PodsJson(*view));
    case kExplain:
      return http::Json(200, "{\"governors\":" + board_.Decisions() + "}");
    case kMetrics:
      return std::move(http::Response(200).SetBody("text/plain; version=0.0.4; charset=utf-8", MetricsText(*view)));
    case kGovernorStatus:
      return TakeStatus(request);
    default:
      return Refusal(404, "");
  }
}

http::Response HttpConsole::TakeStatus(const http::Request& request) {
  const auto view = view_.Get();
  const auto& known = view->governors;
  const std::string name(request.PathParam("name"));
  if (std::find(known.begin(), known.end(), name) == known.end()) {
    return Refusal(404, "the documents that run have no Governor '" + name + "'");
  }
  if (auto stored = board_.Put(name, request.body()); !stored) return Refusal(422, stored.error().message);
  return http::Response(204);
}

void HttpConsole::Scale(http::Responder responder) {
  const auto replicas = ReplicasIn(responder.request().body());
  if (!replicas) {
    std::move(responder).Send(Refusal(422, "expected {\"replicas\": N} with a whole number"));
    return;
  }
  // Copyable, as a function must be; answered by whoever takes the order.
  const auto shared = std::make_shared<http::Responder>(std::move(responder));
  const auto answer = [shared](const Result<int>& desired) {
    if (desired) {
      std::move(*shared).Send(http::Json(200, "{\"desired\":" + std::to_string(*desired) + "}"));
    } else {
      const bool invalid = desired.error().code == ErrorCode::kInvalid;
      std::move(*shared).Send(Refusal(invalid ? 422 : 503, desired.error().message));
    }
  };
  if (!order_(ScaleOrder{*replicas, answer})) answer(Fail(ErrorCode::kUnavailable, "too many orders are waiting"));
}

}  // namespace

Result<std::unique_ptr<Console>> Console::Start(Options options, int listening, const Snapshot<FleetView>& view,
                                                std::function<bool(ScaleOrder)> order) {
  auto console = std::make_unique<HttpConsole>(options, view, std::move(order));
  if (auto listens = console->Listen(listening); !listens) return Fail(listens.error());
  return console;
}

}  // namespace flyball::local
