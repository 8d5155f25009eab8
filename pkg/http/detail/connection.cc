#include "pkg/http/detail/connection.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <utility>

#include "pkg/base/log.h"
#include "pkg/http/detail/answer_head.h"
#include "pkg/http/detail/body_stream.h"

namespace flyball::http::detail {
namespace {

constexpr size_t kTurnBytes = 64 * 1024;      // read for one connection in one turn
constexpr size_t kTurnSent = 1024 * 1024;     // written to one connection in one turn
constexpr size_t kLeastShare = 4 * 1024;      // of that, what one send costs: a producer may write by the byte
constexpr int kTurnRequests = 32;             // begun for one connection in one turn
constexpr size_t kPauseAtUnsent = 64 * 1024;  // owed to a client before its next request is read
constexpr milliseconds kLookAgain{60'000};
constexpr std::string_view kServerMethods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

SteadyTime Jittered(SteadyTime now, milliseconds age, Random& random) {
  if (age.count() == 0) return SteadyTime::max();
  return now + std::chrono::duration_cast<nanoseconds>(age * (0.9 + 0.2 * random.Uniform()));
}

}  // namespace

Connection::Connection(ReactorContext& context, int fd, uint32_t generation, const PeerAddress& peer, bool counted,
                       std::unique_ptr<TlsSession> tls)
    : context_(context),
      fd_(fd),
      generation_(generation),
      counted_(counted),
      shaking_(tls != nullptr),
      last_active_(context.now),
      phase_start_(context.now),
      retire_at_(Jittered(context.now, context.limits.connection_age, context.random)),
      tls_(std::move(tls)),
      peer_(peer) {
  context_.wheel.Schedule(*this, Deadline());
}

Connection::~Connection() {
  if (streaming_) context_.Discard(std::move(streaming_));
  DropInWork();
  if (current_) context_.exchanges.Put(std::move(current_));
}

void Connection::DropInWork() {
  held_ = false;
  while (first_ != nullptr) {
    std::unique_ptr<Exchange> exchange = PopFirst();
    if (exchange->answered) {
      context_.Discard(std::move(exchange));
    } else {
      exchange.release()->client_gone.store(true, std::memory_order_relaxed);  // its Responder owns it
    }
  }
}

Connection::Next Connection::OnReady(End end) {
  if (end == End::kGone && state_ == State::kOpen) {  // no answer would arrive
    if (shaking_) context_.counters.tls_failures.Add(1);
    return Next::kClose;
  }
  readable_ = true;
  blocked_ = false;
  end_hint_ = end_hint_ || end != End::kOpen;
  return Run();
}

Connection::Next Connection::Run() {
  out_.Borrow(context_.spare_out);
  flush_left_ = kTurnSent;
  const Next next = state_ == State::kLingering ? RunLingering() : RunOpen();
  out_.Return(context_.spare_out);
  if (next != Next::kClose) context_.wheel.Schedule(*this, Deadline());
  return next;
}

// Parse what is there, write what is answered, read more: until the socket is empty, the turn's share is used up, or an
// answer or room in the socket must be waited for.
Connection::Next Connection::RunOpen() {
  if (shaking_) {
    if (const Next next = Shake(); shaking_) return next;
  }
  size_t bytes_left = kTurnBytes;
  int requests_left = kTurnRequests;
  for (;;) {
    if (!in_.empty()) ParseInput(requests_left);
    if (!WriteAnswers()) return Next::kClose;
    if (held_ && in_work_ == 0) {
      Dispatch();
      continue;
    }
    if (!MayParse()) return Finish(false);
    if (requests_left <= 0) return Finish(stalled_ || readable_);
    if (stalled_) continue;
    if (!readable_ || end_) return Finish(false);
    if (bytes_left == 0) return Finish(true);
    if (!ReadSome(bytes_left, requests_left)) return Next::kClose;
  }
}

Connection::Next Connection::Shake() {
  const ssize_t shaken = tls_->Shake();
  if (shaken > 0) {
    shaking_ = false;
    last_active_ = context_.now;
    return Next::kAgain;
  }
  if (shaken < 0 && errno == EAGAIN) {
    readable_ = false;
    blocked_ = tls_->wants_write();
    return Next::kWait;
  }
  context_.counters.tls_failures.Add(1);
  return Next::kClose;
}

ssize_t Connection::Receive(char* bytes, size_t size) {
  if (!tls_) return recv(fd_, bytes, size, MSG_DONTWAIT);
  const ssize_t got = tls_->Receive(bytes, size);
  if (got < 0 && tls_->wants_write()) {  // for a message of its own (TLS 1.2 has such)
    blocked_ = true;
    StartWriteWindow();
  }
  return got;
}

bool Connection::MayParse() const {
  return !stop_reading_ && !held_ && !unsafe_in_work_ && in_work_ < context_.limits.pipelined &&
         out_.pending() < kPauseAtUnsent;
}

bool Connection::ReadSome(size_t& bytes_left, int& requests_left) {
  char* buffer = context_.read_buffer.get();
  const size_t wanted = std::min(bytes_left, ReactorContext::kReadBytes);
  const ssize_t got = Receive(buffer, wanted);
  if (got < 0 && errno == EINTR) return true;
  if (got < 0) {
    readable_ = false;
    return errno == EAGAIN || errno == EWOULDBLOCK;
  }
  if (got == 0) {
    end_ = true;
    return true;
  }
  const auto bytes = static_cast<size_t>(got);
  // A short read means an empty socket (epoll(7)), unless an end of stream is known to stand behind it.
  readable_ = bytes == wanted || end_hint_ || tls_ != nullptr;
  bytes_left -= bytes;
  context_.counters.bytes_in.Add(bytes);
  context_.now = last_active_ = RealClock().Now();
  if (in_.empty()) {
    const size_t used = Parse({buffer, bytes}, requests_left);
    if (used < bytes) in_.assign(buffer + used, bytes - used);
  } else {
    in_.append(buffer, bytes);
    ParseInput(requests_left);
  }
  return true;
}

void Connection::ParseInput(int& requests_left) {
  in_.erase(0, Parse(in_, requests_left));
  if (in_.empty()) in_ = std::string();
}

// Returns how much of `in` was used.
size_t Connection::Parse(std::string_view in, int& requests_left) {
  size_t at = 0;
  stalled_ = false;
  while (at < in.size() || reader_.in_body()) {
    if (!MayParse() || requests_left <= 0) {
      stalled_ = true;
      return at;
    }
    if (!current_) current_ = context_.exchanges.Take(context_.sink);
    if (!reader_.in_head() && !reader_.in_body()) phase_start_ = context_.now;
    size_t consumed = 0;
    const RequestReader::Step step = reader_.Read(in.substr(at), context_.limits, *current_, consumed);
    at += consumed;
    switch (step) {
      case RequestReader::Step::kNeedMore:
        return at;
      case RequestReader::Step::kHead:
        OnHead();
        break;
      case RequestReader::Step::kComplete:
        --requests_left;
        OnComplete();
        break;
      case RequestReader::Step::kRefused:
        Refuse(reader_.refusal().status, WithLimit(reader_.refusal().status, reader_.refusal().detail));
        break;
    }
    if (stop_reading_ && !held_) return in.size();  // nothing behind it will be answered
  }
  return at;
}

void Connection::OnHead() {
  context_.counters.requests.Add(1);
  phase_start_ = context_.now;
  current_->SetOrigin(peer_, tls_ != nullptr, context_.index, context_.now);
  current_->ReadForwarding(context_.trusted_proxies);
  current_->AssignId(context_.id_prefix, context_.random);
  current_->max_unsent_bytes = context_.limits.unsent_bytes;
  Route();
  if (current_->expect == Exchange::Expect::kUnknown) return Refuse(417, "the only expectation met is 100-continue");
  const bool has_body = current_->framing == Exchange::Framing::kChunked || current_->content_length > 0;
  if (current_->expect != Exchange::Expect::kContinue || !has_body) return;
  if (current_->server_status != 0) {  // the client waits before it sends a body that nobody wants
    current_->keep_alive = false;
    return Enqueue();
  }
  if (current_->content_length <= current_->max_body_bytes) owes_continue_ = true;
  if (owes_continue_ && in_work_ == 0) WriteContinue();
}

void Connection::Route() {
  const Request& request = current_->request;
  current_->max_body_bytes = context_.limits.body_bytes;
  if (request.method() == Method::kOther) {
    current_->server_status = 501;
    return;
  }
  if (request.path() == "*") {
    current_->server_status = 204;
    current_->allow = kServerMethods;
    return;
  }
  const Router::Match match = context_.router.Find(request.method(), request.path());
  current_->SetRoute(match);
  switch (match.kind) {
    case Router::Match::Kind::kFound:
      if (match.options.max_body_bytes != 0) current_->max_body_bytes = match.options.max_body_bytes;
      break;
    case Router::Match::Kind::kNotFound:
      current_->server_status = 404;
      break;
    case Router::Match::Kind::kMethodNotAllowed:
      current_->server_status = request.method() == Method::kOptions ? 204 : 405;
      break;
  }
}

void Connection::OnComplete() {
  owes_continue_ = false;
  // Only safe methods may be worked on side by side (RFC 9112 section 9.3.2).
  held_ = in_work_ > 0 && current_->server_status == 0 && !IsSafe(current_->request.method());
  if (!held_) Dispatch();
}

void Connection::Dispatch() {
  held_ = false;
  if (current_->server_status != 0) return Enqueue();
  unsafe_in_work_ = !IsSafe(current_->request.method());
  Enqueue();
}

// Puts current_ behind those in work, and has it answered.
void Connection::Enqueue() {
  Exchange* exchange = current_.release();
  exchange->fd = fd_;
  exchange->generation = generation_;
  (last_ != nullptr ? last_->next_in_connection : first_) = exchange;
  last_ = exchange;
  ++in_work_;
  if (!exchange->keep_alive) stop_reading_ = true;
  if (exchange->answered) return;
  if (exchange->server_status != 0) return AnswerByServer(*exchange);
  try {
    context_.handler.Handle(Responder(exchange));
  } catch (const std::exception& error) {  // the responder was dropped on the way: 500
    context_.counters.handler_exceptions.Add(1);
    Log(LogLevel::kError, "a request handler threw", {{"error", error.what()}});
  }
}

void Connection::AnswerByServer(Exchange& exchange) {
  const int status = exchange.server_status;
  if (status == 204) {
    exchange.response = Response(204);
    exchange.response.AddLines(context_.common_lines.Preflight(exchange.request, exchange.allow));
  } else if (status == 404) {
    const std::string_view path = exchange.request.path();
    exchange.response =
        Problem(exchange.request, status,
                path.size() > 1 && path.ends_with('/') ? "no such resource; try it without the '/' at its end"
                                                       : "no such resource");
  } else if (status == 405) {
    exchange.response = Problem(exchange.request, status, "this resource allows " + std::string(exchange.allow));
  } else {
    exchange.response = Problem(exchange.request, status, "this method is not implemented");
  }
  if (!exchange.allow.empty()) exchange.response.AddHeader("Allow", exchange.allow);
  exchange.by_server = exchange.answered = true;
}

// What was asked too much of, and how much is taken.
std::string Connection::WithLimit(int status, std::string_view detail) const {
  const auto bytes = [](size_t most) { return "; at most " + std::to_string(most) + " bytes are taken"; };
  std::string text(detail);
  if (status == 413 && current_->max_body_bytes != 0) return text + bytes(current_->max_body_bytes);
  if (status == 414) return text + bytes(context_.limits.target_bytes);
  if (status != 431) return text;
  return text + bytes(context_.limits.head_bytes) + ", in " + std::to_string(context_.limits.fields) + " fields";
}

void Connection::Refuse(int status, std::string_view detail) {
  context_.counters.refused.Add(1);
  Response response = Problem(current_->request, status, detail);
  if (!reader_.in_body()) {
    current_->ForgetRequest();
    current_->SetOrigin(peer_, tls_ != nullptr, context_.index, context_.now);
    current_->AssignId(context_.id_prefix, context_.random);
    response = Problem(current_->request, status, detail);
  }
  current_->response = std::move(response);
  current_->keep_alive = owes_continue_ = false;
  current_->by_server = current_->answered = true;
  Enqueue();
}

void Connection::OnAnswer(Exchange* exchange) {
  exchange->answered = true;
  if (exchange->dropped) {
    exchange->by_server = true;
    context_.counters.dropped_responders.Add(1);
  }
}

std::unique_ptr<Exchange> Connection::PopFirst() {
  std::unique_ptr<Exchange> exchange(first_);
  first_ = std::exchange(exchange->next_in_connection, nullptr);
  if (first_ == nullptr) last_ = nullptr;
  --in_work_;
  return exchange;
}

// False when the connection is to be closed at once.
bool Connection::WriteAnswers() {
  for (;;) {
    if (streaming_ && !PumpStream()) return false;
    while (!streaming_ && first_ != nullptr && first_->answered) {
      if (out_.pending_in_memory() > context_.limits.unsent_bytes) return false;
      WriteFirst();
    }
    if (in_work_ == 0) unsafe_in_work_ = false;
    if (owes_continue_ && in_work_ == 0) WriteContinue();
    if (!Flush()) return false;
    // Its producer may have gone on meanwhile, and there is room.
    if (!streaming_ || !out_.empty() || !streaming_->stream->Ready()) return true;
  }
}

void Connection::WriteFirst() {
  std::unique_ptr<Exchange> exchange = PopFirst();
  Response& response = exchange->response;
  if (response.status() < 200 || response.status() > 599) response = Problem(exchange->request, 500, "");
  if (response.closes_connection()) stop_reading_ = true;
  const bool nothing_begun = in_.empty() && !reader_.in_head() && !reader_.in_body();
  const bool with_body = AllowsBody(response.status()) && exchange->request.method() != Method::kHead;
  WriteHead(*exchange, in_work_ == 0 && !held_ && (stop_reading_ || nothing_begun), with_body);
  last_active_ = context_.now;
  if (exchange->stream && with_body) {
    streaming_ = std::move(exchange);
    ++in_work_;
    return;
  }
  TellAnswered(*exchange, with_body ? response.content_length() : 0);
  if (with_body) out_.AppendBody(response);
  context_.exchanges.Put(std::move(exchange));
}

// Moves on what the producer has written, as long as little is unsent. False when the producer gave up: the connection
// is cut so that the client sees that something is missing.
bool Connection::PumpStream() {
  if (streaming_->stream->IsCutOff()) {  // whether or not the client takes what is owed
    context_.counters.broken_streams.Add(1);
    return false;
  }
  std::string part;
  while (out_.pending() < kPauseAtUnsent) {
    part.clear();
    const BodyStream::State state = streaming_->stream->Take(part);
    streaming_->streamed_bytes += part.size();
    if (!part.empty() && chunked_) AppendChunk(out_.tail(), part);
    if (!part.empty() && !chunked_) out_.tail().append(part);
    if (state == BodyStream::State::kBroken) {
      context_.counters.broken_streams.Add(1);
      Flush();
      return false;
    }
    if (state == BodyStream::State::kWhole) {
      if (chunked_) out_.tail().append(kLastChunk);
      if (!chunked_) DropInWork();  // the end of the connection is the end of this body
      last_active_ = context_.now;
      TellAnswered(*streaming_, streaming_->streamed_bytes);
      --in_work_;
      context_.exchanges.Put(std::move(streaming_));
      return true;
    }
    if (part.empty()) return true;
  }
  return true;
}

void Connection::WriteContinue() {
  owes_continue_ = false;
  out_.tail().append("HTTP/1.1 100 Continue\r\n\r\n");
}

// `last`: nothing this client has sent would be left without an answer if the connection ended here.
void Connection::WriteHead(Exchange& exchange, bool last, bool with_body) {
  const bool http10 = exchange.request.version() == Version::kHttp10;
  BodyFraming framing = BodyFraming::kLength;
  if (exchange.stream) framing = http10 || !with_body ? BodyFraming::kUntilClose : BodyFraming::kChunked;
  chunked_ = framing == BodyFraming::kChunked;
  const bool must_close = framing == BodyFraming::kUntilClose && with_body;
  ConnectionField field = ConnectionField::kNone;
  if (must_close || (last && WantsClose(exchange))) {
    field = ConnectionField::kClose;
    stop_reading_ = true;
  } else if (http10) {
    field = ConnectionField::kKeepAlive;
  }
  AppendAnswerHead(out_.tail(), exchange.response, exchange.request.id(), context_.date.Get(context_.now),
                   context_.common_lines.For(exchange.request), field, framing);
}

void Connection::TellAnswered(const Exchange& exchange, uint64_t body_bytes) {
  const Answered answered{.request = exchange.request,
                          .status = exchange.response.status(),
                          .tag = exchange.response.tag(),
                          .body_bytes = body_bytes,
                          .answered = context_.now,
                          .delivered = true,
                          .by_server = exchange.by_server};
  context_.handler.OnAnswered(answered);
}

bool Connection::WantsClose(const Exchange& exchange) {
  if (stop_reading_ || !exchange.keep_alive || end_ || context_.draining || context_.now >= retire_at_) return true;
  if (!context_.shedder.TakeOne()) return false;
  context_.counters.rebalanced.Add(1);
  return true;
}

bool Connection::Flush() {
  if (out_.empty() || blocked_ || flush_left_ == 0) return true;
  size_t sent = 0;
  const OutBuffer::Flushed flushed = out_.Flush({.fd = fd_,
                                                 .tls = tls_.get(),
                                                 .scratch = {context_.read_buffer.get(), ReactorContext::kReadBytes},
                                                 .budget = flush_left_},
                                                sent);
  context_.counters.bytes_out.Add(sent);
  sent_ += sent;
  flush_left_ -= std::min(flush_left_, std::max(sent, kLeastShare));
  if (flushed == OutBuffer::Flushed::kFailed) return false;
  blocked_ = flushed == OutBuffer::Flushed::kBlocked;
  if (!blocked_) write_goal_ = 0;
  if (blocked_ && write_goal_ == 0) StartWriteWindow();
  return true;
}

// What the client's side has acknowledged: room in the kernel's buffer comes in steps too coarse to judge it by.
uint64_t Connection::Taken() const {
  int unacknowledged = 0;
  if (ioctl(fd_, SIOCOUTQ, &unacknowledged) != 0) return sent_;
  return sent_ - std::min<uint64_t>(sent_, static_cast<uint64_t>(unacknowledged));
}

void Connection::StartWriteWindow() {
  const Limits& limits = context_.limits;
  const uint64_t taken = Taken();
  const auto least = static_cast<uint64_t>(limits.write_deadline.count()) * limits.write_bytes_per_second / 1000;
  const uint64_t owed = sent_ - taken + out_.pending();
  write_goal_ = taken + std::max<uint64_t>(std::min(owed, least), 1);
  write_deadline_ = context_.now + limits.write_deadline;
}

bool Connection::TookEnough() const { return Taken() >= write_goal_; }

Connection::Next Connection::Finish(bool more_to_do) {
  if (!out_.empty() && !blocked_) return Next::kAgain;  // its share of sending is used up
  if (!out_.empty() || in_work_ > 0 || held_) return more_to_do ? Next::kAgain : Next::kWait;
  if (stop_reading_) return StartLinger();
  if (end_ && !more_to_do) return Next::kClose;
  return more_to_do ? Next::kAgain : Next::kWait;
}

// Closing at once would reset the connection when the client is still sending, and take the answer with it (RFC 9112
// section 9.6): stop sending, and read on for a while.
Connection::Next Connection::StartLinger() {
  if (tls_) tls_->SendEnd();
  shutdown(fd_, SHUT_WR);
  if (end_) return Next::kClose;
  state_ = State::kLingering;
  linger_until_ = context_.now + context_.limits.linger;
  linger_left_ = context_.limits.linger_bytes;
  in_ = std::string();
  if (current_) context_.exchanges.Put(std::move(current_));
  readable_ = true;
  return RunLingering();
}

Connection::Next Connection::RunLingering() {
  size_t bytes_left = 4 * kTurnBytes;
  while (bytes_left > 0) {
    const ssize_t got = recv(fd_, context_.read_buffer.get(), ReactorContext::kReadBytes, MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? Next::kWait : Next::kClose;
    const auto bytes = static_cast<size_t>(got);
    if (bytes == 0) return Next::kClose;
    if (bytes >= linger_left_) return CutOff();
    linger_left_ -= bytes;
    bytes_left -= std::min(bytes, bytes_left);
  }
  return Next::kAgain;
}

// The client still sends. Closed quietly now, it could be left waiting for a window that nobody will open; so it gets a
// reset. What it had received by then it can still read.
Connection::Next Connection::CutOff() {
  const linger reset{.l_onoff = 1, .l_linger = 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  return Next::kClose;
}

SteadyTime Connection::Deadline() const {
  const Limits& limits = context_.limits;
  if (state_ == State::kLingering) return linger_until_;
  if (shaking_) return phase_start_ + limits.head_deadline;
  if (blocked_) return write_deadline_;
  if (!stop_reading_ && reader_.in_head()) return phase_start_ + limits.head_deadline;
  if (!stop_reading_ && reader_.in_body() && MayParse()) {
    const auto received = current_->body.size();
    return phase_start_ + limits.body_grace + milliseconds(received * 1000 / limits.body_bytes_per_second);
  }
  if (in_work_ > 0 || held_) return context_.now + kLookAgain;  // the handler's time, not the client's
  return last_active_ + limits.idle_deadline;
}

Connection::Next Connection::OnDeadline() {
  if (Deadline() > context_.now) {
    context_.wheel.Schedule(*this, Deadline());
    return Next::kWait;
  }
  if (state_ == State::kLingering) return CutOff();
  if (shaking_) {
    context_.counters.tls_failures.Add(1);
    return Next::kClose;
  }
  if (state_ == State::kOpen && blocked_ && TookEnough()) {
    StartWriteWindow();
    context_.wheel.Schedule(*this, Deadline());
    return Next::kWait;
  }
  const bool reading = state_ == State::kOpen && !blocked_ && !stop_reading_;
  if (!reading) return Next::kClose;
  if (!reader_.in_head() && !reader_.in_body()) return CloseIfIdle();
  Refuse(408, reader_.in_head() ? "the head of the request took too long" : "the body of the request came too slowly");
  return Run();
}

bool Connection::IdleSince(SteadyTime since) const {
  return state_ == State::kOpen && !shaking_ && last_active_ <= since && in_work_ == 0 && !held_ && out_.empty() &&
         in_.empty() && !reader_.in_head() && !reader_.in_body();
}

Connection::Next Connection::CloseIfIdle() {
  char byte;
  const ssize_t got = recv(fd_, &byte, 1, MSG_DONTWAIT | MSG_PEEK);
  if (got <= 0) {
    if (tls_) tls_->SendEnd();
    return Next::kClose;
  }
  readable_ = true;
  return Run();
}

}  // namespace flyball::http::detail
