// One request and its answer, from the first byte read to the last byte written: the memory behind a Responder.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "pkg/base/random.h"
#include "pkg/http/forwarded.h"
#include "pkg/http/request.h"
#include "pkg/http/response.h"
#include "pkg/http/router.h"

namespace flyball::http::detail {

class BodyStream;
class Exchange;

// Where an answered exchange goes back to.
class AnswerSink {
 public:
  virtual ~AnswerSink() = default;
  // Takes ownership. Any thread.
  virtual void Complete(Exchange* exchange) = 0;
  // The same on the thread that owns the sink, which so needs nobody to keep it alive; false on others.
  virtual bool CompleteHere(Exchange* /*exchange*/) { return false; }
  // The body that is being sent on this connection, or will be, has more to take. Any thread.
  virtual void StreamReady(int fd, uint32_t generation) = 0;
};

// Owned by the reactor while it reads and writes, by the Responder in between. Reused: strings keep their memory.
class Exchange {
 public:
  // How the body of the request is delimited (RFC 9112 section 6).
  enum class Framing : uint8_t { kNone, kLength, kChunked };
  enum class Expect : uint8_t { kNothing, kContinue, kUnknown };

  explicit Exchange(std::shared_ptr<AnswerSink> answer_sink) : sink(std::move(answer_sink)) {}
  ~Exchange();

  // Ready for the next request; gives back what is larger than usual.
  void Reset();
  // The request forgets what was read of it (it was refused); peer, id and arrival stay.
  void ForgetRequest();
  // Takes what a trusted peer says about who asks, and how; after SetOrigin.
  void ReadForwarding(const TrustedProxies& trusted);
  // Sets Request::id: what a trusted peer sent when it is acceptable, else a new one. The generator repeats nothing in
  // 2^64 draws, and `prefix` (random, of each reactor of each process) keeps two generators from meeting.
  void AssignId(uint64_t prefix, Random& random);
  void SetRoute(const Router::Match& match);
  // What only the connection knows.
  void SetOrigin(const PeerAddress& peer, bool secure, int reactor, SteadyTime arrival);

  Request request;
  Response response;
  std::shared_ptr<BodyStream> stream;  // of the response's body, when it is sent while it is made
  uint64_t streamed_bytes = 0;

  std::string head;                 // the request's bytes up to the empty line; views point here
  std::vector<uint32_t> line_ends;  // of its lines: where their CR is
  std::string decoded_path;         // used when the path has escapes
  std::string body;
  char own_id[32] = {};

  uint64_t content_length = 0;
  size_t max_body_bytes = 0;
  size_t max_unsent_bytes = 0;  // of a stream
  int server_status = 0;        // not 0: the server itself answers with this
  Framing framing = Framing::kNone;
  Expect expect = Expect::kNothing;
  bool keep_alive = false;  // what the client asked for
  std::string_view allow;   // of the route; for 405 and OPTIONS
  uint32_t generation = 0;
  int fd = -1;

  bool peer_trusted = false;
  bool answered = false;  // reactor thread only
  bool by_server = false;
  bool dropped = false;                    // its Responder was destroyed unanswered
  Exchange* next_in_connection = nullptr;  // reactor thread only
  Exchange* next_in_inbox = nullptr;
  std::atomic<bool> client_gone{false};

  const std::shared_ptr<AnswerSink> sink;
};

}  // namespace flyball::http::detail
