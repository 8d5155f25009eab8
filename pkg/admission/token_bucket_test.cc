#include "pkg/admission/token_bucket.h"

#include <gtest/gtest.h>

namespace flyball::admission {
namespace {

const SteadyTime kStart{std::chrono::hours(1)};

TEST(TokenBucket, GivesItsBurstThenItsRate) {
  TokenBucket bucket(10, 5, 5, kStart);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(bucket.Take(1, kStart));
  EXPECT_FALSE(bucket.Take(1, kStart));
  int taken = 0;
  for (int ms = 1; ms <= 2000; ++ms) taken += bucket.Take(1, kStart + milliseconds(ms));
  EXPECT_EQ(taken, 20);
}

TEST(TokenBucket, NeverHoldsMoreThanItsBurst) {
  TokenBucket bucket(10, 5, 50, kStart);
  EXPECT_EQ(bucket.Tokens(kStart), 5);
  EXPECT_EQ(bucket.Tokens(kStart + std::chrono::hours(1)), 5);
  bucket.Put(100, kStart + std::chrono::hours(1));
  EXPECT_EQ(bucket.Tokens(kStart + std::chrono::hours(1)), 5);
}

TEST(TokenBucket, LeavesTheReserve) {
  TokenBucket bucket(0, 10, 10, kStart);
  int taken = 0;
  while (bucket.Take(1, kStart, 3)) ++taken;
  EXPECT_EQ(taken, 7);
  EXPECT_TRUE(bucket.Take(3, kStart));
}

TEST(TokenBucket, TimeThatGoesBackRefillsNothing) {
  TokenBucket bucket(10, 10, 0, kStart);
  EXPECT_EQ(bucket.Tokens(kStart - seconds(5)), 0);
  EXPECT_EQ(bucket.Tokens(kStart + milliseconds(100)), 1);
}

TEST(TokenBucket, SaysHowLongUntil) {
  TokenBucket bucket(10, 10, 1, kStart);
  EXPECT_EQ(bucket.Until(1, kStart), nanoseconds(0));
  EXPECT_EQ(bucket.Until(3, kStart), milliseconds(200));
  EXPECT_EQ(TokenBucket(0, 10, 0, kStart).Until(1, kStart), kLongestWait);
  EXPECT_EQ(WaitFor(1, 1e-300), kLongestWait);
}

TEST(TokenBucket, ALowerBurstDropsWhatIsAbove) {
  TokenBucket bucket(10, 100, 100, kStart);
  bucket.SetRate(1, 4, kStart);
  EXPECT_EQ(bucket.Tokens(kStart), 4);
  bucket.SetRate(1, 100, kStart);
  EXPECT_EQ(bucket.Tokens(kStart), 4);
}

}  // namespace
}  // namespace flyball::admission
