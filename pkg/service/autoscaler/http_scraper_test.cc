#include <gtest/gtest.h>

#include <string>

#include "pkg/http/testing/raw_server.h"
#include "pkg/service/autoscaler/supervisor_target.h"

namespace flyball::service::autoscaler {
namespace {

using http::testing::RawPeer;
using http::testing::RawServer;

// Answers /N with a page of a pod with N workers, and /hung never.
void ServePages(RawPeer& peer) {
  while (const auto request = peer.ReadRequest()) {
    const std::string path = request->substr(5, request->find(' ', 5) - 5);
    if (path == "hung") {
      peer.ReadRequest();
      return;
    }
    if (path == "broken") {
      peer.Answer(500, "");
      continue;
    }
    peer.Answer(200, "flyball_workers " + path + "\nflyball_monotonic_seconds 5\n");
  }
}

std::vector<TargetPod> Pods(const RawServer& server, int count) {
  std::vector<TargetPod> pods;
  for (int i = 1; i <= count; ++i) {
    pods.push_back(
        {.name = "pod-" + std::to_string(i), .ready = true, .metrics_url = server.Url("/" + std::to_string(i))});
  }
  return pods;
}

TEST(HttpScraper, MoreThanAWaveOfPodsIsEachAnsweredInItsPlace) {
  const RawServer server(ServePages);
  const auto pods = Pods(server, 600);
  HttpScraper scraper;
  const auto samples = scraper.Scrape(pods);
  ASSERT_EQ(samples.size(), 600u);
  int wrong = 0;
  for (size_t i = 0; i < samples.size(); ++i) {
    wrong += samples[i] && samples[i]->workers != static_cast<double>(i + 1) ? 1 : 0;
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_TRUE(samples[0]) << samples[0].error().message;
}

TEST(HttpScraper, APodThatHangsIsAskedLastTheNextTimeAndKeepsItsPlace) {
  const RawServer server(ServePages);
  auto pods = Pods(server, 5);
  pods[0].metrics_url = server.Url("/hung");
  pods[3].metrics_url = server.Url("/broken");
  HttpScraper scraper;
  for (int i = 0; i < 2; ++i) {
    const auto samples = scraper.Scrape(pods);
    ASSERT_FALSE(samples[0]);
    EXPECT_EQ(samples[0].error().code, ErrorCode::kTimeout);
    ASSERT_FALSE(samples[3]);
    EXPECT_EQ(samples[3].error().message, "status 500");
    ASSERT_TRUE(samples[4]) << samples[4].error().message;
    EXPECT_EQ(samples[4]->workers, 5);
  }
}

}  // namespace
}  // namespace flyball::service::autoscaler
