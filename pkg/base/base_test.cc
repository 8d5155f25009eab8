#include <gtest/gtest.h>

#include <csignal>
#include <set>
#include <thread>

#include "pkg/base/ids.h"
#include "pkg/base/json_writer.h"
#include "pkg/base/mailbox.h"
#include "pkg/base/random.h"
#include "pkg/base/run_group.h"
#include "pkg/base/snapshot.h"
#include "pkg/base/time_format.h"

namespace flyball {
namespace {

TEST(TimeFormat, Rfc3339RoundTrips) {
  for (const char* text : {"2026-11-21T09:30:00.125Z", "1970-01-01T00:00:00.000Z", "1969-12-31T23:59:59.999Z"}) {
    EXPECT_EQ(FormatRfc3339(*ParseRfc3339(text)), text);
  }
  EXPECT_EQ(FormatRfc3339(*ParseRfc3339("2026-11-21T09:30:00+05:30")), "2026-11-21T04:00:00.000Z");
  EXPECT_EQ(FormatRfc3339(*ParseRfc3339("2026-11-21t09:30:00.1239z")), "2026-11-21T09:30:00.123Z");
}

TEST(TimeFormat, Rfc3339RefusesWhatIsNoInstant) {
  for (const char* text : {"2026-02-30T00:00:00Z", "2026-01-01T00:00:60Z", "2026-01-01T24:00:00Z",
                           "2026-01-01T00:00:00", "2026-01-01", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00Zx",
                           "2026-1-01T00:00:00Z", "", "2026-01-01T00:00:00+5:30", "-026-01-01T00:00:00Z"}) {
    EXPECT_FALSE(ParseRfc3339(text)) << text;
  }
}

TEST(TimeFormat, Rfc3339NormalizesAllFourDigitYears) {
  EXPECT_EQ(NormalizeRfc3339("2026-11-21T09:30:00.1+05:30").value_or("-"), "2026-11-21T04:00:00.100Z");
  EXPECT_EQ(NormalizeRfc3339("9999-12-31T23:59:59.999Z").value_or("-"), "9999-12-31T23:59:59.999Z");
  EXPECT_EQ(NormalizeRfc3339("0000-01-01T00:00:00Z").value_or("-"), "0000-01-01T00:00:00.000Z");
  EXPECT_FALSE(NormalizeRfc3339("9999-12-31T23:59:59-01:00")) << "the year 10000 in UTC";
  EXPECT_FALSE(NormalizeRfc3339("0000-01-01T00:00:00+01:00")) << "the year -1 in UTC";
  EXPECT_FALSE(NormalizeRfc3339("2026-02-30T00:00:00Z"));
  EXPECT_FALSE(ParseRfc3339("9999-12-31T23:59:59Z")) << "WallTime ends in 2262";
  EXPECT_FALSE(ParseRfc3339("0001-01-01T00:00:00Z"));
}

TEST(TimeFormat, Durations) {
  EXPECT_EQ(ParseDuration("15m")->count(), 900'000);
  EXPECT_EQ(ParseDuration("1h30m")->count(), 5'400'000);
  EXPECT_EQ(ParseDuration("250ms")->count(), 250);
  for (const char* text :
       {"", "15", "m", "-1s", "1.5s", "30m1h", "1s1s", "5 m", "99999999999d", "9223372036854775807ms"})
    EXPECT_FALSE(ParseDuration(text)) << text;
  for (const char* text : {"1m30s", "7d", "250ms", "0s"}) EXPECT_EQ(FormatDuration(*ParseDuration(text)), text);
}

TEST(TimeFormat, HttpDate) {
  EXPECT_EQ(FormatHttpDate(*ParseRfc3339("1994-11-06T08:49:37Z")), "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST(Ids, UuidV7IsOrderedAndUnique) {
  std::set<std::string> seen;
  std::string last;
  const WallTime now = *ParseRfc3339("2026-11-21T09:30:00Z");
  for (int i = 0; i < 10'000; ++i) {
    const std::string id = NewUuidV7(now);
    EXPECT_TRUE(IsUuid(id)) << id;
    EXPECT_EQ(id[14], '7');
    EXPECT_GT(id, last);
    EXPECT_TRUE(seen.insert(id).second);
    last = id;
  }
}

TEST(Ids, UuidShape) {
  EXPECT_TRUE(IsUuid("019AA5E0-0000-7000-8000-000000000000"));
  EXPECT_FALSE(IsUuid("019aa5e0-0000-7000-8000-00000000000"));
  EXPECT_FALSE(IsUuid("019aa5e0+0000-7000-8000-000000000000"));
}

TEST(JsonWriter, NestsAndEscapes) {
  std::string out;
  JsonWriter json(out);
  json.BeginObject();
  json.Key("a"), json.Value("q\"\\\n\x01\xc3\xa9");
  json.Key("b"), json.BeginArray(), json.Value(1), json.Value(0.1), json.Null(), json.EndArray();
  json.Key("c"), json.BeginObject(), json.EndObject();
  json.Key("d"), json.Value(true);
  json.EndObject();
  EXPECT_EQ(out, "{\"a\":\"q\\\"\\\\\\n\\u0001\xc3\xa9\",\"b\":[1,0.1,null],\"c\":{},\"d\":true}");
}

TEST(JsonWriter, EscapesAtEveryPlaceOfAWord) {
  for (int byte = 0; byte < 256; ++byte) {
    for (size_t length = 1; length < 20; ++length) {
      for (size_t at = 0; at < length; ++at) {
        std::string text(length, 'x');
        text[at] = static_cast<char>(byte);
        std::string alone, whole;
        JsonWriter::AppendJsonString(alone, text.substr(at, 1));
        JsonWriter::AppendJsonString(whole, text);
        const std::string inside = alone.substr(1, alone.size() - 2);
        ASSERT_EQ(whole, "\"" + std::string(at, 'x') + inside + std::string(length - at - 1, 'x') + "\"") << byte;
      }
    }
  }
}

TEST(Mailbox, TellsTheSenderWhenFullOrClosed) {
  Mailbox<int> box(2);
  using Sent = Mailbox<int>::Sent;
  EXPECT_EQ(box.Send(1), Sent::kFirst);
  EXPECT_EQ(box.Send(2), Sent::kQueued);
  EXPECT_EQ(box.Send(3), Sent::kFull);
  EXPECT_EQ(box.TakeAll(), (std::deque<int>{1, 2}));
  box.Close();
  EXPECT_EQ(box.Send(4), Sent::kClosed);
  EXPECT_TRUE(box.WaitAll(std::chrono::hours(1)).empty());
}

TEST(Snapshot, ReadersSeeWholeValues) {
  Snapshot<std::pair<int, int>> snapshot(std::make_shared<std::pair<int, int>>(0, 0));
  std::jthread writer([&] {
    for (int i = 1; i <= 10'000; ++i) snapshot.Set(std::make_shared<std::pair<int, int>>(i, i));
  });
  while (snapshot.Get()->first < 10'000) {
    const auto value = snapshot.Get();
    ASSERT_EQ(value->first, value->second);
  }
  writer.join();
  EXPECT_EQ(snapshot.version(), 10'000u);
}

TEST(RunGroup, FirstErrorStopsAllAndIsNamed) {
  RunGroup group;
  bool other_stopped = false;
  group.Add("waiter", [&](std::stop_token stop) -> Result<void> {
    while (!stop.stop_requested()) std::this_thread::yield();
    other_stopped = true;
    return {};
  });
  group.Add("failer", [](std::stop_token) -> Result<void> { return Fail(ErrorCode::kIo, "disk gone"); });
  const auto result = group.Run();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "failer: disk gone");
  EXPECT_TRUE(other_stopped);
}

TEST(RunGroup, SignalStops) {
  RunGroup group;
  group.Add("waiter", [&](std::stop_token stop) -> Result<void> {
    kill(getpid(), SIGTERM);
    while (!stop.stop_requested()) std::this_thread::yield();
    return {};
  });
  EXPECT_TRUE(group.Run());
}

TEST(Random, SameSeedSameNumbers) {
  Random a(7), b(7);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(a(), b());
  double sum = 0;
  for (int i = 0; i < 10'000; ++i) sum += a.Uniform();
  EXPECT_NEAR(sum / 10'000, 0.5, 0.02);
}

}  // namespace
}  // namespace flyball
