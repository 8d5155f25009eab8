// Pods are replaced under load: nobody's request fails, and connections find the pods that are there.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <thread>

#include "pkg/service/local/testing/eventually.h"
#include "tests/integration/pod_fleet.h"
#include "tests/integration/steady_clients.h"

namespace flyball::integration {
namespace {

using local::testing::Eventually;

constexpr double kLeastRps = 1000;
constexpr double kMayBeShed = 0.001;  // on a machine that has other work; on a quiet one it is none
constexpr double kSlowRps = 300;      // these two where figures are not judged strictly
constexpr double kSlowShed = 0.2;

int Restarts() {
  const char* text = std::getenv("FLYBALL_ROLLING_RESTARTS");
  return text == nullptr ? 50 : std::atoi(text);
}

SteadyClients::Options Load(const PodFleet& fleet) {
  SteadyClients::Options options;
  options.port = fleet.port();
  options.token = fleet.Token("ann@example.org");
  options.requests = {{"GET", "/api/v1/tasks?limit=5", ""},
                      {"GET", "/healthz", ""},
                      {"GET", "/api/v1/auth/me", ""},
                      {"POST", "/api/v1/tasks", R"({"title":"while pods come and go"})"},
                      {"GET", "/api/v1/tasks?limit=1&sort=-createdAt", ""}};
  options.kept = 60;
  options.kept_rps = 900;
  options.fresh_rps = 300;
  return options;
}

// Of the pods in those slots: the least and the most connections, as shares of the mean.
std::pair<double, double> Spread(const PodFleet& fleet, const std::vector<size_t>& slots) {
  std::vector<double> shares;
  double sum = 0;
  for (const size_t slot : slots) {
    shares.push_back(fleet.connections(slot));
    sum += shares.back();
  }
  for (double& share : shares) share *= static_cast<double>(slots.size()) / sum;
  const auto [least, most] = std::minmax_element(shares.begin(), shares.end());
  return {*least, *most};
}

TEST(RollingRestartsTest, NoRequestFailsAndConnectionsSpread) {
  PodFleet fleet(FLYBALL_SOURCE_DIR "/manifests/samples/load.yaml", {"--drain-delay", "50ms", "--workers", "32"});
  ASSERT_TRUE(fleet.Start(0));
  ASSERT_TRUE(fleet.Start(1));
  SteadyClients clients(Load(fleet));
  size_t other = 0, one = 1, spare = 2;  // by turns each of the two is replaced, and each slot used
  const int restarts = Restarts();
  for (int i = 0; i < restarts; ++i) {
    if (i % 2 == 0) {  // the new one first, as a deployment is rolled
      ASSERT_TRUE(fleet.Start(spare));
      ASSERT_TRUE(fleet.Stop(one));
    } else {  // the old one first, as a single process is restarted
      ASSERT_TRUE(fleet.Stop(one));
      ASSERT_TRUE(fleet.Start(spare));
    }
    std::swap(one, spare);
    std::swap(one, other);
    ASSERT_EQ(clients.failed(), 0U) << "restart " << i + 1 << ": " << clients.tally().ToString();
  }
  const auto rolled = clients.tally();
  std::printf("%d restarts in %.1f s: %s\n", restarts, rolled.seconds, rolled.ToString().c_str());
  EXPECT_GE(rolled.Rate(), Strict() ? kLeastRps : kSlowRps);

  ASSERT_TRUE(fleet.Start(spare));
  const auto is_even = [&] {
    const auto [least, most] = Spread(fleet, {0, 1, 2});
    return least >= 0.8 && most <= 1.2;
  };
  if (Strict()) std::this_thread::sleep_for(seconds(20));
  EXPECT_TRUE(Strict() ? is_even() : Eventually(is_even));
  const auto [least, most] = Spread(fleet, {0, 1, 2});
  std::printf("after a third pod: connections %d, %d, %d; %.2f to %.2f of the mean\n", fleet.connections(0),
              fleet.connections(1), fleet.connections(2), least, most);
  clients.Stop();
  const auto all = clients.tally();
  EXPECT_EQ(all.failed, 0U) << all.ToString();
  EXPECT_LE(static_cast<double>(all.shed), (Strict() ? kMayBeShed : kSlowShed) * static_cast<double>(all.sent))
      << all.ToString();
}

}  // namespace
}  // namespace flyball::integration
