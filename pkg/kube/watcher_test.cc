// List + watch against the fake server, one fault a test.
#include "pkg/kube/watcher.h"

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <set>

#include "pkg/base/clock.h"
#include "pkg/kube/testing/eventually.h"
#include "pkg/kube/testing/fake_api_server.h"

namespace flyball::kube {
namespace {

using testing::Eventually;
using testing::FakeAnswer;
using testing::FakeApiServer;
using testing::FakeRequest;
using testing::StatusObject;
using testing::WatchFault;
using namespace std::chrono_literals;

const ResourcePath kApps{.group = "flyball.io", .version = "v1alpha1", .plural = "apps"};

ResourcePath App(const std::string& name) { return kApps.In("shop").Named(name); }

// A server, a client and a watcher that tries again at once.
class Watched {
 public:
  explicit Watched(milliseconds idle = 60s) : idle_(idle) { client_ = *Client::Open(server.ClientConfig()); }
  ~Watched() { watcher_.reset(); }

  void Start() {
    const WatcherOptions options{
        .collection = kApps, .page_size = 3, .idle = idle_, .first_backoff = 1ms, .longest_backoff = 20ms};
    watcher_ = std::make_unique<Watcher>(*client_, options, [this](const WatchEvent& event) { Note(event); });
    ASSERT_TRUE(watcher_->WaitSynced(60s)) << watcher_->trouble();
  }

  bool Converges() {
    return Eventually([&] { return Cached() == server.State(kApps); });
  }
  std::map<std::string, std::string> Cached() const {
    std::map<std::string, std::string> state;
    for (const ObjectPtr& object : watcher_->All()) state[object->Key()] = object->uid + "@" + object->resource_version;
    return state;
  }
  std::string Told() {
    std::lock_guard lock(mutex_);
    std::string told;
    for (const std::string& one : told_) told += (told.empty() ? "" : " ") + one;
    return told;
  }
  bool HearsOf(const std::string& what) {
    return Eventually([&] { return Told().find(what) != std::string::npos; });
  }
  // The faults of the next events, in order; then none.
  void Script(std::deque<WatchFault> faults) {
    server.OnWatchEvent([faults]() mutable {
      if (faults.empty()) return WatchFault::kNone;
      const WatchFault fault = faults.front();
      faults.pop_front();
      return fault;
    });
  }
  bool Watching() {
    return Eventually([&] { return server.watches() > 0; });
  }
  WatcherCounts counts() const { return watcher_->counts(); }
  Watcher& watcher() { return *watcher_; }

  FakeApiServer server;

 private:
  void Note(const WatchEvent& event) {
    constexpr const char* kSigns[] = {"+", "~", "-"};
    std::lock_guard lock(mutex_);
    told_.push_back(kSigns[static_cast<int>(event.change)] + event.object->name);
  }

  const milliseconds idle_;
  std::unique_ptr<Client> client_;
  std::mutex mutex_;
  std::deque<std::string> told_;
  std::unique_ptr<Watcher> watcher_;
};

TEST(Watcher, ListsAllPagesThenFollows) {
  Watched w;
  for (const char* name : {"a", "b", "c", "d", "e", "f", "g"}) w.server.Put(App(name), {});
  w.Start();
  EXPECT_EQ(w.watcher().All().size(), 7u);
  EXPECT_TRUE(w.HearsOf("+a +b +c +d +e +f +g"));
  w.server.Put(App("a"), {{"spec", 1}});
  w.server.Remove(App("b"));
  w.server.Put(App("h"), {});
  EXPECT_TRUE(w.Converges());
  EXPECT_TRUE(w.HearsOf("~a -b +h"));
  EXPECT_EQ(w.counts().lists, 1u);
  EXPECT_NE(w.watcher().Get("shop", "a")->json.find("\"spec\":1"), std::string::npos);
  EXPECT_EQ(w.watcher().Get("shop", "b"), nullptr);
}

TEST(Watcher, ListedObjectsSayWhatTheyAre) {
  Watched w;
  w.server.Put(App("a"), {});
  w.Start();
  EXPECT_NE(w.watcher().Get("shop/a")->json.find("\"kind\":\"Thing\""), std::string::npos);
}

TEST(Watcher, AfterAnOrderlyEndGoesOnWhereItStood) {
  Watched w;
  w.Start();
  w.server.Put(App("a"), {});
  ASSERT_TRUE(w.Converges());
  w.server.EndWatches();
  w.server.Put(App("b"), {});
  EXPECT_TRUE(w.Converges());
  EXPECT_EQ(w.counts().lists, 1u);
  EXPECT_TRUE(w.HearsOf("+a +b"));
}

TEST(Watcher, ABookmarkMovesWhereTheNextWatchBegins) {
  Watched w;
  w.Start();
  ASSERT_TRUE(w.Watching());
  const uint64_t begin = w.server.version();
  w.server.Put({.version = "v1", .plural = "pods", .name_space = "shop", .name = "other"}, {});
  w.server.SendBookmarks();
  ASSERT_TRUE(Eventually([&] {
    w.server.EndWatches();  // until one ends after the bookmark
    return w.counts().watches > 3;
  }));
  ASSERT_TRUE(
      Eventually([&] { return w.server.requests().back().Query("resourceVersion") == std::to_string(begin + 1); }));
  EXPECT_EQ(w.counts().lists, 1u);
}

TEST(Watcher, GoneInTheStreamMeansListAgain) {
  Watched w;
  for (const char* name : {"a", "b"}) w.server.Put(App(name), {});
  w.Start();
  w.Script({WatchFault::kGone});
  w.server.Remove(App("a"));
  w.server.Put(App("c"), {});
  EXPECT_TRUE(w.Converges());
  EXPECT_EQ(w.counts().gone, 1u);
  EXPECT_GE(w.counts().lists, 2u);
  EXPECT_TRUE(w.HearsOf("-a +c")) << "the delete that no event told: " << w.Told();
}

TEST(Watcher, GoneAsAnAnswerMeansListAgain) {
  bool once = true;
  Watched w;
  w.server.Put(App("a"), {});
  w.server.OnRequest([&](const FakeRequest& request) -> std::optional<FakeAnswer> {
    if (request.Query("watch").empty() || !std::exchange(once, false)) return std::nullopt;
    return FakeAnswer{.status = 410, .body = StatusObject(410, "Gone", "too old").dump()};
  });
  w.Start();
  w.server.Put(App("b"), {});
  EXPECT_TRUE(w.Converges());
  EXPECT_EQ(w.counts().gone, 1u);
}

TEST(Watcher, ALineCutShortIsReadAgainWhole) {
  for (const WatchFault fault : {WatchFault::kCutLine, WatchFault::kCutEnd}) {
    Watched w;
    w.Start();
    w.Script({WatchFault::kNone, fault});
    w.server.Put(App("a"), {});
    w.server.Put(App("b"), {});
    EXPECT_TRUE(w.Converges());
    EXPECT_TRUE(w.HearsOf("+a +b"));
    EXPECT_EQ(w.counts().lists, 1u);
  }
}

TEST(Watcher, ALineThatIsNoEventMeansListAgain) {
  Watched w;
  w.Start();
  w.Script({WatchFault::kGarbage});
  w.server.Put(App("a"), {});
  EXPECT_TRUE(w.Converges());
  EXPECT_EQ(w.counts().lists, 2u);
}

TEST(Watcher, ADroppedConnectionAndAServerErrorAreTriedAgain) {
  Watched w;
  w.Start();
  w.Script({WatchFault::kDrop, WatchFault::kError, WatchFault::kDrop});
  w.server.Put(App("a"), {});
  EXPECT_TRUE(w.Converges());
  EXPECT_EQ(w.counts().lists, 1u);
  EXPECT_EQ(w.counts().failures, 3u);
  EXPECT_TRUE(Eventually([&] { return w.watcher().trouble().empty(); })) << w.watcher().trouble();
}

TEST(Watcher, ASilentServerIsGivenUpAndAskedAnew) {
  Watched w(100ms);
  w.Start();
  w.Script({WatchFault::kSilent});
  w.server.Put(App("a"), {});
  EXPECT_TRUE(w.Converges());
  EXPECT_GE(w.counts().silent, 1u);
}

TEST(Watcher, ACollectionInWhichNothingHappensIsNoFailure) {
  Watched w(50ms);
  w.server.Put(App("a"), {});
  w.Start();
  EXPECT_TRUE(Eventually([&] { return w.counts().silent >= 9; }));
  EXPECT_TRUE(Eventually([&] { return w.counts().lists >= 3; })) << "every fourth silence is made sure of";
  EXPECT_LT(2 * w.counts().failures, w.counts().silent) << w.watcher().trouble();
  w.server.Put(App("b"), {});
  EXPECT_TRUE(w.Converges());
}

TEST(Watcher, AWatchThatIsNeverAnsweredIsGivenUp) {
  bool once = true;
  Watched w(100ms);
  w.server.OnRequest([&](const FakeRequest& request) -> std::optional<FakeAnswer> {
    if (request.Query("watch").empty() || !std::exchange(once, false)) return std::nullopt;
    return FakeAnswer{.never = true};
  });
  w.Start();
  w.server.Put(App("a"), {});
  EXPECT_TRUE(w.Converges());
  EXPECT_GE(w.counts().silent, 1u);
}

TEST(Watcher, DuplicatesAndOldEventsAreHarmless) {
  Watched w;
  w.Start();
  w.Script({WatchFault::kTwice, WatchFault::kOldAgain, WatchFault::kTwice, WatchFault::kOldAgain});
  w.server.Put(App("a"), {});
  w.server.Put(App("a"), {{"spec", 1}});
  w.server.Remove(App("a"));
  w.server.Put(App("b"), {});
  EXPECT_TRUE(w.HearsOf("+b"));
  EXPECT_TRUE(w.Converges());
  EXPECT_EQ(w.Told(), "+a ~a -a +b");
  EXPECT_GE(w.counts().stale, 4u);
}

TEST(Watcher, TooManyRequestsWaitsAsAsked) {
  bool once = true;
  SteadyTime refused{}, again{};
  Watched w;
  w.server.OnRequest([&](const FakeRequest& request) -> std::optional<FakeAnswer> {
    if (request.Query("watch").empty()) return std::nullopt;
    if (std::exchange(once, false)) {
      refused = RealClock().Now();
      return FakeAnswer{.status = 429,
                        .body = StatusObject(429, "TooManyRequests", "slow down").dump(),
                        .headers = "Retry-After: 1\r\n"};
    }
    if (again == SteadyTime{}) again = RealClock().Now();
    return std::nullopt;
  });
  w.Start();
  w.server.Put(App("a"), {});
  EXPECT_TRUE(w.Converges());
  w.server.OnRequest(nullptr);
  EXPECT_GE(again - refused, 1s) << "its own backoff would have been a millisecond";
}

TEST(Watcher, AServerThatEndsEachWatchAtOnceIsNotAskedInACircle) {
  Watched w;
  w.server.OnRequest([&](const FakeRequest& request) -> std::optional<FakeAnswer> {
    if (request.Query("watch").empty()) return std::nullopt;
    return FakeAnswer{};
  });
  w.Start();
  EXPECT_TRUE(Eventually([&] { return w.counts().failures >= 3; }));
}

TEST(Watcher, AListThatIsRefusedIsTriedUntilItWorks) {
  int left = 3;
  Watched w;
  w.server.Put(App("a"), {});
  w.server.OnRequest([&](const FakeRequest&) -> std::optional<FakeAnswer> {
    if (left-- <= 0) return std::nullopt;
    return FakeAnswer{.status = 503, .body = "apiserver is starting"};
  });
  w.Start();
  EXPECT_EQ(w.watcher().All().size(), 1u);
  EXPECT_EQ(w.counts().failures, 3u);
}

TEST(Watcher, StopsAtOnceInTheMiddleOfASilentWatch) {
  Watched w(std::chrono::hours(10));
  w.Start();
  ASSERT_TRUE(w.Watching());
  // The destructor would wait ten hours.
}

TEST(Watcher, WatchesAskForAnEndBetweenFiveAndTenMinutesAndForBookmarks) {
  Watched w;
  w.Start();
  std::set<std::string> lengths;
  for (size_t i = 1; i <= 8; ++i) {
    ASSERT_TRUE(Eventually([&] { return w.server.watches() == 1 && w.counts().watches >= i; }));
    const FakeRequest request = w.server.requests().back();
    ASSERT_EQ(request.Query("allowWatchBookmarks"), "true");
    const int length = std::stoi(request.Query("timeoutSeconds"));
    EXPECT_GE(length, 300);
    EXPECT_LE(length, 600);
    lengths.insert(request.Query("timeoutSeconds"));
    w.server.Put(App("a"), {{"spec", i}});
    ASSERT_TRUE(w.Converges());
    w.server.EndWatches();
    ASSERT_TRUE(Eventually([&] { return w.counts().watches > i; }));
  }
  EXPECT_GT(lengths.size(), 1u) << "all clients would come back at the same moment";
}

}  // namespace
}  // namespace flyball::kube
