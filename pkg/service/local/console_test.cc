#include "pkg/service/local/console.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <nlohmann/json.hpp>

#include "pkg/http/client.h"
#include "pkg/service/local/console_answers.h"
#include "pkg/service/local/console_guard.h"
#include "pkg/service/local/governor_board.h"
#include "pkg/service/local/listening_port.h"

namespace flyball::local {
namespace {

FleetView SomeView() {
  FleetView view;
  view.desired = 3;
  view.bounds = {2, 5};
  view.app = "tasks <b>";
  view.governors = {"tasks"};
  const WallTime t{std::chrono::seconds(1'700'000'000)};
  view.pods = {{"pod-1", 41, PodState::kReady, 9001, 2, t, t + seconds(1), t + seconds(2)},
               {"pod-2", 42, PodState::kStarting, 0, 0, t, t, {}},
               {"pod-3", 0, PodState::kWaiting, 0, 1, t, {}, {}}};
  view.redis_up = true;
  view.pod_deaths = 3;
  return view;
}

TEST(ConsoleGuardTest, Hosts) {
  const ConsoleGuard guard("192.0.2.7", 8081, "secret");
  for (const char* ours : {"127.0.0.1:8081", "localhost:8081", "LOCALHOST:8081", "[::1]:8081", "192.0.2.7:8081"}) {
    EXPECT_TRUE(guard.HostIsOurs(ours)) << ours;
  }
  for (const char* other : {"", "localhost", "localhost:80", "evil.example:8081", "127.0.0.1.evil.example:8081",
                            "xlocalhost:8081", "10.0.0.1:8081"}) {
    EXPECT_FALSE(guard.HostIsOurs(other)) << other;
  }
}

TEST(ConsoleGuardTest, OnEveryAddressAnyNumberIsOursButNoName) {
  const ConsoleGuard guard("0.0.0.0", 8081, "secret");
  EXPECT_TRUE(guard.HostIsOurs("10.0.0.1:8081"));
  EXPECT_TRUE(guard.HostIsOurs("[2001:db8::1]:8081"));
  EXPECT_FALSE(guard.HostIsOurs("evil.example:8081"));
  EXPECT_FALSE(guard.HostIsOurs("[evil.example]:8081"));
}

TEST(ConsoleGuardTest, Origins) {
  const ConsoleGuard guard("127.0.0.1", 8081, "secret");
  EXPECT_TRUE(guard.OriginIsOurs(""));
  EXPECT_TRUE(guard.OriginIsOurs("http://127.0.0.1:8081"));
  for (const char* other : {"null", "http://evil.example", "https://127.0.0.1:8081", "http://127.0.0.1:8080"}) {
    EXPECT_FALSE(guard.OriginIsOurs(other)) << other;
  }
}

TEST(ConsoleGuardTest, Tokens) {
  const ConsoleGuard guard("127.0.0.1", 8081, "secret");
  EXPECT_TRUE(guard.TokenIsRight("Bearer secret", ""));
  EXPECT_TRUE(guard.TokenIsRight("", "token=secret"));
  EXPECT_TRUE(guard.TokenIsRight("", "a=b&token=secret&c"));
  for (const char* wrong : {"", "Bearer", "Bearer ", "Bearer Secret", "Bearer secretx", "Basic secret", "secret"}) {
    EXPECT_FALSE(guard.TokenIsRight(wrong, "")) << wrong;
  }
  EXPECT_FALSE(guard.TokenIsRight("", "xtoken=secret"));
  EXPECT_FALSE(guard.TokenIsRight("Bearer wrong", "token=secret")) << "the header decides";
}

TEST(ConsoleAnswersTest, PodsAndStatus) {
  const auto pods = nlohmann::json::parse(PodsJson(SomeView()));
  EXPECT_EQ(pods["desired"], 3);
  EXPECT_EQ(pods["pods"][0], nlohmann::json::parse(R"({"name":"pod-1","pid":41,"ready":true,"admin":9001,
      "orderedAt":"2023-11-14T22:13:20.000Z","startedAt":"2023-11-14T22:13:21.000Z",
      "readyAt":"2023-11-14T22:13:22.000Z","restarts":2,"state":"ready"})"));
  EXPECT_EQ(pods["pods"][2], nlohmann::json::parse(R"({"name":"pod-3","pid":null,"ready":false,"admin":null,
      "orderedAt":"2023-11-14T22:13:20.000Z","startedAt":null,"readyAt":null,"restarts":1,"state":"starting"})"));
  const auto status = nlohmann::json::parse(StatusJson(SomeView(), R"([{"name":"tasks"}])"));
  EXPECT_EQ(status["documents"].dump(), R"({"reason":null,"state":"running"})");
  FleetView rejected = SomeView();
  rejected.rejected = "tasks.yaml:3:1: wrong";
  EXPECT_EQ(nlohmann::json::parse(StatusJson(rejected, "[]"))["documents"].dump(),
            R"({"reason":"tasks.yaml:3:1: wrong","state":"rejected"})");
  EXPECT_NE(StatusPage(rejected, "[]").find("the saved change does not run: tasks.yaml:3:1: wrong"), std::string::npos);
  EXPECT_EQ(status["pods"][1], nlohmann::json::parse(R"({"name":"pod-2","pid":42,"ready":false,"admin":null})"));
  EXPECT_EQ(status["governors"][0]["name"], "tasks");
}

TEST(ConsoleAnswersTest, Metrics) {
  const std::string text = MetricsText(SomeView());
  for (const char* line : {"\nflyball_fleet_desired_replicas 3\n", "\nflyball_fleet_pods{state=\"starting\"} 2\n",
                           "\nflyball_fleet_pods{state=\"ready\"} 1\n", "\nflyball_fleet_pod_deaths_total 3\n",
                           "\nflyball_fleet_redis_up 1\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << "in\n" << text;
  }
}

TEST(ConsoleAnswersTest, ThePageEscapesWhatItShows) {
  const std::string page = StatusPage(SomeView(), R"([{"name":"<script>","demandRps":12.5,"rates":{"normal":"&"},
      "lastDecision":{"reason":"demand \"rose\""}}])");
  EXPECT_EQ(page.find("<script>"), std::string::npos);
  EXPECT_NE(page.find("tasks &lt;b&gt;"), std::string::npos);
  EXPECT_NE(page.find("demand &quot;rose&quot;"), std::string::npos);
  EXPECT_NE(page.find("<th scope=\"row\">Load</th><td>12.5 requests/s wanted"), std::string::npos) << page;
}

TEST(ConsoleAnswersTest, ThePageSpeaksInWordsAndBearsAnyStatus) {
  const std::string page = StatusPage(SomeView(), R"([{"name":"tasks","mode":"Enforce","paused":true,
      "replicas":{"min":2,"max":10,"ready":2,"desired":7,"raw":7},"demandRps":1982.4,"admittedRps":701,
      "shedShare":0.661,"p50Ms":24,"p99Ms":31.9,"sloLatencyMs":250,"capacityPerPodRps":0,"quotaFactor":0.9,
      "rates":{"critical":514,"normal":353,"sheddable":0},"conditions":[{"reason":"AtMax","message":"no more"}, 7],
      "connections":{"pod-1":3},"lastDecision":{"at":"2026-11-21T14:16:16Z","reason":"needs 6.3 pods"}},
      {"name":7,"replicas":[],"rates":"x","conditions":{"a":1},"demandRps":"many","lastDecision":null}, "no status"])");
  for (const char* words :
       {"Enforce, paused", "2 ready of 7 desired; the load asks for 7, between 2 and 10 are allowed",
        "1982 requests/s wanted, 701 answered, 66.1 % shed", "p50 24 ms, p99 31.9 ms; the objective is 250 ms",
        "not known yet: it shows under load", "critical 514, normal 353, sheddable 0 requests/s", "adaptive ones x 0.9",
        "AtMax: no more", "Connections of pod-1</th><td>3", "2026-11-21T14:16:16Z needs 6.3 pods"}) {
    EXPECT_NE(page.find(words), std::string::npos) << words << "\nin\n" << page;
  }
  EXPECT_EQ(page.find("null"), std::string::npos) << page;
}

TEST(GovernorBoardTest, KeepsTheLatestStatusAndARingOfDecisions) {
  GovernorBoard board;
  const auto put = [&](int n) {
    return board.Put("g", R"({"name":"g","replicas":{"raw":)" + std::to_string(n) + R"(},"lastDecision":{"seq":)" +
                              std::to_string(n) + "}}");
  };
  for (int n = 0; n < 600; ++n) ASSERT_TRUE(put(n));
  ASSERT_TRUE(put(599));  // said again
  const auto decisions = nlohmann::json::parse(board.Decisions());
  ASSERT_EQ(decisions[0]["decisions"].size(), 512U);
  EXPECT_EQ(decisions[0]["decisions"].front()["seq"], 88);
  EXPECT_EQ(decisions[0]["decisions"].back()["seq"], 599);
  EXPECT_EQ(nlohmann::json::parse(board.Statuses())[0]["replicas"]["raw"], 599);
  board.Keep({"other"});
  EXPECT_EQ(board.Statuses(), "[]");
}

TEST(GovernorBoardTest, RefusesWhatIsNoStatus) {
  GovernorBoard board;
  const std::string deep = R"({"name":"g","x":)" + std::string(100'000, '[');
  for (const std::string& wrong :
       {std::string(""), std::string("[]"), std::string("{"), std::string(R"({"name":"h"})"), deep}) {
    EXPECT_EQ(board.Put("g", wrong).error().code, ErrorCode::kInvalid) << wrong.substr(0, 40);
  }
  EXPECT_TRUE(board.Put("g", R"({"name":"g","text":"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"{"})"));
}

class ConsoleTest : public ::testing::Test {
 protected:
  void SetUp() override {
    view_.Set(std::make_shared<FleetView>(SomeView()));
    auto port = OpenListeningPort("127.0.0.1", 0, "the console", "--console-port");
    ASSERT_TRUE(port);
    port_ = port->port;
    url_ = "http://127.0.0.1:" + std::to_string(port_);
    auto console = Console::Start({"127.0.0.1", port->port, "secret"}, port->fd.Release(), view_, [](ScaleOrder order) {
      if (order.replicas == 99) return false;
      order.answer(order.replicas <= 5 ? Result<int>(order.replicas)
                                       : Fail(ErrorCode::kInvalid, "replicas must be 2 to 5"));
      return true;
    });
    ASSERT_TRUE(console) << console.error().message;
    console_ = std::move(*console);
  }

  http::ClientResponse Ask(http::ClientRequest request) {
    request.url = url_ + request.url;
    auto answer = client_.Send(request, seconds(30));
    EXPECT_TRUE(answer) << answer.error().message;
    return answer ? *answer : http::ClientResponse{};
  }
  http::ClientResponse Get(const std::string& path) {
    return Ask({"GET", path, "", {{"Authorization", "Bearer secret"}}});
  }
  http::ClientResponse Put(const std::string& path, const std::string& body) {
    return Ask({"PUT", path, "", {{"Authorization", "Bearer secret"}, {"Content-Type", "application/json"}}, body});
  }

  // Of the answer to `request`, sent as it is.
  std::string StatusLineFor(const std::string& request) {
    const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port_);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_GT(::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL), 0);
    std::string answer;
    char c = 0;
    while (::recv(fd.get(), &c, 1, 0) == 1 && c != '\r') answer += c;
    return answer;
  }

  Snapshot<FleetView> view_;
  std::unique_ptr<Console> console_;
  uint16_t port_ = 0;
  http::Client client_;
  std::string url_;
};

TEST_F(ConsoleTest, AnswersWhoHasTheToken) {
  EXPECT_EQ(nlohmann::json::parse(Get("/api/pods").body)["desired"], 3);
  EXPECT_EQ(Get("/metrics").status, 200);
  EXPECT_EQ(Ask({"GET", "/?token=secret"}).status, 200);
  EXPECT_EQ(Ask({"GET", "/"}).status, 401);
  EXPECT_EQ(Ask({"GET", "/api/status", "", {{"Authorization", "Bearer wrong"}}}).status, 401);
  EXPECT_EQ(Ask({"GET", "/healthz"}).status, 200) << "open to everybody";
  EXPECT_EQ(Get("/api/nothing").status, 404);
}

TEST_F(ConsoleTest, RefusesOtherSites) {
  const std::pair<std::string, std::string> token = {"Authorization", "Bearer secret"};
  const std::string answer = StatusLineFor("GET /api/status?token=secret HTTP/1.1\r\nHost: evil.example\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 421 ")) << answer;
  EXPECT_EQ(Ask({"GET", "/api/status", "", {token, {"Origin", "http://evil.example"}}}).status, 403);
  EXPECT_EQ(Ask({"GET", "/api/status", "", {token, {"Origin", url_}}}).status, 200);
}

TEST_F(ConsoleTest, PagesCarryAPolicyWithoutInlineScript) {
  const auto page = Get("/");
  EXPECT_NE(page.Header("content-security-policy").find("default-src 'none'"), std::string_view::npos);
  EXPECT_EQ(page.Header("cache-control"), "no-store");
  EXPECT_EQ(page.Header("referrer-policy"), "no-referrer") << "the token stands in the link";
  EXPECT_EQ(page.body.find("<script"), std::string::npos);
  EXPECT_EQ(Ask({"GET", "/console.css"}).status, 200);
}

TEST_F(ConsoleTest, ScaleOrdersAreAnsweredByTheOwner) {
  const auto done = Put("/api/scale", R"({"replicas":4})");
  EXPECT_EQ(done.status, 200);
  EXPECT_EQ(done.body, R"({"desired":4})");
  const auto beyond = Put("/api/scale", R"({"replicas":6})");
  EXPECT_EQ(beyond.status, 422);
  EXPECT_NE(beyond.body.find("replicas must be 2 to 5"), std::string::npos);
  EXPECT_EQ(Put("/api/scale", R"({"replicas":99})").status, 503);
  for (const char* wrong : {"", "4", R"({"replicas":"4"})", R"({"replicas":4.5})", R"({"replica":4})"}) {
    EXPECT_EQ(Put("/api/scale", wrong).status, 422) << wrong;
  }
}

TEST_F(ConsoleTest, GovernorsReportAndAreExplained) {
  EXPECT_EQ(Put("/api/governors/tasks/status", R"({"name":"tasks","lastDecision":{"n":1}})").status, 204);
  EXPECT_EQ(Put("/api/governors/tasks/status", R"({"name":"tasks","lastDecision":{"n":2}})").status, 204);
  EXPECT_EQ(Put("/api/governors/unknown/status", R"({"name":"unknown"})").status, 404);
  EXPECT_EQ(Put("/api/governors/tasks/status", "nonsense").status, 422);
  EXPECT_EQ(nlohmann::json::parse(Get("/api/status").body)["governors"][0]["lastDecision"]["n"], 2);
  EXPECT_EQ(Get("/api/explain").body, R"({"governors":[{"name":"tasks","decisions":[{"n":1},{"n":2}]}]})");
}

}  // namespace
}  // namespace flyball::local
