// One JSON line for a request and its answer, written off the reactors.
//
//   {"time":"2026-11-21T09:30:00.125Z","message":"access","pod":"pod-1","id":"9d31...","client":"203.0.113.7",
//    "method":"GET","path":"/api/v1/tasks","route":"tasks.list","status":200,"bytes":1834,"ms":1.207}
//
// "reason" says why the pod refused, "delivered":false that the client had gone. Never in a line: query strings, header
// values but the id, bodies.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "pkg/base/clock.h"
#include "pkg/base/result.h"
#include "pkg/http/server.h"

namespace flyball::service::api {

struct AccessLogOptions {
  enum class What { kNothing, kErrors, kSample, kAll } what = What::kSample;
  double sample = 0.01;  // of what is not chosen otherwise; > 0, at most 1
};

// "off", "errors", "sample=0.01", "all"; kInvalid says what it must be.
Result<AccessLogOptions> ParseAccessLog(std::string_view text);
std::string Format(const AccessLogOptions& options);

// Errors are answers 5xx, but not refusals for lack of capacity: of those there are as many as clients care to send, so
// they are sampled like all others (by 0.01 when only errors are asked for).
class AccessLog {
 public:
  static constexpr size_t kShardBytes = 256 * 1024;  // of lines that wait, a reactor; beyond it they are dropped

  // Starts the writing thread, unless nothing is asked for. `fd` is borrowed.
  AccessLog(const AccessLogOptions& options, std::string pod, int reactors, int fd, const Clock& clock);
  // Writes what waits, for a second at most when nobody reads `fd`.
  ~AccessLog();
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;

  // On the reactor of the request. Never waits. `route` and `reason` may be empty.
  void Record(const http::Answered& answered, std::string_view route, std::string_view reason);

  // Any thread.
  uint64_t written() const { return written_.load(std::memory_order_relaxed); }
  uint64_t dropped() const;

 private:
  struct alignas(64) Shard {
    uint64_t seen = 0;  // reactor only, like line
    std::string line;
    std::atomic<uint64_t> dropped{0};
    std::atomic<bool> full{false};  // no line is made that would not fit
    std::mutex mutex;
    std::string waiting;  // guarded by mutex
  };

  bool Chosen(Shard& shard, const http::Answered& answered, std::string_view reason) const;
  void AppendLine(std::string& out, const http::Answered& answered, std::string_view route,
                  std::string_view reason) const;
  void Work();
  void WriteWaiting();
  bool Write(std::string_view lines);

  const AccessLogOptions options_;
  const uint64_t period_;  // one in so many is sampled
  const std::string pod_;
  const int fd_;
  const Clock& clock_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::atomic<uint64_t> written_{0}, unwritable_{0};
  std::string writing_;  // the writing thread's
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace flyball::service::api
