// The body of an answer that is sent while it is made: exports, events.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>

namespace flyball::http {

namespace detail {
class BodyStream;
}

// The producer's end, from Responder::Stream. Movable; one thread at a time, whichever it is. On the wire the parts are
// chunks (RFC 9112 section 7.1), to an HTTP/1.0 client bytes until the connection closes. What is written leaves at
// once, without waiting for more. Back-pressure: at most `bound` bytes (Responder::Stream) should wait for the client.
// A producer that writes on regardless is cut off at Limits::unsent_bytes.
// Dropping a writer without Finish cuts the connection, so that no client takes a part for the whole.
class BodyWriter {
 public:
  enum class Room {
    kYes,   // go on
    kNone,  // the part was taken, but the bound is reached: go on when WhenRoom calls
    kGone,  // nobody reads any more (the client left, asked by HEAD, or the server stopped): give up
  };

  BodyWriter(BodyWriter&& other) noexcept = default;
  BodyWriter& operator=(BodyWriter&& other) noexcept;
  BodyWriter(const BodyWriter&) = delete;
  ~BodyWriter();

  // Takes all of `part` unless the answer is kGone. An empty part only asks.
  Room Write(std::string_view part);

  // Asks to be told when at least half of the bound is free or nobody reads any more. False: that holds already, go on
  // (`then` is dropped). True: `then` will be called once, on the reactor's thread, where it may Write but must not
  // block or throw; it may run before this returns, so leave the writer alone from here on. Finish drops it uncalled.
  bool WhenRoom(std::function<void()> then);

  // The body is complete. Nothing may be written afterwards.
  void Finish();

  // For the server.
  explicit BodyWriter(std::shared_ptr<detail::BodyStream> stream) : stream_(std::move(stream)) {}

 private:
  std::shared_ptr<detail::BodyStream> stream_;  // null once finished or moved from
};

}  // namespace flyball::http
