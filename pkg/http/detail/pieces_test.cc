// The small parts of the server, each by itself.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "pkg/base/ids.h"
#include "pkg/http/connection_counts.h"
#include "pkg/http/detail/characters.h"
#include "pkg/http/detail/connection_shedder.h"
#include "pkg/http/detail/exchange.h"
#include "pkg/http/detail/inbox.h"
#include "pkg/http/detail/out_buffer.h"
#include "pkg/http/detail/timer_wheel.h"
#include "pkg/http/listener.h"
#include "pkg/http/response.h"
#include "pkg/http/uri.h"

namespace flyball::http {
namespace {

using detail::ConnectionShedder;
using detail::IsFieldValue;
using detail::IsPlainPath;
using detail::TimerWheel;
using detail::WheelEntry;

const SteadyTime kStart{std::chrono::hours(1)};

size_t CountDue(TimerWheel& wheel, SteadyTime now) {
  size_t count = 0;
  for (WheelEntry* entry = wheel.Advance(now); entry != nullptr; entry = TimerWheel::Next(*entry)) ++count;
  return count;
}

// What looks at eight bytes at a time says the same as what looks at one.
TEST(Characters, ManyAtOnceAreJudgedAsOneByOne) {
  const uint64_t seed = RandomUint64();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  for (int round = 0; round < 20'000; ++round) {
    std::string text(random.Below(24), 'a');
    for (char& c : text) c = random.Below(8) == 0 ? static_cast<char>(random()) : "aZ-/.9\x7f\t"[random.Below(8)];
    std::string other = text;
    for (char& c : other) {
      if (random.Below(2) == 0) c = static_cast<char>(c ^ (random.Below(40) == 0 ? 1 : 0x20));
    }
    const bool same = std::equal(text.begin(), text.end(), other.begin(), other.end(),
                                 [&](char a, char b) { return lower(a) == lower(b); });
    EXPECT_EQ(EqualsIgnoreCase(text, other), same) << text << " " << other;
    EXPECT_EQ(IsFieldValue(text), std::all_of(text.begin(), text.end(),
                                              [](char c) { return (detail::ClassesOf(c) & detail::kFieldChar) != 0; }))
        << text;
    std::string decoded;
    if (IsPlainPath("/" + text)) {
      EXPECT_TRUE(DecodePath("/" + text, decoded)) << text;
      EXPECT_EQ(decoded, "/" + text);
    }
  }
  EXPECT_TRUE(IsPlainPath("/api/v1/tasks/42"));
  EXPECT_TRUE(IsPlainPath("/a.b/c.json"));
  for (const char* not_plain : {"/a/../b", "/.", "/.well-known", "/a%20b", "/a\\b"})
    EXPECT_FALSE(IsPlainPath(not_plain));
}

TEST(ExchangeId, IsThirtyTwoHexDigitsThatDoNotRepeat) {
  Random random(7);
  detail::Exchange exchange(nullptr);
  exchange.AssignId(0x0123456789abcdef, random);
  EXPECT_EQ(exchange.request.id(), "0123456789abcdef63cbe1e459320dd7");
  const std::string first(exchange.request.id());
  exchange.AssignId(0x0123456789abcdef, random);
  EXPECT_NE(exchange.request.id(), first);
}

TEST(TimerWheel, OffersAnEntryWhenItIsDueAndNotBefore) {
  TimerWheel wheel(kStart);
  WheelEntry entry;
  wheel.Schedule(entry, kStart + seconds(10));
  EXPECT_EQ(CountDue(wheel, kStart + milliseconds(9'990)), 0u);
  EXPECT_EQ(CountDue(wheel, kStart + milliseconds(10'050)), 1u);
  EXPECT_EQ(CountDue(wheel, kStart + seconds(60)), 0u);
}

TEST(TimerWheel, AnEarlierDeadlineCounts) {
  TimerWheel wheel(kStart);
  WheelEntry entry;
  wheel.Schedule(entry, kStart + seconds(75));
  wheel.Schedule(entry, kStart + seconds(10));
  EXPECT_EQ(CountDue(wheel, kStart + milliseconds(10'100)), 1u);
}

TEST(TimerWheel, ADeadlineBeyondTheWheelIsOfferedEarlyAndMayBeSetAgain) {
  TimerWheel wheel(kStart, milliseconds(50), 16);
  WheelEntry entry;
  wheel.Schedule(entry, kStart + seconds(10));
  EXPECT_EQ(CountDue(wheel, kStart + milliseconds(800)), 1u);
  wheel.Schedule(entry, kStart + seconds(10));
  EXPECT_EQ(CountDue(wheel, kStart + milliseconds(900)), 0u);
}

TEST(TimerWheel, AnEntryThatGoesIsForgotten) {
  TimerWheel wheel(kStart);
  WheelEntry stays;
  {
    WheelEntry goes;
    wheel.Schedule(stays, kStart + seconds(1));
    wheel.Schedule(goes, kStart + seconds(1));
  }
  EXPECT_EQ(CountDue(wheel, kStart + seconds(2)), 1u);
}

int TakeAll(ConnectionShedder& shedder) {
  int taken = 0;
  while (shedder.TakeOne()) ++taken;
  return taken;
}

TEST(ConnectionShedder, ShedsTheSurplusSlowlyWhenTheFleetGrows) {
  ConnectionShedder shedder;
  shedder.SetFleet(2, 100, 100, kStart);
  shedder.Refill(100, kStart);
  EXPECT_EQ(TakeAll(shedder), 0) << "the first fleet is no growth";
  shedder.SetFleet(4, 55, 100, kStart);
  uint64_t open = 100;
  SteadyTime now = kStart;
  int rounds = 0;
  for (; rounds < 30; ++rounds, now += seconds(1)) {
    shedder.Refill(open, now);
    const int taken = TakeAll(shedder);
    EXPECT_LE(taken, 5) << "5 % of 100 a second";
    if (taken == 0) break;
    open -= static_cast<uint64_t>(taken);
  }
  EXPECT_NEAR(static_cast<double>(open), 55, 1) << "the level";
  EXPECT_EQ(rounds, 9);
}

TEST(ConnectionShedder, RefusedRequestsMoveFasterButNeverBelowTheLevel) {
  ConnectionShedder shedder;
  shedder.SetFleet(2, 48, 48, kStart);
  shedder.RefillRefused(48, kStart);
  EXPECT_FALSE(shedder.TakeRefused()) << "nobody joined";
  shedder.SetFleet(7, 13, 48, kStart);
  uint64_t open = 48;
  SteadyTime now = kStart;
  for (int tick = 0; tick < 20; ++tick, now += milliseconds(50)) {
    shedder.RefillRefused(open, now);
    for (int taken = 0; shedder.TakeRefused(); ++taken, --open) ASSERT_LT(taken, 5) << "a tenth in 100 ms";
  }
  EXPECT_LE(open, 18u) << "most of the surplus has moved within a second";
  EXPECT_GE(open, 13u);
  for (int tick = 0; tick < 100; ++tick, now += milliseconds(50)) {
    shedder.RefillRefused(open, now);
    while (shedder.TakeRefused()) --open;
  }
  EXPECT_EQ(open, 13u);
}

TEST(ConnectionShedder, AtLeastOneASecondAndNothingBelowTheMean) {
  ConnectionShedder shedder;
  shedder.SetFleet(1, 4, 4, kStart);
  shedder.SetFleet(2, 2, 4, kStart);
  shedder.Refill(4, kStart);
  EXPECT_EQ(TakeAll(shedder), 1);
  shedder.Refill(3, kStart + milliseconds(500));
  EXPECT_EQ(TakeAll(shedder), 0) << "once a second";
  shedder.SetFleet(3, 10, 5, kStart);
  shedder.Refill(5, kStart + seconds(5));
  EXPECT_EQ(TakeAll(shedder), 0) << "this pod has fewer than the others";
  shedder.SetFleet(2, 1, 5, kStart + seconds(6));
  shedder.Refill(5, kStart + seconds(6));
  EXPECT_EQ(TakeAll(shedder), 0) << "a fleet that shrinks sheds nothing";
}

TEST(ConnectionCounts, TwoMappingsSeeOnePage) {
  auto ours = ConnectionCounts::Create().value();
  auto theirs = ConnectionCounts::Map(UniqueFd(dup(ours.fd()))).value();
  ours.SetAccepting(0, true, 2);
  theirs.SetAccepting(7, true);
  ours.Add(0, 6);
  theirs.Add(7, 3);
  theirs.Add(9, 100);  // accepts nothing: draining
  EXPECT_EQ(theirs.Sum().pods, 2u);
  EXPECT_DOUBLE_EQ(theirs.Sum().MeanPerPod(), 4.5);
  EXPECT_DOUBLE_EQ(ours.Sum().MeanPerReactor(), 3);
  ours.Clear(7);
  EXPECT_FALSE(theirs.Accepting(7));
  EXPECT_EQ(theirs.Connections(7), 0);
  EXPECT_DOUBLE_EQ(theirs.Sum().MeanPerPod(), 6);
}

TEST(ConnectionCounts, RefusesAnotherKindOfFile) {
  EXPECT_EQ(ConnectionCounts::Map(UniqueFd(dup(0))).error().code, ErrorCode::kInvalid);
  EXPECT_FALSE(ConnectionCounts::Map(UniqueFd()));
}

TEST(Listener, SaysWhatIsWrong) {
  const auto first = Listen("127.0.0.1", 0).value();
  const auto again = Listen("127.0.0.1", LocalPort(first.get()));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kConflict);
  EXPECT_NE(again.error().message.find("is taken"), std::string::npos);
  EXPECT_EQ(Listen("example.org", 0).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(Listen("", 0).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(Listen("203.0.113.1", 0).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(InheritedListener().error().code, ErrorCode::kNotFound);
}

TEST(Response, NoInputCanSplitAnAnswer) {
  Response response;
  response.AddHeader("Location", std::string("/a\r\nSet-Cookie: x\0", 18));
  EXPECT_EQ(response.header_block(), "Location: /a  Set-Cookie: x \r\n");
}

TEST(Response, ProblemCarriesEveryError) {
  const Request request;
  const std::vector<ProblemError> errors = {{"/title", "required", "title is missing"}};
  const Response response = Problem(request, 422, "1 field is wrong", errors);
  EXPECT_EQ(response.body(),
            R"({"type":"about:blank","title":"Unprocessable Content","status":422,"detail":"1 field is wrong",)"
            R"("requestId":"","errors":[{"pointer":"/title","code":"required","message":"title is missing"}]})");
}

TEST(OutBuffer, SendsEverythingInOrderThroughASmallSocket) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
  detail::OutBuffer out;
  std::string expected;
  for (int i = 0; i < 40; ++i) {
    Response response;
    response.SetBody("", std::string(static_cast<size_t>(i) * 3'000, static_cast<char>('a' + i % 26)));
    out.tail().append("head").append(std::to_string(i));
    expected.append("head").append(std::to_string(i)).append(response.body());
    out.AppendBody(response);
  }
  EXPECT_EQ(out.pending(), expected.size());
  std::string received;
  size_t sent = 0;
  char bytes[10'000];
  for (bool done = false; !done || received.size() < expected.size();) {
    const auto flushed = out.Flush({.fd = ends[0]}, sent);
    ASSERT_NE(flushed, detail::OutBuffer::Flushed::kFailed);
    done = flushed == detail::OutBuffer::Flushed::kAll;
    EXPECT_EQ(out.pending(), expected.size() - sent);
    const ssize_t got = read(ends[1], bytes, sizeof bytes);
    if (got > 0) received.append(bytes, static_cast<size_t>(got));
  }
  EXPECT_EQ(received, expected);
  EXPECT_TRUE(out.empty());
  close(ends[0]);
  close(ends[1]);
}

TEST(Inbox, AnswersOfManyThreadsAllArriveAndNoneAfterClose) {
  const auto inbox = std::make_shared<detail::Inbox>();
  constexpr int kThreads = 4, kEach = 2'000;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        auto* exchange = new detail::Exchange(inbox);
        exchange->fd = t;
        exchange->generation = static_cast<uint32_t>(i);
        inbox->Complete(exchange);
      }
    });
  }
  int taken = 0;
  std::vector<uint32_t> expected(kThreads, 0);
  while (taken < kThreads * kEach) {
    inbox->ClearWake();
    for (detail::Exchange* exchange = inbox->TakeAnswers(); exchange != nullptr; ++taken) {
      EXPECT_EQ(exchange->generation, expected[static_cast<size_t>(exchange->fd)]++) << "a thread's order is kept";
      delete std::exchange(exchange, exchange->next_in_inbox);
    }
  }
  for (std::thread& thread : threads) thread.join();
  inbox->Close();
  inbox->Complete(new detail::Exchange(inbox));  // destroyed; a leak would be reported
  EXPECT_FALSE(inbox->PushTask([] {}));
}

}  // namespace
}  // namespace flyball::http
