// A program that knows nothing of Flyball is governed by its own metrics: real prometheus processes, whose HTTP handler
// counts its requests, under query load; read from the replicas themselves and through another Prometheus server.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/integration/foreign_fleet.h"

namespace flyball::integration {
namespace {

using nlohmann::json;

constexpr double kRate = 40;  // queries a second: 2.5 replicas of 20 a second at 80 %

std::string Governor(const std::string& metrics) {
  return R"(
apiVersion: flyball.io/v1alpha1
kind: Governor
metadata: {name: prometheus}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: prometheus}
  replicas: {min: 1, max: 4, startup: 2s}
  signals:
    demand:
      requests: prometheus_http_requests_total{handler="/api/v1/query"}
      latency: prometheus_http_request_duration_seconds{handler="/api/v1/query"}
      shed: 'prometheus_http_requests_total{handler="/api/v1/query",code="503"}'
  capacity: {hint: 20rps}
  behavior: {scaleDown: {stabilizationWindowSeconds: 5}}
  metrics: {)" +
         metrics + "}\n";
}

// The fleet, and clients that ask every replica as often.
class Scene {
 public:
  ForeignFleet fleet{4};
  double rate = 0;

  // Steps until `holds`; false after a minute.
  template <typename Condition>
  bool Until(Condition holds) {
    for (const auto deadline = Now() + seconds(60); Now() < deadline;) {
      fleet.Step();
      Ask();
      if (holds(fleet.status())) return true;
    }
    return false;
  }

  // Of the last report, for messages.
  std::string Told() {
    const json status = fleet.status();
    if (!status.is_object()) return "no status; the autoscaler said:\n" + fleet.Said("autoscaler");
    return status["lastDecision"].value("text", "") + status["scrapeErrors"].dump() + status["conditions"].dump();
  }

 private:
  static SteadyTime Now() { return RealClock().Now(); }

  // What is due by now, a second's worth at most.
  void Ask() {
    const auto now = Now();
    due_ = std::min(due_ + ToSeconds(now - asked_) * rate, rate);
    asked_ = now;
    const int ready = fleet.ready();
    std::vector<http::ClientRequest> queries;
    for (; due_ >= 1 && ready > 0; --due_) {
      queries.push_back({.url = "http://" + fleet.Address(next_++ % ready) + "/api/v1/query?query=vector(1)"});
    }
    fleet.client().Fetch(queries, seconds(5));
  }

  double due_ = 0;
  SteadyTime asked_ = Now();
  int next_ = 0;
};

bool Fresh(const json& status) { return status.is_object() && status["scrapeErrors"].empty(); }
int Desired(const json& status) { return status.is_object() ? status["replicas"]["desired"].get<int>() : -1; }

// One query makes the series appear; the load needs three replicas, its end one.
void FollowsTheLoad(Scene& scene) {
  scene.rate = 2;
  ASSERT_TRUE(scene.Until([](const json& status) { return Fresh(status) && status["demandRps"] > 0.5; }))
      << scene.Told();
  EXPECT_EQ(scene.fleet.ordered(), 1);

  scene.rate = kRate;
  ASSERT_TRUE(scene.Until([&](const json& status) { return Desired(status) == 3 && scene.fleet.ready() == 3; }))
      << scene.Told();
  ASSERT_TRUE(scene.Until([](const json& status) {
    return Fresh(status) && status["demandRps"] > 0.5 * kRate && status["p50Ms"] > 0 && status["admittedRps"] > 0;
  })) << scene.Told();
  const json decision = scene.fleet.status()["lastDecision"];
  EXPECT_EQ(decision["signals"][0]["name"], "demand") << scene.Told();
  EXPECT_EQ(decision["signals"][0]["resource"], 20) << scene.Told();
  EXPECT_TRUE(scene.fleet.status()["rates"]["normal"].is_null());  // nobody there obeys limits
}

void ComesBackDown(Scene& scene) {
  scene.rate = 2;
  EXPECT_TRUE(scene.Until([&](const json& status) { return Desired(status) == 1 && scene.fleet.ready() == 1; }))
      << scene.Told();
}

TEST(ForeignTarget, PrometheusIsGovernedByItsOwnPages) {
  if (ForeignFleet::Prometheus().empty()) GTEST_SKIP() << "prometheus is not installed (Debian's package prometheus)";
  Scene scene;
  scene.fleet.StartAutoscaler(Governor("scrape: 1s, source: pods, path: /metrics"));
  FollowsTheLoad(scene);

  // A replica that starts again counts from zero: no drop, no jump.
  scene.fleet.Kill("replica-1");
  int most = 0;
  int after = 0;
  EXPECT_TRUE(scene.Until([&](const json& status) {
    most = std::max(most, Desired(status));
    after += scene.fleet.ready() == 3 && Fresh(status) ? 1 : 0;
    return after > 40;
  })) << scene.Told();
  EXPECT_LE(most, 4);
  EXPECT_LT(scene.fleet.status()["demandRps"], 3 * kRate) << scene.Told();
  ComesBackDown(scene);
}

TEST(ForeignTarget, PrometheusIsGovernedThroughAnotherPrometheus) {
  if (ForeignFleet::Prometheus().empty()) GTEST_SKIP() << "prometheus is not installed (Debian's package prometheus)";
  Scene scene;
  std::string targets;
  for (int i = 0; i < 4; ++i) targets += (i == 0 ? "" : ", ") + ("\"" + scene.fleet.Address(i) + "\"");
  const uint16_t port = FreePort();
  scene.fleet.StartPrometheus("server", port,
                              "global: {scrape_interval: 1s}\nscrape_configs: [{job_name: replicas, static_configs: "
                              "[{targets: [" +
                                  targets + "]}]}]\n");
  scene.fleet.StartAutoscaler(
      Governor("scrape: 1s, source: prometheus, podLabel: instance, prometheusURL: "
               "\"http://127.0.0.1:" +
               std::to_string(port) + "\""));
  FollowsTheLoad(scene);

  // Without the server nothing is known and nothing falls.
  scene.fleet.Kill("server");
  ASSERT_TRUE(scene.Until([](const json& status) { return !Fresh(status) && !status["conditions"].empty(); }))
      << scene.Told();
  EXPECT_NE(scene.Told().find("the Prometheus server: "), std::string::npos) << scene.Told();
  EXPECT_EQ(scene.fleet.status()["conditions"][0]["type"], "MetricsMissing") << scene.Told();
  EXPECT_GE(scene.fleet.ordered(), 3);
}

}  // namespace
}  // namespace flyball::integration
