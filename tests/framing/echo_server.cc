#include "tests/framing/echo_server.h"

#include "pkg/base/check.h"

namespace flyball::framing {
namespace {

http::Router EveryPath() {
  using http::Method;
  http::Router router;
  for (Method method : {Method::kGet, Method::kPost, Method::kPut, Method::kPatch, Method::kDelete}) {
    for (const char* pattern : {"/", "/{path...}"}) Check(router.Add(method, pattern, 0).has_value(), "a route");
  }
  return router;
}

std::string FrontIds(const http::Request& request) {
  std::string ids;
  for (const http::Field& field : request.headers()) {
    if (http::EqualsIgnoreCase(field.name, kFrontId)) ids.append(ids.empty() ? "" : ",").append(field.value);
  }
  return ids;
}

}  // namespace

void EchoServer::Echo::Handle(http::Responder responder) {
  const http::Request& request = responder.request();
  std::string text = std::string(request.method_text()) + " ";
  text.append(request.path()).append(" ").append(request.host()).append(" [").append(request.body()).append("]");
  {
    std::lock_guard lock(mutex);
    seen.push_back({FrontIds(request), std::string(request.method_text()) + " " + std::string(request.path())});
  }
  http::Response response;
  response.SetBody("text/plain", std::move(text));
  std::move(responder).Send(std::move(response));
}

void EchoServer::Echo::OnAnswered(const http::Answered& answered) {
  if (!answered.by_server) return;
  std::lock_guard lock(mutex);
  seen.push_back({FrontIds(answered.request), "refused " + std::to_string(answered.status)});
}

EchoServer::EchoServer() : server_(http::ServerOptions(), EveryPath(), echo_) {
  Check(server_.Start().has_value(), "the server starts");
}

std::vector<EchoServer::Seen> EchoServer::seen() const {
  std::lock_guard lock(echo_.mutex);
  return echo_.seen;
}

}  // namespace flyball::framing
