#include "pkg/kube/event_recorder.h"

#include <atomic>
#include <future>
#include <stop_token>
#include <thread>

#include "pkg/base/mailbox.h"
#include "pkg/base/time_format.h"
#include "pkg/kube/detail/json.h"

namespace flyball::kube {
namespace {

using detail::Json;

Json ToJson(const ObjectReference& about) {
  return {{"apiVersion", about.api_version},
          {"kind", about.kind},
          {"namespace", about.name_space},
          {"name", about.name},
          {"uid", about.uid},
          {"resourceVersion", about.resource_version}};
}

}  // namespace

struct EventRecorder::Impl {
  Impl(Client& c, EventRecorderOptions o)
      : client(c), options(std::move(o)), notes(options.queue), correlator(options.limits) {}

  Client& client;
  const EventRecorderOptions options;
  Mailbox<EventNote> notes;
  EventCorrelator correlator;  // the thread's
  std::atomic<uint64_t> written{0}, dropped{0}, failed{0};
  std::stop_source hurry;
  std::promise<void> ended;
  std::thread thread;

  void Run();
  void Write(const EventNote& note);
  Answer<std::string> Create(const ResourcePath& path, const EventNote& note, const CorrelatedEvent& event,
                             const CallOptions& call);
  Answer<std::string> Count(const ResourcePath& path, const CorrelatedEvent& event, const CallOptions& call);
};

Answer<std::string> EventRecorder::Impl::Create(const ResourcePath& path, const EventNote& note,
                                                const CorrelatedEvent& event, const CallOptions& call) {
  const Json object = {{"apiVersion", "v1"},
                       {"kind", "Event"},
                       {"metadata", {{"name", event.name}, {"namespace", path.name_space}}},
                       {"involvedObject", ToJson(note.about)},
                       {"type", note.type == EventType::kNormal ? "Normal" : "Warning"},
                       {"reason", note.reason},
                       {"message", event.message},
                       {"count", event.count},
                       {"firstTimestamp", FormatRfc3339(event.first)},
                       {"lastTimestamp", FormatRfc3339(event.last)},
                       {"source", {{"component", options.component}}},
                       {"reportingComponent", options.component},
                       {"reportingInstance", options.instance}};
  return client.Create(path.Collection(), detail::Dump(object), call);
}

Answer<std::string> EventRecorder::Impl::Count(const ResourcePath& path, const CorrelatedEvent& event,
                                               const CallOptions& call) {
  const Json patch = {{"count", event.count}, {"message", event.message}, {"lastTimestamp", FormatRfc3339(event.last)}};
  return client.Patch(path, detail::Dump(patch), {.type = PatchType::kMerge, .field_manager = options.component}, call);
}

void EventRecorder::Impl::Write(const EventNote& note) {
  if (hurry.stop_requested()) {
    dropped += 1;
    return;
  }
  const CorrelatedEvent event = correlator.Take(note, RealClock().Now(), RealClock().WallNow());
  if (event.dropped) {
    dropped += 1;
    return;
  }
  const ResourcePath path{.version = "v1",
                          .plural = "events",
                          .name_space = note.about.name_space.empty() ? "default" : note.about.name_space,
                          .name = event.name};
  const CallOptions call{.timeout = milliseconds(10'000), .stop = hurry.get_token()};
  auto answer = event.count == 1 ? Create(path, note, event, call) : Count(path, event, call);
  // Events live for an hour; one that is counted up may be gone.
  if (!answer && answer.error().failure == Failure::kNotFound && event.count > 1)
    answer = Create(path, note, event, call);
  if (answer) {
    written += 1;
  } else {
    failed += 1;
    correlator.Forget(event);
  }
}

void EventRecorder::Impl::Run() {
  while (true) {
    const bool closed = notes.closed();
    auto taken = notes.WaitAll(std::chrono::hours(1));
    for (const EventNote& note : taken) Write(note);
    if (closed && taken.empty()) return ended.set_value();
  }
}

EventRecorder::EventRecorder(Client& client, EventRecorderOptions options)
    : impl_(std::make_unique<Impl>(client, std::move(options))) {
  impl_->thread = std::thread([impl = impl_.get()] { impl->Run(); });
}

EventRecorder::~EventRecorder() {
  impl_->notes.Close();
  if (impl_->ended.get_future().wait_for(seconds(1)) != std::future_status::ready) impl_->hurry.request_stop();
  impl_->thread.join();
}

void EventRecorder::Record(EventNote note) {
  const auto sent = impl_->notes.Send(std::move(note));
  if (sent == Mailbox<EventNote>::Sent::kFull || sent == Mailbox<EventNote>::Sent::kClosed) impl_->dropped += 1;
}

EventRecorder::Counts EventRecorder::counts() const {
  return {.written = impl_->written, .dropped = impl_->dropped, .failed = impl_->failed};
}

}  // namespace flyball::kube
