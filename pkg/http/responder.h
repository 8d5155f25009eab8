#pragma once

#include <cstddef>

#include "pkg/http/body_writer.h"
#include "pkg/http/request.h"
#include "pkg/http/response.h"

namespace flyball::http {

namespace detail {
class Exchange;
}

// The duty to answer one request, and the owner of the request's memory. Move-only; give it to whichever thread does
// the work. Answers leave in the order of the requests on a connection, whatever the order of Send calls.
// Dropping a Responder unanswered answers 500 and counts a bug (Counters::dropped_responders). It may outlive the
// server: then nothing is sent.
class Responder {
 public:
  Responder(Responder&& other) noexcept : exchange_(other.exchange_) { other.exchange_ = nullptr; }
  Responder& operator=(Responder&& other) noexcept;
  Responder(const Responder&) = delete;
  ~Responder();

  // Valid until Send. A bug on a responder that was moved from or has answered.
  const Request& request() const;

  // True once the connection is known to be gone: the work may be skipped, but Send is still due (or dropping: then it
  // counts as no bug). A hint: false proves nothing. Any thread.
  bool ClientGone() const;

  // Answers; the request's views are invalid from here on. Any thread, no lock, no allocation. On the reactor thread
  // that read the request the answer is written before Handle's caller returns to the event loop; from elsewhere the
  // reactor is woken. Use: std::move(responder).Send(Json(200, "{}"));
  void Send(Response response) &&;

  // Answers with a head now and a body that is written while it is made (body_writer.h). `head` has no body of its own;
  // the server adds Transfer-Encoding. `bound`: bytes of the body that may wait for the client, at least 1. A request
  // of the same connection behind this one is answered when this body is complete. Handler::OnAnswered comes at its
  // end.
  static constexpr size_t kStreamBound = 256 * 1024;
  BodyWriter Stream(Response head, size_t bound = kStreamBound) &&;

  // For the server and for testing/.
  explicit Responder(detail::Exchange* exchange) : exchange_(exchange) {}

 private:
  detail::Exchange* exchange_;
};

}  // namespace flyball::http
