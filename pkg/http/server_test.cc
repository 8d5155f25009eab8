#include "pkg/http/server.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <latch>
#include <set>

#include "pkg/base/ids.h"
#include "pkg/base/random.h"
#include "pkg/http/connection_counts.h"
#include "pkg/http/listener.h"
#include "pkg/http/testing/raw_client.h"
#include "pkg/http/testing/test_service.h"

namespace flyball::http {
namespace {

using testing::Eventually;
using testing::RawAnswer;
using testing::RawClient;
using testing::TestServer;

std::string Get(std::string_view target, std::string_view fields = "") {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: h\r\n" + std::string(fields) + "\r\n";
}

std::string Post(std::string_view target, std::string_view body, std::string_view fields = "") {
  return "POST " + std::string(target) + " HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n" + std::string(fields) + "\r\n" + std::string(body);
}

// What is next on the connection: "200 body", "nothing" when no answer comes.
std::string Next(RawClient& client) {
  const auto answer = client.Read();
  return answer ? std::to_string(answer->status) + " " + answer->body : "nothing";
}

TEST(Server, AnswersAndKeepsTheConnection) {
  TestServer server;
  RawClient client(server.port());
  client.Send(Get("/echo/one"));
  const RawAnswer answer = client.Read().value();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "one");
  EXPECT_EQ(answer.Header("Date").size(), 29u);
  EXPECT_EQ(answer.Header("X-Request-Id").size(), 32u);
  EXPECT_EQ(answer.Header("Connection"), "");
  client.Send(Post("/echo", "two"));
  EXPECT_EQ(Next(client), "200 two");
  client.SendByteByByte(Get("/later/three"));
  EXPECT_EQ(Next(client), "200 three");
  EXPECT_EQ(server.counters().accepted, 1u);
  EXPECT_EQ(server.service.started, 1u);
  EXPECT_FALSE(server.service.early);
}

TEST(Server, ServesByConvention) {
  TestServer server([](ServerOptions& options) { options.headers = {{"X-Frame-Options", "DENY"}}; });
  RawClient client(server.port());
  client.Send("HEAD /echo/abc HTTP/1.1\r\nHost: h\r\n\r\n");
  const auto head = client.Read(true);
  EXPECT_EQ(head->Header("Content-Length"), "3");
  client.Send("OPTIONS /echo/abc HTTP/1.1\r\nHost: h\r\n\r\n");
  const auto options = client.Read();
  EXPECT_EQ(options->status, 204);
  EXPECT_EQ(options->Header("Allow"), "GET, HEAD, OPTIONS");
  EXPECT_EQ(options->Header("Content-Length"), "");
  client.Send("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(client.Read()->status, 204);
  client.Send(Post("/echo/abc", "x"));
  const auto not_allowed = client.Read();
  EXPECT_EQ(not_allowed->status, 405);
  EXPECT_EQ(not_allowed->Header("Allow"), "GET, HEAD, OPTIONS");
  EXPECT_EQ(not_allowed->Header("X-Frame-Options"), "DENY");
  client.Send(Get("/nowhere"));
  const auto not_found = client.Read();
  EXPECT_EQ(not_found->status, 404);
  EXPECT_EQ(not_found->Header("Content-Type"), "application/problem+json");
  EXPECT_NE(not_found->body.find(not_found->Header("X-Request-Id")), std::string::npos);
  client.Send("BREW /echo/abc HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(client.Read()->status, 501);
  client.Send(Get("/files/a/b%20c"));
  EXPECT_EQ(Next(client), "200 a/b c");
}

TEST(Server, Http10ClosesUnlessAsked) {
  TestServer server;
  RawClient client(server.port());
  client.Send("GET /echo/a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(client.Read()->Header("Connection"), "keep-alive");
  client.Send("GET /echo/b HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(client.Read()->SaysClose());
  EXPECT_TRUE(client.Ends());
}

TEST(Server, PipelinedAnswersKeepTheOrderOfTheRequests) {
  TestServer server;
  RawClient client(server.port());
  client.Send(Get("/held/a") + Get("/later/b") + Get("/held/c") + Get("/echo/d"));
  ASSERT_TRUE(Eventually([&] { return server.service.Held() == 2; }));
  server.service.Release("c");
  EXPECT_FALSE(client.Read(false, milliseconds(50)).has_value()) << "nothing may overtake the first";
  server.service.Release("a");
  EXPECT_EQ(Next(client), "200 a");
  EXPECT_EQ(Next(client), "200 b");
  EXPECT_EQ(Next(client), "200 c");
  EXPECT_EQ(Next(client), "200 d");
}

TEST(Server, AnUnsafeRequestIsWorkedOnAlone) {
  TestServer server;
  RawClient client(server.port());
  client.Send(Get("/held/a") + Post("/held/b", "") + Get("/held/c"));
  ASSERT_TRUE(Eventually([&] { return server.service.Held() == 1; }));
  server.service.Release("a");
  EXPECT_EQ(Next(client), "200 a");
  ASSERT_TRUE(Eventually([&] { return server.service.Held() == 1; }));
  EXPECT_EQ(server.service.handled, 2u);
  server.service.Release("b");
  EXPECT_EQ(Next(client), "200 b");
  ASSERT_TRUE(Eventually([&] { return server.service.Held() == 1; }));
  server.service.Release("c");
  EXPECT_EQ(Next(client), "200 c");
}

TEST(Server, ManyPipelinedRequestsAllGetTheirOwnAnswer) {
  TestServer server;
  RawClient client(server.port());
  constexpr int kRequests = 2'000;
  std::thread sender([&] {
    for (int i = 0; i < kRequests; ++i) client.Send(Get((i % 3 == 0 ? "/later/" : "/echo/") + std::to_string(i)));
  });
  for (int i = 0; i < kRequests; ++i) ASSERT_EQ(Next(client), "200 " + std::to_string(i));
  sender.join();
}

TEST(Server, AnErrorInAPipelineEndsItAfterTheAnswersBefore) {
  TestServer server;
  RawClient client(server.port());
  client.Send(Get("/later/a") + Get("/held/b") + "GET /bad HTTP/1.1\r\nHost : h\r\n\r\n" + Get("/echo/never"));
  ASSERT_TRUE(Eventually([&] { return server.service.Held() == 1; }));
  server.service.Release("b");
  EXPECT_EQ(Next(client), "200 a");
  EXPECT_EQ(Next(client), "200 b");
  const auto refused = client.Read();
  EXPECT_EQ(refused->status, 400);
  EXPECT_TRUE(refused->SaysClose());
  EXPECT_TRUE(client.Ends());
  EXPECT_EQ(server.counters().refused, 1u);
  EXPECT_EQ(server.service.handled, 2u);
}

TEST(Server, ADroppedResponderAndAThrowingHandlerAre500) {
  TestServer server;
  RawClient client(server.port());
  client.Send(Get("/dropped"));
  EXPECT_EQ(client.Read()->status, 500);
  client.Send(Get("/throws"));
  const auto answer = client.Read();
  EXPECT_EQ(answer->status, 500);
  EXPECT_EQ(answer->body.find("as asked"), std::string::npos) << "the text of an exception stays inside";
  EXPECT_EQ(server.counters().dropped_responders, 2u);
  EXPECT_EQ(server.counters().handler_exceptions, 1u);
  client.Send(Get("/echo/fine"));
  EXPECT_EQ(Next(client), "200 fine");
}

TEST(Server, LimitsBodiesByRoute) {
  TestServer server;
  RawClient client(server.port());
  client.Send(Post("/small", "0123456789"));
  EXPECT_EQ(Next(client), "200 0123456789");
  client.Send(Post("/small", "01234567890"));
  const auto refused = client.Read();
  EXPECT_EQ(refused->status, 413);
  EXPECT_NE(refused->body.find("; at most 10 bytes are taken"), std::string::npos) << refused->body;
  EXPECT_TRUE(refused->SaysClose());
}

TEST(Server, SaysHowMuchItTakes) {
  TestServer server;
  RawClient line(server.port());
  line.Send(Get("/" + std::string(9000, 'a')));
  EXPECT_NE(Next(line).find("; at most 8192 bytes are taken"), std::string::npos);
  RawClient head(server.port());
  head.Send("GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(17000, 'a') + "\r\n\r\n");
  EXPECT_NE(Next(head).find("; at most 16384 bytes are taken, in 100 fields"), std::string::npos);
}

TEST(Server, ASlashTooManyIsSaid) {
  TestServer server;
  RawClient client(server.port());
  client.Send(Get("/echo/fine/"));
  EXPECT_NE(Next(client).find("no such resource; try it without the '/' at its end"), std::string::npos);
  client.Send(Get("/nothing"));
  EXPECT_NE(Next(client).find("\"no such resource\""), std::string::npos);
}

TEST(Server, ARefusedUploadReadsItsAnswer) {
  TestServer server;
  const std::string body(4 * 1024 * 1024, 'x');
  for (int i = 0; i < 20; ++i) {
    RawClient client(server.port());
    EXPECT_TRUE(client.Send(Post("/echo", body)));
    const auto answer = client.Read();
    ASSERT_TRUE(answer.has_value());
    EXPECT_EQ(answer->status, 413);
  }
}

TEST(Server, ContinuesWhenAskedTo) {
  TestServer server;
  RawClient client(server.port());
  client.Send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.Read()->status, 100);
  client.Send("abc");
  EXPECT_EQ(Next(client), "200 abc");
  client.Send("POST /nowhere HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  const auto refused = client.Read();
  EXPECT_EQ(refused->status, 404);
  EXPECT_TRUE(refused->SaysClose());
  RawClient other(server.port());
  other.Send(Post("/echo", "abc", "Expect: 200-ok\r\n"));
  EXPECT_EQ(other.Read()->status, 417);
}

TEST(Server, AHalfClosedClientStillGetsItsAnswer) {
  TestServer server;
  for (int i = 0; i < 50; ++i) {
    RawClient client(server.port());
    client.Send(Get("/later/a") + Get("/echo/b"));
    client.HalfClose();
    EXPECT_EQ(Next(client), "200 a");
    EXPECT_EQ(Next(client), "200 b");
    EXPECT_TRUE(client.Ends());
  }
  EXPECT_TRUE(Eventually([&] { return server.counters().open == 0; }));
}

TEST(Server, ClientsThatLeaveAtEveryPointLeaveNothingBehind) {
  const uint64_t seed = RandomUint64();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  TestServer server([](ServerOptions& options) { options.reactors = 2; });
  const std::string stream = Get("/later/a") + Post("/echo", "0123456789") + Get("/big/100000") + Post("/later/b", "x");
  for (int i = 0; i < 300; ++i) {
    RawClient client(server.port());
    client.Send(std::string_view(stream).substr(0, random.Below(stream.size() + 1)));
    switch (random.Below(4)) {
      case 0:
        client.Reset();
        break;
      case 1:
        client.HalfClose();
        break;
      case 2:
        client.ReadRaw(1 + random.Below(2'000), milliseconds(2));
        break;
      default:
        break;
    }
  }
  EXPECT_TRUE(Eventually([&] { return server.counters().open == 0; }));
  // Everything handed out has come back, and a descriptor used again serves its own client.
  EXPECT_TRUE(Eventually([&] { return server.service.answered >= server.service.handled; }));
  RawClient client(server.port());
  client.Send(Get("/echo/fine"));
  EXPECT_EQ(Next(client), "200 fine");
}

TEST(Server, ALateAnswerNeverReachesAnotherClient) {
  TestServer server;
  for (int i = 0; i < 100; ++i) {
    const std::string text = "late" + std::to_string(i);
    {
      RawClient leaves(server.port());
      leaves.Send(Get("/held/" + text));
      ASSERT_TRUE(Eventually([&] { return server.service.Held() == 1; }));
      leaves.Reset();
    }
    ASSERT_TRUE(Eventually([&] { return server.counters().open == 0; }));
    RawClient next(server.port());  // on the same descriptor
    next.Send(Get("/held/mine"));
    ASSERT_TRUE(Eventually([&] { return server.service.Held() == 2; }));
    server.service.Release(text);
    server.service.Release("mine");
    ASSERT_EQ(Next(next), "200 mine");
  }
  EXPECT_EQ(server.counters().discarded_answers, 100u);
  EXPECT_EQ(server.service.undelivered, 100u);
}

// CPU time that the only reactor's thread has used.
double ReactorCpuSeconds(TestServer& server) {
  std::atomic<double> seconds{-1};
  server.server->Post(0, [&] {
    rusage usage{};
    getrusage(RUSAGE_THREAD, &usage);
    const auto to_seconds = [](const timeval& time) { return static_cast<double>(time.tv_sec) + time.tv_usec / 1e6; };
    seconds = to_seconds(usage.ru_utime) + to_seconds(usage.ru_stime);
  });
  EXPECT_TRUE(Eventually([&] { return seconds >= 0; }));
  return seconds;
}

TEST(Server, ASlowReaderDoesNotStopOthersAndIsClosedInTheEnd) {
  TestServer server([](ServerOptions& options) { options.limits.write_deadline = milliseconds(300); });
  RawClient slow(server.port(), 4096);
  slow.Send(Get("/big/20000000"));
  RawClient other(server.port());
  for (int i = 0; i < 200; ++i) {
    other.Send(Get("/echo/x"));
    ASSERT_EQ(Next(other), "200 x");
  }
  const double before = ReactorCpuSeconds(server);
  EXPECT_TRUE(Eventually([&] { return server.counters().open == 1; }));
  EXPECT_LT(ReactorCpuSeconds(server) - before, 0.1) << "nothing spins while it waits";
}

TEST(Server, AReaderThatTakesItsTimeGetsEverything) {
  TestServer server;
  RawClient client(server.port(), 8192);
  client.Send(Get("/big/3000000") + Get("/echo/behind"));
  const auto big = client.Read();
  ASSERT_TRUE(big.has_value());
  EXPECT_EQ(big->body, std::string(3'000'000, 'b'));
  EXPECT_EQ(Next(client), "200 behind");
}

TEST(Server, SlowRequestsMeetTheirDeadlines) {
  TestServer server([](ServerOptions& options) {
    options.limits.head_deadline = milliseconds(200);
    options.limits.body_grace = milliseconds(200);
    options.limits.idle_deadline = milliseconds(1000);
  });
  RawClient idle(server.port()), head(server.port()), body(server.port());
  head.Send("GET / HT");
  body.Send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc");
  EXPECT_EQ(head.Read()->status, 408);
  EXPECT_TRUE(head.Ends());
  EXPECT_EQ(body.Read()->status, 408);
  EXPECT_TRUE(idle.Ends());
}

TEST(Server, DribblingDoesNotBuyTime) {
  TestServer server([](ServerOptions& options) {
    options.limits.head_deadline = milliseconds(300);
    options.limits.idle_deadline = seconds(60);
  });
  RawClient client(server.port());
  const SteadyTime begin = RealClock().Now();
  client.Send("GET /echo/a HTTP/1.1\r\nHost: h\r\n");
  while (RealClock().Now() - begin < seconds(30) && client.Send("A: b\r\n")) {
    if (client.ReadRaw(1, milliseconds(50)) > 0) break;
  }
  EXPECT_LT(RealClock().Now() - begin, seconds(15));
}

TEST(Server, TheHandlersTimeIsNotTheClients) {
  TestServer server([](ServerOptions& options) {
    options.limits.idle_deadline = milliseconds(500);
    options.limits.head_deadline = milliseconds(500);
  });
  RawClient client(server.port());
  client.Send(Get("/held/a"));
  EXPECT_FALSE(client.Read(false, milliseconds(1200)).has_value());
  server.service.Release("a");
  EXPECT_EQ(Next(client), "200 a");
}

TEST(Server, OldConnectionsAreRetired) {
  TestServer server([](ServerOptions& options) { options.limits.connection_age = milliseconds(100); });
  RawClient client(server.port());
  EXPECT_TRUE(Eventually([&] {
    client.Send(Get("/echo/a"));
    const auto answer = client.Read();
    return answer && answer->SaysClose();
  }));
}

TEST(Server, AcceptingPausesAtTheLimitAndGoesOn) {
  TestServer server([](ServerOptions& options) { options.limits.connections = 2; });
  std::optional<RawClient> first(server.port());
  RawClient second(server.port());
  first->Send(Get("/echo/1"));
  EXPECT_EQ(Next(*first), "200 1");
  second.Send(Get("/echo/2"));
  EXPECT_EQ(Next(second), "200 2");
  RawClient third(server.port());
  third.Send(Get("/echo/3"));
  EXPECT_FALSE(third.Read(false, milliseconds(100)).has_value());
  first.reset();
  EXPECT_EQ(Next(third), "200 3");
}

TEST(Server, OutOfDescriptorsItServesOnAndRecovers) {
  TestServer server;
  RawClient before(server.port());
  before.Send(Get("/echo/1"));
  EXPECT_EQ(Next(before), "200 1");
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  // Fill up what is left under a low limit.
  const rlimit low{256, limit.rlim_max};
  setrlimit(RLIMIT_NOFILE, &low);
  std::vector<UniqueFd> fill;
  for (UniqueFd fd(dup(0)); fd.valid(); fd.Reset(dup(0))) fill.push_back(std::move(fd));
  fill.pop_back();  // one for the client, none for the server
  RawClient starved(server.port());
  EXPECT_TRUE(Eventually([&] { return server.counters().accept_failures > 0; }));
  before.Send(Get("/echo/2"));
  EXPECT_EQ(Next(before), "200 2");
  EXPECT_LT(server.counters().accept_failures, 200u) << "it pauses instead of spinning";
  fill.clear();
  starved.Send(Get("/echo/3"));
  EXPECT_EQ(Next(starved), "200 3");
  setrlimit(RLIMIT_NOFILE, &limit);
}

TEST(Server, PostRunsOnTheReactor) {
  TestServer server([](ServerOptions& options) { options.reactors = 2; });
  std::mutex mutex;
  std::set<std::thread::id> threads;
  for (int reactor = 0; reactor < 2; ++reactor) {
    ASSERT_TRUE(server.server->Post(reactor, [&] {
      std::lock_guard lock(mutex);
      threads.insert(std::this_thread::get_id());
    }));
  }
  EXPECT_TRUE(Eventually([&] {
    std::lock_guard lock(mutex);
    return threads.size() == 2;
  }));
  EXPECT_TRUE(Eventually([&] { return server.service.ticks > 2; }));
  server.server->Stop();
  EXPECT_FALSE(server.server->Post(0, [] {}));
}

TEST(Server, AnswersAfterItStoppedGoNowhere) {
  TestServer server;
  RawClient client(server.port());
  client.Send(Get("/held/a"));
  ASSERT_TRUE(Eventually([&] { return server.service.Held() == 1; }));
  server.server.reset();
  server.service.Release("a");
  EXPECT_TRUE(client.Ends());
}

TEST(Server, TwoServersLiveInOneProcess) {
  TestServer api, admin;
  RawClient one(api.port()), other(admin.port());
  one.Send(Get("/echo/api"));
  other.Send(Get("/echo/admin"));
  EXPECT_EQ(Next(one), "200 api");
  EXPECT_EQ(Next(other), "200 admin");
}

TEST(Server, SaysWhyItCannotStart) {
  TestServer first;
  testing::TestService service;
  ServerOptions options;
  options.port = first.port();
  Server second(std::move(options), testing::TestService::Routes(), service);
  const auto started = second.Start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, ErrorCode::kConflict);
  ServerOptions none;
  none.reactors = 0;
  EXPECT_EQ(Server(std::move(none), Router(), service).Start().error().code, ErrorCode::kInvalid);
}

TEST(Drain, FinishesWhatIsInFlightAndTellsTheClients) {
  TestServer server([](ServerOptions& options) { options.limits.linger = milliseconds(50); });
  RawClient busy(server.port()), idle(server.port());
  idle.Send(Get("/echo/a"));
  EXPECT_EQ(Next(idle), "200 a");
  busy.Send(Get("/held/b"));
  ASSERT_TRUE(Eventually([&] { return server.service.Held() == 1; }));
  std::thread drain([&] { EXPECT_EQ(server.server->Drain({.idle_grace = milliseconds(100)}), 0u); });
  EXPECT_TRUE(idle.Ends()) << "silent connections are closed";
  server.service.Release("b");
  const auto answer = busy.Read();
  EXPECT_EQ(answer->body, "b");
  EXPECT_TRUE(answer->SaysClose());
  drain.join();
}

TEST(Drain, CutsOffWhatTakesTooLong) {
  TestServer server;
  RawClient client(server.port());
  client.Send(Get("/held/a"));
  ASSERT_TRUE(Eventually([&] { return server.service.Held() == 1; }));
  EXPECT_EQ(server.server->Drain({.timeout = milliseconds(100)}), 1u);
  server.server->Stop();
  EXPECT_TRUE(client.Ends());
  server.service.Release("a");
}

TEST(Drain, EmptiesTheAcceptQueueFirst) {
  for (int round = 0; round < 10; ++round) {
    TestServer server([](ServerOptions& options) { options.limits.linger = milliseconds(50); });
    std::vector<RawClient> clients;
    for (int i = 0; i < 50; ++i) {
      clients.emplace_back(server.port());
      clients.back().Send(Get("/echo/a"));
    }
    EXPECT_EQ(server.server->Drain({.idle_grace = milliseconds(100)}), 0u);
    for (RawClient& client : clients) EXPECT_EQ(Next(client), "200 a");
  }
}

// Clients that keep a connection and open another when told so; one request at a time, never tried again.
class Clients {
 public:
  Clients(uint16_t port, int count) {
    for (int i = 0; i < count; ++i) threads_.emplace_back([this, port, i] { Loop(port, i); });
  }
  ~Clients() { Stop(); }
  void Stop() {
    stop_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }
  std::atomic<int> answered{0}, lost{0};

 private:
  void Loop(uint16_t port, int number) {
    std::optional<RawClient> client;
    for (int i = 0; !stop_; ++i) {
      if (!client) client.emplace(port);
      const std::string text = std::to_string(number) + "-" + std::to_string(i);
      const bool sent = client->Send(Get((i % 2 ? "/later/" : "/echo/") + text));
      const auto answer = sent ? client->Read() : std::nullopt;
      ++(answer && answer->body == text ? answered : lost);
      if (!answer || answer->SaysClose()) client.reset();
    }
  }
  std::atomic<bool> stop_{false};
  std::vector<std::thread> threads_;
};

// As pods of one machine do: every server has the same socket and its own slot of the page.
struct Fleet {
  std::unique_ptr<TestServer> Pod(size_t slot, int reactors = 1) {
    return std::make_unique<TestServer>([&](ServerOptions& options) {
      options.listener = Duplicate(listener).value();
      options.reactors = reactors;
      options.counts = &counts;
      options.counts_slot = slot;
    });
  }
  UniqueFd listener = Listen("127.0.0.1", 0).value();
  ConnectionCounts counts = ConnectionCounts::Create().value();
};

TEST(FleetTest, RollingRestartsUnderLoadLoseNothing) {
  Fleet fleet;
  std::vector<std::unique_ptr<TestServer>> pods;
  pods.push_back(fleet.Pod(0));
  pods.push_back(fleet.Pod(1));
  Clients clients(LocalPort(fleet.listener.get()), 8);
  for (int restart = 0; restart < 10; ++restart) {
    auto& pod = pods[static_cast<size_t>(restart % 2)];
    const int before = clients.answered;
    ASSERT_TRUE(Eventually([&] { return clients.answered > before + 50; }));
    EXPECT_EQ(pod->server->Drain({}), 0u);
    pod->server->Stop();
    fleet.counts.Clear(static_cast<size_t>(restart % 2));
    pod = fleet.Pod(static_cast<size_t>(restart % 2));
  }
  clients.Stop();
  EXPECT_EQ(clients.lost, 0);
  EXPECT_GT(clients.answered, 500);
}

TEST(FleetTest, PodsThatStopTogetherLeaveNobodyInTheQueue) {
  Fleet fleet;
  auto first = fleet.Pod(0), second = fleet.Pod(1);
  const uint16_t port = first->port();
  fleet.listener.Reset();
  std::latch blocked(2), go(1);
  for (const auto& pod : {first.get(), second.get()}) {
    pod->server->Post(0, [&] {
      blocked.count_down();
      go.wait();
    });
  }
  blocked.wait();  // nobody accepts now
  std::vector<RawClient> clients;
  for (int i = 0; i < 10; ++i) clients.emplace_back(port).Send(Get("/echo/a"));
  std::vector<std::thread> drains;
  for (const auto& pod : {first.get(), second.get()}) drains.emplace_back([pod] { pod->server->Drain({}); });
  EXPECT_TRUE(Eventually([&] { return fleet.counts.Sum().pods == 0; }));
  go.count_down();
  for (RawClient& client : clients) EXPECT_EQ(Next(client), "200 a");
  for (std::thread& drain : drains) drain.join();
}

TEST(FleetTest, ConnectionsSpreadOverPodsAndReactors) {
  Fleet fleet;
  std::vector<std::unique_ptr<TestServer>> pods;
  for (size_t slot = 0; slot < 4; ++slot) pods.push_back(fleet.Pod(slot, slot == 0 ? 2 : 1));
  std::vector<RawClient> clients;
  for (int i = 1; i <= 100; ++i) {
    clients.emplace_back(LocalPort(fleet.listener.get()));
    ASSERT_TRUE(Eventually([&] { return fleet.counts.Sum().connections == i; }));
  }
  EXPECT_NEAR(fleet.counts.Connections(0), 40, 20) << "two reactors";
  for (size_t slot = 1; slot < 4; ++slot) EXPECT_NEAR(fleet.counts.Connections(slot), 20, 15);
}

TEST(FleetTest, ADeadPodsSlotSlowsButDoesNotStopAccepting) {
  Fleet fleet;
  const auto pod = fleet.Pod(0);
  fleet.counts.SetAccepting(1, true);  // killed, and not yet reaped
  std::vector<RawClient> clients;
  for (int i = 0; i < 30; ++i) clients.emplace_back(pod->port());
  for (RawClient& client : clients) {
    client.Send(Get("/echo/a"));
    EXPECT_EQ(Next(client), "200 a");
  }
}

TEST(FleetTest, OldPodsShedTheirSurplusWhenAPodIsAdded) {
  Fleet fleet;
  const auto old_pod = fleet.Pod(0);
  Clients clients(old_pod->port(), 8);
  ASSERT_TRUE(Eventually([&] { return fleet.counts.Connections(0) == 8 && clients.answered > 100; }));
  ASSERT_TRUE(Eventually([&] { return old_pod->service.ticks > 25; })) << "it has seen the fleet of one";
  const auto new_pod = fleet.Pod(1);
  EXPECT_TRUE(Eventually([&] { return fleet.counts.Connections(1) >= 3; }));
  clients.Stop();
  EXPECT_EQ(clients.lost, 0);
  EXPECT_GE(old_pod->counters().rebalanced, 3u);
  EXPECT_LE(old_pod->counters().rebalanced, 12u) << "its surplus of four, and again what came back to it";
}

}  // namespace
}  // namespace flyball::http
