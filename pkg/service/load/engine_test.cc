#include "pkg/service/load/engine.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "pkg/base/clock.h"
#include "pkg/http/testing/raw_server.h"

namespace flyball::load {
namespace {

using http::testing::RawPeer;
using http::testing::RawServer;
using namespace std::chrono_literals;

Mix Kinds(std::string_view yaml) {
  auto mix = ReadMix(yaml, "mix");
  EXPECT_TRUE(mix) << mix.error().message;
  return *mix;
}

Plan PlanFor(const RawServer& server, double rps, std::chrono::milliseconds duration, int connections = 4,
             std::string_view mix = "[{path: /x}]") {
  return {.target = *ParseTarget(server.Url("/api")),
          .trace = Trace::Steady(rps, duration),
          .mix = Kinds(mix),
          .tokens = {},
          .connections = connections,
          .timeout = 30s};
}

Report RunPlan(const Plan& plan) {
  auto report = Generate(plan, {});
  if (!report) {
    ADD_FAILURE() << report.error().message;
    return {};
  }
  EXPECT_EQ(report->offered, report->sent + report->not_sent) << "every arrival is accounted for";
  EXPECT_EQ(report->sent, report->answered + report->resets + report->timeouts) << "every request is accounted for";
  return *report;
}

void ServeOk(RawPeer& peer) {
  while (peer.ReadRequest()) peer.Answer(200, "ok");
}

TEST(EngineTest, SendsWhatTheTraceSaysOverKeptConnections) {
  RawServer server(ServeOk);
  const Report report = RunPlan(PlanFor(server, 1000, 500ms));
  EXPECT_NEAR(static_cast<double>(report.sent), 500, 120);  // five standard deviations
  EXPECT_EQ(report.answered, report.sent);
  EXPECT_EQ(report.by_status.at(200), report.sent);
  EXPECT_EQ(report.reconnects, 0u);
  EXPECT_EQ(server.connections(), 4);
  EXPECT_NEAR(report.goodput_rps, static_cast<double>(report.sent) / 0.5, 1);
  EXPECT_GT(report.latency.max_ms, 0);
}

TEST(EngineTest, ConnectionCloseIsNoError) {
  RawServer server([](RawPeer& peer) {
    if (peer.ReadRequest()) peer.Answer(200, "ok", "Connection: close\r\n");
  });
  const Report report = RunPlan(PlanFor(server, 400, 500ms));
  EXPECT_GT(report.sent, 100u);
  EXPECT_EQ(report.answered, report.sent);
  EXPECT_EQ(report.resets, 0u);
  EXPECT_GE(report.reconnects + 4, report.sent);
}

TEST(EngineTest, ACloseBetweenAnswersIsNoError) {
  std::atomic<int> accepted{0};
  RawServer server([&](RawPeer& peer) {
    if (accepted.fetch_add(1) < 4) return;  // the first generation is hung up on before anything was asked
    ServeOk(peer);
  });
  Plan plan = PlanFor(server, 1, 1s);
  plan.trace = Trace({{0, 0}, {0.3, 0}, {0.3, 400}, {0.6, 400}});
  const Report report = RunPlan(plan);
  EXPECT_GT(report.sent, 50u);
  EXPECT_EQ(report.resets, 0u);
  EXPECT_EQ(report.answered, report.sent);
  EXPECT_GE(report.reconnects, 4u);
}

TEST(EngineTest, AnEndAfterTheRequestWasWrittenIsAReset) {
  for (const bool orderly : {true, false}) {
    std::atomic<uint64_t> asked{0}, broken{0};
    RawServer server([&](RawPeer& peer) {
      while (peer.ReadRequest()) {
        if (asked.fetch_add(1) % 5 == 4) {
          broken.fetch_add(1);
          return orderly ? peer.Close() : peer.Reset();
        }
        peer.Answer(200, "ok");
      }
    });
    const Report report = RunPlan(PlanFor(server, 400, 500ms));
    EXPECT_GT(report.resets, 10u);
    EXPECT_EQ(report.resets, broken.load()) << (orderly ? "closed" : "reset");
    EXPECT_EQ(report.answered, asked.load() - broken.load());
    EXPECT_EQ(report.malformed, 0u);
  }
}

TEST(EngineTest, HalfAnAnswerIsAResetAndNonsenseIsMalformed) {
  RawServer half([](RawPeer& peer) {
    if (peer.ReadRequest()) peer.Write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
  });
  Report report = RunPlan(PlanFor(half, 200, 200ms));
  EXPECT_GT(report.resets, 5u);
  EXPECT_EQ(report.resets, report.sent);
  EXPECT_EQ(report.malformed, 0u);

  RawServer twice([](RawPeer& peer) {  // two answers to one request
    if (peer.ReadRequest()) peer.Write("HTTP/1.1 204 A\r\n\r\nHTTP/1.1 204 B\r\n\r\n");
  });
  report = RunPlan(PlanFor(twice, 200, 200ms));
  EXPECT_GT(report.malformed, 5u);
  EXPECT_EQ(report.malformed, report.sent);
}

TEST(EngineTest, AnswersInPiecesAreOneAnswer) {
  RawServer server([](RawPeer& peer) {
    while (peer.ReadRequest()) {
      for (const char* piece :
           {"HTTP/1.1 200 O", "K\r\nTransfer-Encoding: chu", "nked\r\n\r", "\n5\r\nhel", "lo\r\n0\r\n", "\r\n"}) {
        peer.Write(piece);
        std::this_thread::yield();
      }
    }
  });
  const Report report = RunPlan(PlanFor(server, 300, 300ms));
  EXPECT_GT(report.sent, 30u);
  EXPECT_EQ(report.by_status.at(200), report.sent);
}

TEST(EngineTest, WaitingForAConnectionIsPartOfTheLatency) {
  constexpr auto kService = 10ms;
  RawServer server([&](RawPeer& peer) {
    while (peer.ReadRequest()) {
      std::this_thread::sleep_for(kService);  // the service time of the scenario
      peer.Answer(200, "ok");
    }
  });
  // One connection carries 100 a second; 400 a second come for a quarter of a second, so the last waits about 0.75 s.
  const Report report = RunPlan(PlanFor(server, 400, 250ms, 1));
  EXPECT_EQ(report.answered, report.sent);
  EXPECT_GT(report.latency.max_ms, 400);
  EXPECT_GT(report.latency.p50_ms, 150);
  EXPECT_GT(report.wait.max_ms, 400);
}

TEST(EngineTest, SilenceIsATimeoutAndWhatNeverLeftIsNotSent) {
  RawServer server([](RawPeer& peer) {
    while (peer.ReadRequest()) {
    }
  });
  Plan plan = PlanFor(server, 200, 800ms, 2);
  plan.timeout = 500ms;
  const Report report = RunPlan(plan);
  EXPECT_GE(report.timeouts, 2u);
  EXPECT_EQ(report.timeouts, report.sent);
  EXPECT_GT(report.not_sent, 10u);
}

TEST(EngineTest, TheBacklogIsBounded) {
  RawServer server([](RawPeer& peer) {
    while (peer.ReadRequest()) {
    }
  });
  Plan plan = PlanFor(server, 1000, 200ms, 1);
  plan.timeout = 300ms;
  plan.backlog = 10;
  int seen = 0;
  const auto report = Generate(plan, {}, [&](const Second&) { ++seen; });
  ASSERT_TRUE(report);
  EXPECT_GT(report->not_sent, 100u);
  EXPECT_LE(report->sent, 12u);
}

TEST(EngineTest, RetriesHonourRetryAfterAndAreCounted) {
  std::mutex mutex;
  std::map<std::string, std::vector<SteadyTime>> by_target;
  RawServer server([&](RawPeer& peer) {
    while (auto request = peer.ReadRequest()) {
      std::lock_guard lock(mutex);
      auto& times = by_target[request->substr(0, request->find(" HTTP"))];
      times.push_back(std::chrono::steady_clock::now());
      if (times.size() <= 2) {
        peer.Answer(503, "", times.size() == 1 ? "Retry-After: 1\r\n" : "Retry-After: 0\r\n");
      } else {
        peer.Answer(200, "");
      }
    }
  });
  Plan plan = PlanFor(server, 1, 1s, 4, "[{path: \"/{n}\"}]");
  plan.trace = Trace({{0, 200}, {0.15, 200}, {0.15, 0}, {1.4, 0}});
  plan.retries = 2;
  const Report report = RunPlan(plan);
  ASSERT_GT(by_target.size(), 10u);
  EXPECT_EQ(report.retries, 2 * by_target.size());
  EXPECT_EQ(report.by_status.at(503), 2 * by_target.size());
  EXPECT_EQ(report.by_status.at(200), by_target.size());
  EXPECT_EQ(report.missing_retry_after, 0u);
  for (const auto& [target, times] : by_target) EXPECT_GE(times[1] - times[0], 1s) << target;
}

TEST(EngineTest, CountsRefusalsThatDoNotSayWhenToComeBack) {
  RawServer server([](RawPeer& peer) {
    for (int i = 0; peer.ReadRequest(); ++i) peer.Answer(503, "", i % 2 ? "Retry-After: 1\r\n" : "");
  });
  const Report report = RunPlan(PlanFor(server, 300, 300ms, 1));
  EXPECT_EQ(report.missing_retry_after, (report.sent + 1) / 2);
  EXPECT_EQ(report.goodput_rps, 0);
}

TEST(EngineTest, PrincipalsAskForWhatTheyCreatedWithTheirOwnToken) {
  std::mutex mutex;
  std::map<std::string, std::string> owner;  // id -> token
  std::atomic<int> reads{0}, creates{0}, foreign{0};
  RawServer server([&](RawPeer& peer) {
    while (auto request = peer.ReadRequest()) {
      const size_t at = request->find("Authorization: Bearer ");
      const std::string token = request->substr(at + 22, request->find("\r\n", at) - at - 22);
      std::lock_guard lock(mutex);
      if (request->starts_with("POST /api/tasks HTTP/1.1\r\n")) {
        const std::string id = "id" + std::to_string(creates.fetch_add(1));
        owner[id] = token;
        peer.Answer(201, "{}", "Location: /api/tasks/" + id + "\r\n");
      } else {
        reads.fetch_add(1);
        const std::string id = request->substr(15, request->find(' ', 15) - 15);
        if (!owner.count(id) || owner[id] != token) foreign.fetch_add(1);
        peer.Answer(200, "{}");
      }
    }
  });
  Plan plan = PlanFor(server, 600, 500ms, 4,
                      "[{weight: 8, path: \"/tasks/{id}\"}, {weight: 2, method: POST, path: /tasks, body: {a: 1}}]");
  plan.tokens = {"alice", "bob", "carol"};
  RunPlan(plan);
  EXPECT_GT(reads, 100);
  EXPECT_GT(creates, 10);
  EXPECT_EQ(foreign, 0);
  std::set<std::string> creators;
  for (const auto& [id, token] : owner) creators.insert(token);
  EXPECT_EQ(creators.size(), 3u);
}

TEST(EngineTest, LargeBodiesLeaveWhole) {
  std::atomic<uint64_t> whole{0};
  RawServer server([&](RawPeer& peer) {
    while (auto request = peer.ReadRequest()) {
      if (request->size() > 1'000'000 && request->ends_with("zz\"")) whole.fetch_add(1);
      peer.Answer(200, "");
    }
  });
  Plan plan = PlanFor(server, 20, 300ms, 2);
  plan.timeout = 60s;
  RequestKind kind;
  kind.method = "PUT";
  kind.path = Template("/big");
  kind.body = Template("\"" + std::string(1'000'000, 'z') + "\"");
  plan.mix = Mix({kind});
  const Report report = RunPlan(plan);
  EXPECT_GT(report.sent, 0u);
  EXPECT_EQ(whole.load(), report.sent);
  EXPECT_EQ(report.answered, report.sent);
}

TEST(EngineTest, AServerThatHangsUpOnEverybodyIsNotHammered) {
  RawServer server([](RawPeer&) {});
  Plan plan = PlanFor(server, 50, 400ms, 4);
  plan.timeout = 200ms;
  RunPlan(plan);
  EXPECT_LE(server.connections(), 4 * (3000 / 50 + 2));
}

TEST(EngineTest, NothingThatListensIsUnavailable) {
  int port = 0;
  { port = RawServer(ServeOk).port(); }
  Plan plan{
      .target = *ParseTarget("http://127.0.0.1:" + std::to_string(port)), .mix = Kinds("[{path: /x}]"), .tokens = {}};
  const auto report = Generate(plan, {});
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(report.error().message.find("Connection refused"), std::string::npos) << report.error().message;
}

TEST(EngineTest, AStopEndsTheTraceAndWaitsForAnswers) {
  std::stop_source stop;
  std::atomic<uint64_t> asked{0};
  RawServer server([&](RawPeer& peer) {
    while (peer.ReadRequest()) {
      if (asked.fetch_add(1) == 50) stop.request_stop();
      peer.Answer(200, "");
    }
  });
  const auto report = Generate(PlanFor(server, 500, 60s), stop.get_token());
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_LT(report->duration_s, 30);
  EXPECT_EQ(report->answered, report->sent);
  EXPECT_EQ(report->sent, asked.load());
}

TEST(EngineTest, ShowsEverySecondOnce) {
  RawServer server(ServeOk);
  std::vector<int> shown;
  uint64_t offered = 0;
  const auto report = Generate(PlanFor(server, 200, 1100ms), {}, [&](const Second& second) {
    shown.push_back(second.t);
    offered += second.offered;
  });
  ASSERT_TRUE(report);
  // The last one is shown too when the answers took until the next.
  ASSERT_GE(report->series.size(), 2u);
  ASSERT_GE(shown.size(), 1u);
  ASSERT_LE(shown.size(), report->series.size());
  for (size_t i = 0; i < shown.size(); ++i) {
    EXPECT_EQ(shown[i], static_cast<int>(i));
    offered -= report->series[i].offered;
  }
  EXPECT_EQ(offered, 0u);
}

}  // namespace
}  // namespace flyball::load
