// A request on its way from the reactor to the executor, and the answers it gets when it may not pass.
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>
#include <utility>

#include "pkg/base/clock.h"
#include "pkg/http/server.h"
#include "pkg/service/api/endpoints.h"
#include "pkg/service/api/executor.h"
#include "pkg/service/api/limit_headers.h"
#include "pkg/service/api/operations.h"
#include "pkg/telemetry/pod_metrics.h"

namespace flyball::service::api {

inline constexpr int kAnonymous = 0;  // role id

// What Response::tag carries through the server: how to count the answer, and the request's hash when it is known, so
// that it is made once.
class AnswerTag {
 public:
  enum class Kind { kOther, kCompleted, kShed };

  static AnswerTag Completed(uint64_t hash) { return AnswerTag((hash & kHashBits) | 1); }
  static AnswerTag Shed(telemetry::Shed why, uint64_t hash);
  explicit AnswerTag(uint64_t bits) : bits_(bits) {}

  Kind kind() const;
  telemetry::Shed shed() const;                        // of kShed
  uint64_t hash() const { return bits_ & kHashBits; }  // 0 = not made
  uint64_t bits() const { return bits_; }

  static constexpr uint64_t kHashBits = ~uint64_t{0xff};

 private:
  uint64_t bits_;
};

// What the same client would repeat: the credentials (or address), the route, and the whole target. Within kHashBits.
uint64_t HashOf(const http::Request& request);

// One in-flight request of the pod, given back when it goes.
class Permit {
 public:
  // Borrows a count that was raised for it.
  explicit Permit(std::atomic<int>& in_flight) : in_flight_(&in_flight) {}
  Permit(Permit&& other) noexcept : in_flight_(std::exchange(other.in_flight_, nullptr)) {}
  Permit& operator=(Permit&&) = delete;
  ~Permit() {
    if (in_flight_ != nullptr) in_flight_->fetch_sub(1, std::memory_order_relaxed);
  }

 private:
  std::atomic<int>* in_flight_;
};

struct Passage {
  http::Responder responder;
  const Endpoint* endpoint;
  Caller caller;
  int role = kAnonymous;
  size_t next_limit = 0;  // of endpoint->limits
  QuotaState quota{};     // the nearest to its end so far
  uint64_t hash = 0;      // 0 = not made yet

  const http::Request& request() const { return responder.request(); }
  uint64_t Hash() {
    if (hash == 0) hash = HashOf(request());
    return hash;
  }
};

// What the client is told of a refusal.
std::string_view Detail(telemetry::Shed shed);

// `status` with Retry-After: `wait`, spread by `random`.
http::Response RefusalOf(Passage& passage, int status, telemetry::Shed shed, nanoseconds wait, uint64_t random,
                         std::string_view detail);

// A refusal for lack of capacity: its connection moves on when pods with fewer have joined.
http::Response CapacityRefusal(Passage& passage, telemetry::Shed shed, nanoseconds wait, uint64_t random,
                               http::Server& server);

// The work of one admitted request. Borrows operations and server.
std::unique_ptr<Job> MakeRequestJob(Operations& operations, http::Server& server, Passage passage, Permit permit);

}  // namespace flyball::service::api
