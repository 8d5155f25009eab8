// Reads requests off a stream of bytes: RFC 9112 without its leniencies. Whatever two programs could understand
// differently (and so be made to disagree about where a request ends) is refused, and the stream with it.
#pragma once

#include <cstdint>
#include <string_view>

#include "pkg/http/detail/exchange.h"
#include "pkg/http/server.h"

namespace flyball::http::detail {

// The state of one connection's request being read; a few words. Give Read the unread bytes, forget what it consumed,
// keep the rest and give it again with more behind it.
class RequestReader {
 public:
  enum class Step : uint8_t {
    kNeedMore,  // everything usable was consumed
    kHead,      // the head is complete: route it, set max_body_bytes, call Read again
    kComplete,  // the request is complete; the next Read begins another
    kRefused,   // not HTTP, or beyond a limit: answer refusal() and close. Do not Read again
  };
  struct Refusal {
    int status = 400;
    std::string_view detail;
  };

  // `in` starts where the last Read stopped consuming. An empty `in` is fine. Fills `exchange` from kHead on: the
  // request, framing, expectation, keep_alive; body bytes as they come. Never reads past the end of the request.
  Step Read(std::string_view in, const Limits& limits, Exchange& exchange, size_t& consumed);

  const Refusal& refusal() const { return refusal_; }
  // A request has begun and is not complete.
  bool in_head() const { return phase_ == Phase::kHead && scanned_ > 0; }
  bool in_body() const { return phase_ > Phase::kHead; }

 private:
  enum class Phase : uint8_t {
    kLeadingLines,
    kHead,
    kBodyStart,
    kLengthBody,
    kChunkSize,
    kChunk,
    kChunkEnd,
    kTrailers
  };

  Step ReadLeadingLines(std::string_view in, size_t& consumed);
  Step ReadHead(std::string_view in, const Limits& limits, Exchange& exchange, size_t& consumed);
  Step StartBody(Exchange& exchange);
  Step ReadLengthBody(std::string_view in, Exchange& exchange, size_t& consumed);
  Step ReadChunkSize(std::string_view in, Exchange& exchange, size_t& consumed);
  Step ReadChunk(std::string_view in, Exchange& exchange, size_t& consumed);
  Step ReadChunkEnd(std::string_view in, size_t& consumed);
  Step ReadTrailers(std::string_view in, const Limits& limits, Exchange& exchange, size_t& consumed);
  Step Complete(Exchange& exchange);
  Step Refuse(int status, std::string_view detail);

  Step RefuseHead(std::string_view in, const Limits& limits, int status, std::string_view detail);
  bool RefusesEarly(std::string_view in, const Limits& limits);
  bool ParseHead(const Limits& limits, Exchange& exchange);
  bool ParseRequestLine(std::string_view line, const Limits& limits, Request& request);
  bool ParseTarget(Exchange& exchange);
  bool ParseAbsoluteTarget(Exchange& exchange, std::string_view& rest);
  bool ParseFields(Exchange& exchange);
  bool ParseFieldLine(std::string_view line, Field& field);
  bool ApplyFields(Exchange& exchange);
  bool ApplyHost(std::string_view value, bool again, Request& request);
  bool ApplyContentLength(std::string_view value, bool again, Exchange& exchange);
  bool ApplyTransferEncoding(std::string_view value, bool again, Exchange& exchange);

  uint64_t remaining_ = 0;   // of the body or the chunk
  uint32_t scanned_ = 0;     // bytes of the head seen to hold no end
  uint32_t line_start_ = 0;  // of the line that scanned_ is in
  uint32_t overhead_ = 0;    // bytes of leading lines, chunk extensions, trailers
  Phase phase_ = Phase::kLeadingLines;
  bool line_checked_ = false;  // the request line, before the head is complete
  bool plain_target_ = false;  // a path that needs no decoding, without a query
  Refusal refusal_;
};

// RFC 9110 section 7.2: uri-host [":" port], not empty.
bool IsAuthority(std::string_view text);

}  // namespace flyball::http::detail
