#include "pkg/kube/work_queue.h"

#include <gtest/gtest.h>

#include <map>
#include <thread>
#include <vector>

namespace flyball::kube {
namespace {

const SteadyTime kStart{seconds(1000)};

TEST(WorkQueue, AKeyIsInItOnce) {
  WorkQueue queue;
  queue.Add("a");
  queue.Add("b");
  queue.Add("a");
  EXPECT_EQ(queue.Take(kStart), "a");
  EXPECT_EQ(queue.Take(kStart), "b");
  EXPECT_EQ(queue.Take(kStart), std::nullopt);
}

TEST(WorkQueue, AKeyAddedWhileProcessedComesAgainAfterwards) {
  WorkQueue queue;
  queue.Add("a");
  ASSERT_EQ(queue.Take(kStart), "a");
  queue.Add("a");
  queue.Add("a");
  EXPECT_EQ(queue.Take(kStart), std::nullopt) << "it is being processed";
  queue.Done("a");
  EXPECT_EQ(queue.Take(kStart), "a");
  queue.Done("a");
  EXPECT_EQ(queue.Take(kStart), std::nullopt);
}

TEST(WorkQueue, ADelayedKeyWaitsForTheEarlierOfItsTimes) {
  WorkQueue queue;
  queue.AddAfter("a", seconds(5), kStart);
  queue.AddAfter("a", seconds(2), kStart);
  queue.AddAfter("a", seconds(9), kStart);
  EXPECT_EQ(queue.NextDue(), kStart + seconds(2));
  EXPECT_EQ(queue.Take(kStart + seconds(1)), std::nullopt);
  EXPECT_EQ(queue.Take(kStart + seconds(2)), "a");
  queue.Done("a");
  EXPECT_EQ(queue.Take(kStart + seconds(100)), std::nullopt) << "the later times were for the same";
}

TEST(WorkQueue, ATimeWithoutDelayIsNow) {
  WorkQueue queue;
  queue.AddAfter("a", nanoseconds(0), kStart);
  EXPECT_EQ(queue.Take(kStart), "a");
}

TEST(WorkQueue, FailuresDoubleTheWaitUpToTheLongest) {
  WorkQueue queue;
  nanoseconds expected = milliseconds(5);
  for (int i = 0; i < 18; ++i, expected *= 2) EXPECT_EQ(queue.AddRateLimited("a", kStart), expected) << i;
  for (int i = 0; i < 60; ++i) EXPECT_EQ(queue.AddRateLimited("a", kStart), seconds(1000)) << i;
  EXPECT_EQ(queue.Failures("a"), 78);
  queue.Forget("a");
  EXPECT_EQ(queue.AddRateLimited("a", kStart), milliseconds(5));
}

TEST(WorkQueue, RetriesOfAllKeysShareTheBucket) {
  WorkQueue queue;
  for (int i = 0; i < 100; ++i) EXPECT_EQ(queue.AddRateLimited(std::to_string(i), kStart), milliseconds(5)) << i;
  EXPECT_EQ(queue.AddRateLimited("x", kStart), milliseconds(100));
  EXPECT_EQ(queue.AddRateLimited("y", kStart), milliseconds(200));
  EXPECT_EQ(queue.AddRateLimited("z", kStart + seconds(1)), milliseconds(5)) << "ten came in, two were owed";
}

TEST(WorkQueue, OfAThousandFailingKeysTenASecondAreHandedOut) {
  WorkQueue queue;
  for (int i = 0; i < 1000; ++i) queue.AddRateLimited(std::to_string(i), kStart);
  int taken = 0;
  while (queue.Take(kStart + seconds(10))) ++taken;
  EXPECT_EQ(taken, 200) << "the burst, and ten seconds of ten";
}

TEST(SharedWorkQueue, WorkersNeverHaveTheSameKeyAtOnce) {
  SharedWorkQueue queue;
  std::mutex mutex;
  std::map<std::string, int> busy, done;
  bool twice = false;
  std::stop_source stop;
  {
    std::vector<std::jthread> workers;
    for (int w = 0; w < 4; ++w) {
      workers.emplace_back([&] {
        while (const auto key = queue.Take(stop.get_token())) {
          {
            std::lock_guard lock(mutex);
            twice = twice || ++busy[*key] > 1;
          }
          std::this_thread::yield();
          bool last = false;
          {
            std::lock_guard lock(mutex);
            --busy[*key];
            last = ++done[*key] >= 100 && done.size() == 5;
            for (const auto& [name, times] : done) last = last && times >= 100;
          }
          queue.AddAfter(*key, *key == "a" ? microseconds(100) : nanoseconds(0));
          queue.Done(*key);
          if (last) stop.request_stop();
        }
      });
    }
    for (const char* key : {"a", "b", "c", "d", "e"}) queue.Add(key);
  }
  EXPECT_FALSE(twice);
}

TEST(SharedWorkQueue, AWaitEndsWhenAskedToStop) {
  SharedWorkQueue queue;
  queue.AddAfter("a", std::chrono::hours(1));
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  EXPECT_EQ(queue.Take(stop.get_token()), std::nullopt);
}

TEST(SharedWorkQueue, ADelayedKeyIsHandedOutInTime) {
  SharedWorkQueue queue;
  queue.AddAfter("later", milliseconds(30));
  queue.AddRateLimited("soon");
  EXPECT_EQ(queue.Take({}), "soon");
  EXPECT_EQ(queue.Take({}), "later");
}

}  // namespace
}  // namespace flyball::kube
