#include "pkg/http/responder.h"

#include <utility>

#include "pkg/base/check.h"
#include "pkg/http/detail/body_stream.h"
#include "pkg/http/detail/exchange.h"

namespace flyball::http {
namespace {

void Return(detail::Exchange* exchange) {
  if (exchange->sink->CompleteHere(exchange)) return;
  const std::shared_ptr<detail::AnswerSink> sink = exchange->sink;  // the exchange may be gone before Complete returns
  sink->Complete(exchange);
}

void Drop(detail::Exchange* exchange) {
  exchange->dropped = true;
  exchange->response = Problem(exchange->request, 500, "");
  Return(exchange);
}

}  // namespace

Responder& Responder::operator=(Responder&& other) noexcept {
  if (this != &other) {
    if (exchange_ != nullptr) Drop(exchange_);
    exchange_ = std::exchange(other.exchange_, nullptr);
  }
  return *this;
}

Responder::~Responder() {
  if (exchange_ != nullptr) Drop(exchange_);
}

const Request& Responder::request() const {
  Check(exchange_ != nullptr, "this responder has answered already");
  return exchange_->request;
}

bool Responder::ClientGone() const {
  Check(exchange_ != nullptr, "this responder has answered already");
  return exchange_->client_gone.load(std::memory_order_relaxed);
}

void Responder::Send(Response response) && {
  Check(exchange_ != nullptr, "this responder has answered already");
  detail::Exchange* exchange = std::exchange(exchange_, nullptr);
  exchange->response = std::move(response);
  Return(exchange);
}

BodyWriter Responder::Stream(Response head, size_t bound) && {
  Check(exchange_ != nullptr, "this responder has answered already");
  Check(head.content_length() == 0, "the head of a stream has no body of its own");
  Check(bound > 0, "a stream may hold something");
  detail::Exchange* exchange = std::exchange(exchange_, nullptr);
  auto stream = std::make_shared<detail::BodyStream>(exchange->sink, exchange->fd, exchange->generation, bound,
                                                     exchange->max_unsent_bytes);
  exchange->response = std::move(head);
  exchange->stream = stream;
  Return(exchange);
  return BodyWriter(std::move(stream));
}

}  // namespace flyball::http
