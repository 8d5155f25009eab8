// The HTTP side of the supervisor: what people, flyballctl and the autoscaler ask on --console-port.
//   GET  /                               a page with the status
//   GET  /api/status  /api/pods  /api/explain  /metrics
//   PUT  /api/scale                      {"replicas":N} -> {"desired":N}
//   PUT  /api/governors/{name}/status    the status of that governor
//   GET  /healthz  /readyz               open to everybody; all else needs the token and checks Host and Origin
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "pkg/base/result.h"
#include "pkg/base/snapshot.h"
#include "pkg/service/local/fleet_view.h"

namespace flyball::local {

// A wish to change the number of pods, on its way to the thread that owns them.
struct ScaleOrder {
  int replicas = 0;
  // To be called once, from any thread, with the desired number in force or why not (kInvalid: out of bounds,
  // kUnavailable: the fleet is stopping). Dropping it answers 500.
  std::function<void(const Result<int>&)> answer;
};

class Console {
 public:
  struct Options {
    std::string host = "127.0.0.1";  // as the person gave it
    uint16_t port = 8081;            // the real one; checked in Host
    std::string token;
  };

  // `listening`: a listening socket, taken over. `view` outlives the console and is never null once it runs. `order` is
  // called on the console's thread and returns false when it cannot be taken now.
  static Result<std::unique_ptr<Console>> Start(Options options, int listening, const Snapshot<FleetView>& view,
                                                std::function<bool(ScaleOrder)> order);
  virtual ~Console() = default;  // stops answering, joins its thread
};

}  // namespace flyball::local
