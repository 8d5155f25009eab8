#include "pkg/http/cors.h"

#include <gtest/gtest.h>

#include "pkg/http/testing/raw_client.h"
#include "pkg/http/testing/test_service.h"

namespace flyball::http {
namespace {

using testing::RawAnswer;
using testing::RawClient;
using testing::TestServer;

constexpr char kApp[] = "https://app.example.org", kLocal[] = "http://localhost:3000";

RawAnswer Ask(TestServer& server, std::string_view method, std::string_view path, std::string_view fields) {
  RawClient client(server.port());
  client.Send(std::string(method) + " " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n" + std::string(fields) +
              "\r\n");
  return client.Read().value_or(RawAnswer());
}

void AllowTwo(ServerOptions& options) {
  options.cors = {{kApp, kLocal}, true, std::chrono::seconds(90)};
  options.headers = {{"X-Content-Type-Options", "nosniff"}};
}

TEST(Cors, AnswersCarryTheOriginThatMay) {
  TestServer server(AllowTwo);
  for (const char* origin : {kApp, kLocal}) {
    const RawAnswer answer = Ask(server, "GET", "/echo/a", "Origin: " + std::string(origin) + "\r\n");
    EXPECT_EQ(answer.Header("Access-Control-Allow-Origin"), origin);
    EXPECT_EQ(answer.Header("Access-Control-Allow-Credentials"), "true");
    EXPECT_NE(answer.Header("Access-Control-Expose-Headers").find("ETag, Link"), std::string::npos);
    EXPECT_EQ(answer.Header("Vary"), "Origin");
    EXPECT_EQ(answer.Header("X-Content-Type-Options"), "nosniff");
  }
  for (const char* origin : {"https://evil.example", "https://app.example.org.evil.example", "null",
                             "HTTPS://APP.EXAMPLE.ORG", "https://app.example.org:443"}) {
    const RawAnswer answer = Ask(server, "GET", "/echo/a", "Origin: " + std::string(origin) + "\r\n");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.Header("Access-Control-Allow-Origin"), "") << origin;
    EXPECT_EQ(answer.Header("Vary"), "Origin") << "a cache must not give it to those who may";
  }
  EXPECT_EQ(Ask(server, "GET", "/echo/a", "").Header("Vary"), "Origin");
  EXPECT_EQ(Ask(server, "GET", "/nothing", "Origin: https://app.example.org\r\n").Header("Access-Control-Allow-Origin"),
            kApp)
      << "scripts may read why";
}

TEST(Cors, PreflightsAreAnswered) {
  TestServer server(AllowTwo);
  const RawAnswer answer = Ask(server, "OPTIONS", "/echo/a",
                               "Origin: https://app.example.org\r\nAccess-Control-Request-Method: GET\r\n"
                               "Access-Control-Request-Headers: authorization\r\n");
  EXPECT_EQ(answer.status, 204);
  EXPECT_EQ(answer.Header("Access-Control-Allow-Origin"), kApp);
  EXPECT_EQ(answer.Header("Access-Control-Allow-Methods"), "GET, HEAD, OPTIONS");
  EXPECT_NE(answer.Header("Access-Control-Allow-Headers").find("Authorization"), std::string::npos);
  EXPECT_EQ(answer.Header("Access-Control-Max-Age"), "90");
  const RawAnswer refused =
      Ask(server, "OPTIONS", "/echo/a", "Origin: https://evil.example\r\nAccess-Control-Request-Method: GET\r\n");
  EXPECT_EQ(refused.status, 204);
  EXPECT_EQ(refused.Header("Access-Control-Allow-Origin"), "");
  EXPECT_EQ(refused.Header("Access-Control-Allow-Methods"), "");
  EXPECT_EQ(refused.Header("Allow"), "GET, HEAD, OPTIONS") << "an OPTIONS all the same";
}

TEST(Cors, Everybody) {
  TestServer server([](ServerOptions& options) { options.cors.origins = {"*"}; });
  const RawAnswer answer = Ask(server, "GET", "/echo/a", "Origin: https://anything.example\r\n");
  EXPECT_EQ(answer.Header("Access-Control-Allow-Origin"), "*");
  EXPECT_EQ(answer.Header("Access-Control-Allow-Credentials"), "");
  EXPECT_EQ(answer.Header("Vary"), "");
}

TEST(Cors, OffUnlessAsked) {
  TestServer server;
  const RawAnswer answer =
      Ask(server, "OPTIONS", "/echo/a", "Origin: https://app.example.org\r\nAccess-Control-Request-Method: GET\r\n");
  EXPECT_EQ(answer.status, 204);
  for (const auto& [name, value] : answer.headers) EXPECT_EQ(name.find("Access-Control"), std::string::npos) << name;
}

TEST(Cors, OriginsAreChecked) {
  const auto wrong = [](std::vector<std::string> origins, bool credentials = false) {
    const auto checked = CheckCors({std::move(origins), credentials, {}});
    return checked ? std::string() : checked.error().message;
  };
  EXPECT_EQ(wrong({"https://a.example", "http://[::1]:8080", "http://127.0.0.1"}), "");
  EXPECT_EQ(wrong({"*"}), "");
  for (const char* bad :
       {"", "a.example", "https://", "https://a.example/", "https://A.example", "https://a.example:443",
        "http://a.example:80", "https://a.example:0", "https://a.example:99999", "https://a b", "null",
        "ftp://a.example", "https://*.example.org", "https://a.example\r\nX: y", "http://[::1", "http://::1]"}) {
    EXPECT_NE(wrong({bad}).find("is not an origin"), std::string::npos) << bad;
  }
  EXPECT_NE(wrong({"*"}, true).find("exclude"), std::string::npos);
  EXPECT_NE(wrong({"*", "https://a.example"}).find("alone"), std::string::npos);
  EXPECT_NE(wrong({"https://a.example", "https://a.example"}).find("twice"), std::string::npos);
}

TEST(Cors, AServerWithWrongOriginsDoesNotStart) {
  testing::TestService service;
  ServerOptions options;
  options.cors.origins = {"app.example.org"};
  Server server(std::move(options), testing::TestService::Routes(), service);
  EXPECT_FALSE(server.Start().has_value());
}

}  // namespace
}  // namespace flyball::http
