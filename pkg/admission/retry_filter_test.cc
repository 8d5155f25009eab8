#include "pkg/admission/retry_filter.h"

#include <gtest/gtest.h>

#include "pkg/base/random.h"

namespace flyball::admission {
namespace {

const SteadyTime kStart{std::chrono::hours(1)};

TEST(RequestHash, TellsPrincipalRouteAndQueryApart) {
  const uint64_t hash = RequestHash("ann", 3, "page=2");
  EXPECT_EQ(RequestHash("ann", 3, "page=2"), hash);
  EXPECT_NE(RequestHash("bob", 3, "page=2"), hash);
  EXPECT_NE(RequestHash("ann", 4, "page=2"), hash);
  EXPECT_NE(RequestHash("ann", 3, "page=3"), hash);
  EXPECT_NE(RequestHash("a", 3, "bc"), RequestHash("ab", 3, "c"));
}

TEST(RecentRequests, RemembersFromTenToTwentySeconds) {
  for (int offset_ms : {0, 1, 4000, 9999, 10'000, 15'000, 35'000}) {
    RecentRequests filter(kStart);
    const SteadyTime shed = kStart + milliseconds(offset_ms);
    filter.Insert(42, shed);
    EXPECT_TRUE(filter.Contains(42, shed)) << offset_ms;
    EXPECT_TRUE(filter.Contains(42, shed + milliseconds(9999))) << offset_ms;
    EXPECT_FALSE(filter.Contains(42, shed + seconds(20))) << offset_ms;
  }
}

TEST(RecentRequests, ForgetsAllAfterALongSilence) {
  RecentRequests filter(kStart);
  filter.Insert(42, kStart);
  EXPECT_FALSE(filter.Contains(42, kStart + std::chrono::hours(1)));
}

TEST(RecentRequests, TakesFewOthersForRetries) {
  const uint64_t seed = 7;
  SCOPED_TRACE(seed);
  Random random(seed);
  RecentRequests filter(kStart);
  for (int i = 0; i < 50'000; ++i) filter.Insert(random(), kStart);
  int wrong = 0;
  for (int i = 0; i < 100'000; ++i) wrong += filter.Contains(random(), kStart);
  EXPECT_LT(wrong, 300);
}

TEST(RetryFilter, WhoRepeatsAShedRequestIsRetrying) {
  RetryFilter filter(kStart);
  EXPECT_FALSE(filter.IsRetry(42, kStart));
  filter.OnShed(42, kStart);
  EXPECT_TRUE(filter.IsRetry(42, kStart + seconds(1)));
  filter.OnShed(42, kStart + seconds(1));
  EXPECT_TRUE(filter.IsRetry(42, kStart + seconds(2)));
  EXPECT_FALSE(filter.IsRetry(43, kStart + seconds(2)));
}

TEST(RetryFilter, WhoGoesOnAskingAfterAnAnswerIsDemand) {
  RetryFilter filter(kStart);
  filter.OnShed(42, kStart);
  EXPECT_TRUE(filter.IsRetry(42, kStart + seconds(1)));
  filter.OnServed(42, kStart + seconds(1));
  EXPECT_FALSE(filter.IsRetry(42, kStart + seconds(2)));
  filter.OnShed(42, kStart + seconds(2));
  EXPECT_FALSE(filter.IsRetry(42, kStart + seconds(3)));
}

// One client, one request, far above capacity: all of it is demand, whatever share is shed.
TEST(RetryFilter, AHotRequestUnderOverloadIsDemandFromItsSecondAnswerOn) {
  RetryFilter filter(kStart);
  int retries = 0;
  for (int i = 0; i < 2000; ++i) {
    const SteadyTime now = kStart + milliseconds(i);
    retries += filter.IsRetry(42, now);
    if (i % 5 == 0) {
      filter.OnServed(42, now);
    } else {
      filter.OnShed(42, now);
    }
  }
  EXPECT_LE(retries, 5);
}

}  // namespace
}  // namespace flyball::admission
