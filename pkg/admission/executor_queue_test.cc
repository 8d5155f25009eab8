#include "pkg/admission/executor_queue.h"

#include <gtest/gtest.h>

namespace flyball::admission {
namespace {

using enum spec::Criticality;
const SteadyTime kStart{std::chrono::hours(1)};
SteadyTime At(int ms) { return kStart + milliseconds(ms); }

struct Queue {
  explicit Queue(size_t capacity) : queue({.capacity = capacity, .max_wait = milliseconds(100)}) {}
  bool Push(uint64_t item, Criticality criticality, int ms) {
    const auto pushed = queue.Push(item, criticality, At(ms));
    if (pushed.evicted) evicted.push_back(*pushed.evicted);
    return pushed.accepted;
  }
  uint64_t Pop(int ms) { return queue.Pop(At(ms), expired).value_or(0); }

  ExecutorQueue queue;
  std::vector<uint64_t> evicted, expired;
};

using Items = std::vector<uint64_t>;

TEST(ExecutorQueue, IsFirstComeFirstServedWhileShort) {
  Queue q(8);
  for (uint64_t item : {1, 2, 3}) q.Push(item, kNormal, 0);
  EXPECT_EQ(q.Pop(1), 1u);
  EXPECT_EQ(q.Pop(1), 2u);
  EXPECT_EQ(q.Pop(1), 3u);
  EXPECT_EQ(q.Pop(1), 0u);
}

TEST(ExecutorQueue, ServesCriticalFirstAndSheddableLast) {
  Queue q(8);
  q.Push(1, kSheddable, 0);
  q.Push(2, kNormal, 0);
  q.Push(3, kCritical, 0);
  EXPECT_EQ(q.Pop(1), 3u);
  EXPECT_EQ(q.Pop(1), 2u);
  EXPECT_EQ(q.Pop(1), 1u);
}

TEST(ExecutorQueue, IsNewestFirstWhenMoreThanHalfFull) {
  Queue q(4);
  for (uint64_t item : {1, 2, 3}) q.Push(item, kNormal, static_cast<int>(item));
  EXPECT_EQ(q.Pop(5), 3u);
  EXPECT_EQ(q.Pop(5), 1u);
}

TEST(ExecutorQueue, IsNewestFirstWhenTheOldestIsHalfLost) {
  Queue q(8);
  q.Push(1, kNormal, 0);
  q.Push(2, kNormal, 45);
  EXPECT_EQ(q.Pop(50), 2u);
}

TEST(ExecutorQueue, TimeInWhichAWorkerWasIdleIsNoWait) {
  Queue q(8);
  q.Push(1, kNormal, 0);
  q.Push(2, kSheddable, 0);
  q.queue.CountFrom(At(150));
  EXPECT_EQ(q.Pop(249), 1u);
  EXPECT_EQ(q.Pop(250), 0u);
  EXPECT_EQ(q.expired, Items{2});
}

TEST(ExecutorQueue, ShedsWhoWaitedTooLong) {
  Queue q(8);
  q.Push(1, kNormal, 0);
  q.Push(2, kCritical, 0);
  q.Push(3, kNormal, 30);
  EXPECT_EQ(q.Pop(100), 3u);
  EXPECT_EQ(q.expired, (Items{2, 1}));
  EXPECT_EQ(q.queue.size(), 0u);
}

TEST(ExecutorQueue, ExpiresWhileAllWorkersAreBusy) {
  Queue q(8);
  q.Push(1, kNormal, 0);
  q.queue.Expire(At(99), q.expired);
  EXPECT_TRUE(q.expired.empty());
  q.queue.Expire(At(100), q.expired);
  EXPECT_EQ(q.expired, Items{1});
}

TEST(ExecutorQueue, AFullQueueDropsTheOldestOfTheLeastImportant) {
  Queue q(3);
  q.Push(1, kCritical, 0);
  q.Push(2, kSheddable, 0);
  q.Push(3, kSheddable, 1);
  EXPECT_TRUE(q.Push(4, kNormal, 2));
  EXPECT_TRUE(q.Push(5, kNormal, 2));
  EXPECT_EQ(q.evicted, (Items{2, 3}));
  EXPECT_TRUE(q.Push(6, kNormal, 2));
  EXPECT_EQ(q.evicted, (Items{2, 3, 4}));
  EXPECT_EQ(q.queue.size(), 3u);
}

TEST(ExecutorQueue, AFullQueueRefusesTheLessImportant) {
  Queue q(2);
  q.Push(1, kCritical, 0);
  q.Push(2, kNormal, 0);
  EXPECT_FALSE(q.Push(3, kSheddable, 1));
  EXPECT_TRUE(q.evicted.empty());
  EXPECT_TRUE(q.Push(4, kCritical, 1));
  EXPECT_FALSE(q.Push(5, kNormal, 1));
}

TEST(ExecutorQueue, RemovesWhoLeft) {
  Queue q(4);
  q.Push(1, kNormal, 0);
  q.Push(2, kNormal, 0);
  EXPECT_TRUE(q.queue.Remove(1));
  EXPECT_FALSE(q.queue.Remove(1));
  EXPECT_EQ(q.Pop(1), 2u);
}

}  // namespace
}  // namespace flyball::admission
