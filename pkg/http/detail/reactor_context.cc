#include "pkg/http/detail/reactor_context.h"

#include "pkg/base/ids.h"
#include "pkg/base/time_format.h"
#include "pkg/http/detail/answer_head.h"

namespace flyball::http::detail {
namespace {

constexpr size_t kPooledExchanges = 256;

}  // namespace

std::unique_ptr<Exchange> ExchangePool::Take(const std::shared_ptr<AnswerSink>& sink) {
  if (free_.empty()) return std::make_unique<Exchange>(sink);
  std::unique_ptr<Exchange> exchange = std::move(free_.back());
  free_.pop_back();
  return exchange;
}

void ExchangePool::Put(std::unique_ptr<Exchange> exchange) {
  if (free_.size() >= kPooledExchanges) return;
  exchange->Reset();
  free_.push_back(std::move(exchange));
}

std::string_view DateLine::Get(SteadyTime now) {
  if (now >= valid_until_ || line_.empty()) {
    const WallTime wall = RealClock().WallNow();
    line_.assign(kOkLine).append("Date: ").append(FormatHttpDate(wall)).append("\r\n");
    valid_until_ = now + (std::chrono::floor<seconds>(wall) + seconds(1) - wall);
  }
  return line_;
}

ReactorContext::ReactorContext(int reactor, const Limits& limits_in, const Router& router_in, Handler& handler_in,
                               ConnectionShedder& shedder_in, const CommonLines& lines, const TrustedProxies& trusted)
    : index(reactor),
      limits(limits_in),
      router(router_in),
      handler(handler_in),
      shedder(shedder_in),
      common_lines(lines),
      trusted_proxies(trusted),
      now(RealClock().Now()),
      random(RandomUint64()),
      id_prefix(RandomUint64()),
      wheel(now),
      read_buffer(new char[kReadBytes]) {}

void ReactorContext::Discard(std::unique_ptr<Exchange> exchange) {
  counters.discarded_answers.Add(1);
  const Answered answered{.request = exchange->request,
                          .status = exchange->response.status(),
                          .tag = exchange->response.tag(),
                          .body_bytes = 0,
                          .answered = now,
                          .delivered = false,
                          .by_server = exchange->by_server};
  handler.OnAnswered(answered);
  exchanges.Put(std::move(exchange));
}

}  // namespace flyball::http::detail
