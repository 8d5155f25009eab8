#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "pkg/kube/client.h"
#include "pkg/kube/event_correlator.h"

namespace flyball::kube {

struct EventRecorderOptions {
  std::string component = "flyball";  // who says it
  std::string instance{};             // which pod of it
  EventLimits limits{};
  size_t queue = 1000;  // notes waiting for the API server; more are dropped
};

// Writes core/v1 Events on a thread of its own. Never waits for the API server; what cannot be written in a few tries
// is dropped, for events are a courtesy.
class EventRecorder {
 public:
  explicit EventRecorder(Client& client, EventRecorderOptions options = {});  // `client` must outlive this
  ~EventRecorder();  // writes what waits for up to a second, then joins
  EventRecorder(const EventRecorder&) = delete;
  EventRecorder& operator=(const EventRecorder&) = delete;

  // Any thread. The Event is in the namespace of its object, in "default" for kinds without one.
  void Record(EventNote note);

  struct Counts {
    uint64_t written = 0, dropped = 0, failed = 0;
  };
  Counts counts() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace flyball::kube
