// Whatever happens between the server and the watcher, in the end the watcher knows what the server has.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>

#include "pkg/base/ids.h"
#include "pkg/base/random.h"
#include "pkg/kube/testing/eventually.h"
#include "pkg/kube/testing/fake_api_server.h"
#include "pkg/kube/watcher.h"

namespace flyball::kube {
namespace {

using testing::Eventually;
using testing::FakeAnswer;
using testing::FakeApiServer;
using testing::FakeRequest;
using testing::StatusObject;
using testing::WatchFault;
using namespace std::chrono_literals;

const ResourcePath kThings{.group = "flyball.io", .version = "v1alpha1", .plural = "apps"};
constexpr int kHistories = 200;
constexpr int kSteps = 60;

// What a follower of the events believes, and whether each event made sense to it.
class Mirror {
 public:
  void Take(const WatchEvent& event) {
    std::lock_guard lock(mutex_);
    const std::string key = event.object->Key();
    const bool known = state_.contains(key);
    if (known != (event.change != Change::kAdded)) wrong_ += " " + key;
    if (event.change == Change::kDeleted) {
      state_.erase(key);
    } else {
      state_[key] = event.object->uid + "@" + event.object->resource_version;
    }
  }
  std::map<std::string, std::string> state() const {
    std::lock_guard lock(mutex_);
    return state_;
  }
  std::string wrong() const {
    std::lock_guard lock(mutex_);
    return wrong_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::string> state_;
  std::string wrong_;
};

class History {
 public:
  explicit History(uint64_t seed) : seed_(seed), random_(seed), faults_(seed ^ 0xfa017) {}

  // Empty: it converged.
  std::string Run(WatcherCounts& sum) {
    auto client = *Client::Open(server_.ClientConfig());
    BreakThings();
    for (int i = 0; i < 10; ++i) Step();
    Mirror mirror;
    Watcher watcher(*client,
                    {.collection = kThings, .page_size = 4, .idle = 40ms, .first_backoff = 1ms, .longest_backoff = 8ms},
                    [&](const WatchEvent& event) { mirror.Take(event); });
    for (int i = 0; i < kSteps; ++i) {
      Step();
      if (random_.Below(4) == 0) std::this_thread::sleep_for(std::chrono::microseconds(random_.Below(3000)));
    }
    server_.OnWatchEvent(nullptr);
    server_.OnRequest(nullptr);
    const auto expected = server_.State(kThings);
    const bool converged = Eventually([&] { return mirror.state() == expected; });
    const WatcherCounts counts = watcher.counts();
    sum.lists += counts.lists, sum.failures += counts.failures, sum.gone += counts.gone, sum.silent += counts.silent;
    sum.stale += counts.stale, sum.events += counts.events;
    if (!converged) return Say("the events do not lead to what the server has; trouble: " + watcher.trouble());
    std::map<std::string, std::string> cached;
    for (const ObjectPtr& object : watcher.All()) cached[object->Key()] = object->uid + "@" + object->resource_version;
    if (cached != expected) return Say("the cache is not what the server has");
    if (!mirror.wrong().empty()) return Say("added twice, or changed without being there:" + mirror.wrong());
    return "";
  }

 private:
  std::string Say(const std::string& what) const { return "seed " + std::to_string(seed_) + ": " + what; }

  void Step() {
    const ResourcePath path =
        kThings.In(random_.Below(2) == 0 ? "red" : "blue").Named("n" + std::to_string(random_.Below(8)));
    if (random_.Below(3) == 0) {
      server_.Remove(path);
    } else {
      server_.Put(path, {{"spec", {{"turn", ++turn_}}}});
    }
    const uint64_t die = random_.Below(60);
    if (die == 0) server_.Compact();
    if (die == 1) server_.EndWatches();
    if (die == 2) server_.SendBookmarks();
  }

  // One event in three goes wrong, one request in ten.
  void BreakThings() {
    server_.OnWatchEvent([this] {
      if (faults_.Below(3) != 0) return WatchFault::kNone;
      return static_cast<WatchFault>(1 + faults_.Below(12));
    });
    server_.OnRequest([this](const FakeRequest& request) -> std::optional<FakeAnswer> {
      if (faults_.Below(10) != 0) return std::nullopt;
      switch (faults_.Below(5)) {
        case 0:
          return FakeAnswer{.status = 500, .body = StatusObject(500, "InternalError", "no").dump()};
        case 1:
          return FakeAnswer{.status = 410, .body = StatusObject(410, "Expired", "too old").dump()};
        case 2:
          return FakeAnswer{.body = "{\"kind\":\"ThingList\",\"items\":[", .cut = true};
        case 3:
          return FakeAnswer{.status = 503, .body = "no healthy upstream"};
        default:
          // A list has a minute, so only watches are left without an answer.
          return request.Query("watch").empty() ? std::nullopt : std::optional(FakeAnswer{.never = true});
      }
    });
  }

  const uint64_t seed_;
  Random random_;
  Random faults_;  // the server's threads', under its lock
  int turn_ = 0;
  FakeApiServer server_;
};

TEST(Convergence, OfTwoHundredRandomHistories) {
  const char* given = std::getenv("FLYBALL_SEED");
  const uint64_t seed = given != nullptr ? std::stoull(given) : RandomUint64() >> 16;
  std::cout << "seed " << seed << " (FLYBALL_SEED repeats it)\n";
  std::atomic<int> next{0}, converged{0};
  std::mutex mutex;
  WatcherCounts sum;
  // They mostly wait, so some at a time.
  std::vector<std::jthread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i; (i = next++) < kHistories;) {
        WatcherCounts counts;
        const std::string wrong = History(seed + static_cast<uint64_t>(i)).Run(counts);
        std::lock_guard lock(mutex);
        EXPECT_EQ(wrong, "");
        converged += wrong.empty() ? 1 : 0;
        sum.lists += counts.lists, sum.failures += counts.failures, sum.gone += counts.gone;
        sum.silent += counts.silent, sum.stale += counts.stale, sum.events += counts.events;
      }
    });
  }
  threads.clear();
  std::cout << converged << " of " << kHistories << " converged; " << sum.events << " events, " << sum.lists
            << " lists, " << sum.failures << " failures, " << sum.gone << " gone, " << sum.silent << " silent, "
            << sum.stale << " stale\n";
  EXPECT_EQ(converged, kHistories);
  // The faults did happen.
  EXPECT_GT(sum.lists, kHistories + 20u);
  EXPECT_GT(sum.gone, 20u);
  EXPECT_GT(sum.silent, 10u);
  EXPECT_GT(sum.stale, 20u);
}

}  // namespace
}  // namespace flyball::kube
