#include "pkg/kube/watcher.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "pkg/base/clock.h"
#include "pkg/base/ids.h"
#include "pkg/base/random.h"
#include "pkg/kube/detail/watch_line.h"

namespace flyball::kube {

struct Watcher::Impl {
  Impl(Client& c, WatcherOptions o, std::function<void(const WatchEvent&)> e)
      : client(c), options(std::move(o)), on_event(std::move(e)), random(RandomUint64()) {}

  Client& client;
  const WatcherOptions options;
  const std::function<void(const WatchEvent&)> on_event;

  mutable std::mutex mutex;
  mutable std::condition_variable synced_waiting;
  ObjectCache cache;  // all to the next blank line: guarded by mutex
  bool synced = false;
  WatcherCounts counts;
  std::string trouble;

  // The thread's own.
  Random random;
  std::string version;  // where the next watch begins; empty: list first
  int failures = 0;     // in a row
  int silences = 0;     // watches in a row that began well and then said nothing
  milliseconds retry_after{0};
  std::jthread thread;

  void Run(std::stop_token stop);
  void List(const std::stop_token& stop);
  void Watch(const std::stop_token& stop);
  bool Take(std::string_view line, std::optional<ApiError>& wrong);
  void Apply(const detail::WatchLine& line);
  void Tell(const std::vector<WatchEvent>& events);
  void Fail(const ApiError& error);
  void Succeed();
  void GrowQuiet();
  void Pause(const std::stop_token& stop);
};

void Watcher::Impl::Tell(const std::vector<WatchEvent>& events) {
  for (const WatchEvent& event : events) {
    if (on_event) on_event(event);
  }
}

void Watcher::Impl::Fail(const ApiError& error) {
  ++failures;
  retry_after = error.retry_after;
  std::lock_guard lock(mutex);
  ++counts.failures;
  trouble = error.message;
}

void Watcher::Impl::Succeed() {
  failures = 0;
  std::lock_guard lock(mutex);
  trouble.clear();
}

void Watcher::Impl::List(const std::stop_token& stop) {
  auto list = client.List(options.collection,
                          {.label_selector = options.label_selector,
                           .field_selector = options.field_selector,
                           .page_size = options.page_size},
                          {.timeout = options.list_timeout, .stop = stop});
  if (!list) return stop.stop_requested() ? void() : Fail(list.error());
  if (list->resource_version.empty())
    return Fail(
        {.failure = Failure::kCorrupt, .message = "list " + options.collection.ForPeople() + ": no resourceVersion"});
  version = list->resource_version;
  std::vector<WatchEvent> events;
  {
    std::lock_guard lock(mutex);
    ++counts.lists;
    events = cache.Replace(std::move(*list));
    counts.events += events.size();
    synced = true;
    trouble.clear();
  }
  synced_waiting.notify_all();
  Tell(events);
}

void Watcher::Impl::Apply(const detail::WatchLine& line) {
  std::vector<WatchEvent> events;
  {
    std::lock_guard lock(mutex);
    events = line.kind == detail::LineKind::kPut ? cache.Put(line.object) : cache.Remove(line.object);
    counts.events += events.size();
    counts.stale = cache.stale();
  }
  Tell(events);
}

// False ends the watch: with `wrong` because of it.
bool Watcher::Impl::Take(std::string_view line, std::optional<ApiError>& wrong) {
  const Asked asked{.verb = "watch", .what = "watch " + options.collection.ForPeople()};
  const auto read = detail::ReadWatchLine(line, asked);
  if (!read) {
    wrong = ApiError{.failure = Failure::kCorrupt, .message = asked.what + ": a line is no watch event"};
    return false;
  }
  if (read->kind == detail::LineKind::kError) {
    wrong = read->error;
    return false;
  }
  if (read->kind != detail::LineKind::kBookmark) Apply(*read);
  // Never back: an old event that comes late must not make the next watch begin earlier.
  const auto known = VersionNumber(version), now = VersionNumber(read->resource_version);
  if (!known || !now || *now > *known) version = read->resource_version;
  silences = 0;
  if (failures > 0) Succeed();
  return true;
}

// A collection in which nothing happens looks like a server that says nothing (bookmarks only come once there was an
// event). It is no failure; but now and then a list makes sure.
void Watcher::Impl::GrowQuiet() {
  if (++silences >= 4) {
    silences = 0;
    version.clear();
  }
  Succeed();
}

void Watcher::Impl::Watch(const std::stop_token& stop) {
  const auto spread = std::max(options.longest_watch - options.shortest_watch, milliseconds(0));
  const auto length = options.shortest_watch + milliseconds(random.Below(static_cast<uint64_t>(spread.count()) + 1));
  const WatchQuery query{.label_selector = options.label_selector,
                         .field_selector = options.field_selector,
                         .resource_version = version,
                         .timeout = std::max(std::chrono::ceil<seconds>(length), seconds(1)),
                         .idle = options.idle};
  {
    std::lock_guard lock(mutex);
    ++counts.watches;
  }
  std::optional<ApiError> wrong;
  uint64_t lines = 0;
  const SteadyTime begun = RealClock().Now();
  auto ended = client.Watch(options.collection, query, stop, [&](std::string_view line) {
    ++lines;
    return Take(line, wrong);
  });
  if (stop.stop_requested()) return;
  if (!ended && !wrong) wrong = ended.error();
  if (!wrong) {
    // A server that ends each watch at once must not be asked in a circle.
    if (lines > 0 || RealClock().Now() - begun > seconds(1)) return Succeed();
    return Fail({.message = "watch " + options.collection.ForPeople() + ": ended at once, without an event"});
  }
  if (wrong->failure == Failure::kTimeout) {
    {
      std::lock_guard lock(mutex);
      ++counts.silent;
    }
    if (wrong->status == 200) return GrowQuiet();
  }
  if (wrong->failure == Failure::kGone) {
    version.clear();
    std::lock_guard lock(mutex);
    ++counts.gone;
  }
  // What a line that cannot be read would have said is unknown; the same for an error that stays.
  if (wrong->failure == Failure::kCorrupt || failures >= 5) version.clear();
  Fail(*wrong);
}

void Watcher::Impl::Pause(const std::stop_token& stop) {
  if (failures == 0) return;
  const double doubled =
      static_cast<double>(options.first_backoff.count()) * static_cast<double>(1u << std::min(failures - 1, 20));
  const double longest = std::min(doubled, static_cast<double>(options.longest_backoff.count()));
  const auto wait = milliseconds(static_cast<int64_t>(longest * (0.5 + 0.5 * random.Uniform())));
  std::mutex sleeping;
  std::condition_variable_any waiting;
  std::unique_lock lock(sleeping);
  waiting.wait_for(lock, stop, std::max(wait, std::exchange(retry_after, milliseconds(0))), [] { return false; });
}

void Watcher::Impl::Run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    if (version.empty()) {
      List(stop);
    } else {
      Watch(stop);
    }
    Pause(stop);
  }
}

Watcher::Watcher(Client& client, WatcherOptions options, std::function<void(const WatchEvent&)> on_event)
    : impl_(std::make_unique<Impl>(client, std::move(options), std::move(on_event))) {
  impl_->thread = std::jthread([impl = impl_.get()](std::stop_token stop) { impl->Run(stop); });
}

Watcher::~Watcher() {
  impl_->thread.request_stop();
  impl_->thread.join();
}

bool Watcher::synced() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->synced;
}

bool Watcher::WaitSynced(std::chrono::milliseconds limit) const {
  std::unique_lock lock(impl_->mutex);
  return impl_->synced_waiting.wait_for(lock, limit, [&] { return impl_->synced; });
}

ObjectPtr Watcher::Get(std::string_view name_space, std::string_view name) const {
  return Get(ObjectKey(name_space, name));
}

ObjectPtr Watcher::Get(std::string_view key) const {
  std::lock_guard lock(impl_->mutex);
  return impl_->cache.Get(key);
}

std::vector<ObjectPtr> Watcher::All() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->cache.All();
}

WatcherCounts Watcher::counts() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->counts;
}

std::string Watcher::trouble() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->trouble;
}

}  // namespace flyball::kube
