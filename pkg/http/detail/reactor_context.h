// What the connections of one reactor share. Owned and used by that reactor's thread alone, but for the counters, which
// anybody may read.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "pkg/base/random.h"
#include "pkg/http/detail/common_lines.h"
#include "pkg/http/detail/connection_shedder.h"
#include "pkg/http/detail/exchange.h"
#include "pkg/http/detail/timer_wheel.h"
#include "pkg/http/server.h"

namespace flyball::http::detail {

// A counter with one writer: a plain add that readers may look at.
class Counter {
 public:
  void Add(uint64_t by) { value_.store(value_.load(std::memory_order_relaxed) + by, std::memory_order_relaxed); }
  void Subtract(uint64_t by) { value_.store(value_.load(std::memory_order_relaxed) - by, std::memory_order_relaxed); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

struct alignas(64) ReactorCounters {
  Counter accepted, open, requests, bytes_in, bytes_out, refused, dropped_responders, handler_exceptions,
      discarded_answers, accept_failures, rebalanced, refused_connections, broken_streams, tls_failures, busy_ns,
      lag_ns;
  std::array<Counter, ReactorLag::kBounds.size() + 1> lag;
  std::atomic<uint64_t> longest_turn_ns{0};
};

// Exchanges ready for reuse; a bounded number of them.
class ExchangePool {
 public:
  std::unique_ptr<Exchange> Take(const std::shared_ptr<AnswerSink>& sink);
  void Put(std::unique_ptr<Exchange> exchange);

 private:
  std::vector<std::unique_ptr<Exchange>> free_;
};

// "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n", made once a second, behind the status line that most answers have.
class DateLine {
 public:
  // kOkLine and the date.
  std::string_view Get(SteadyTime now);

 private:
  std::string line_;
  SteadyTime valid_until_;
};

struct ReactorContext {
  static constexpr size_t kReadBytes = 64 * 1024;

  ReactorContext(int reactor, const Limits& limits_in, const Router& router_in, Handler& handler_in,
                 ConnectionShedder& shedder_in, const CommonLines& lines, const TrustedProxies& trusted);

  // For an answer whose client has gone.
  void Discard(std::unique_ptr<Exchange> exchange);

  const int index;
  const Limits& limits;
  const Router& router;
  Handler& handler;
  ConnectionShedder& shedder;
  const CommonLines& common_lines;
  const TrustedProxies& trusted_proxies;

  SteadyTime now;  // of this turn; Touch() when it matters
  bool draining = false;
  std::shared_ptr<AnswerSink> sink;
  Random random;
  const uint64_t id_prefix;  // first half of the ids of requests
  DateLine date;
  TimerWheel wheel;
  ExchangePool exchanges;
  std::string spare_out;                // lent to the connection being served
  std::unique_ptr<char[]> read_buffer;  // kReadBytes, holds nothing between turns
  ReactorCounters counters;
};

}  // namespace flyball::http::detail
