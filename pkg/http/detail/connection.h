#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "pkg/http/detail/exchange.h"
#include "pkg/http/detail/out_buffer.h"
#include "pkg/http/detail/reactor_context.h"
#include "pkg/http/detail/request_reader.h"
#include "pkg/http/detail/timer_wheel.h"
#include "pkg/http/detail/tls.h"

namespace flyball::http::detail {

// One client: reads and parses requests, hands them out, puts the answers back in order, writes them. Does its own recv
// and send on a non-blocking socket; knows nothing of polling. Lives on one reactor thread. Idle, it holds no buffer.
class Connection final : public WheelEntry {
 public:
  enum class Next {
    kWait,   // for the socket, an answer or a deadline
    kAgain,  // its share of this turn is used up, but there is more to do
    kClose,  // finished: destroy it and close the socket
  };

  // `counted`: AddressCounts holds a place for it. `tls`: null for plain text.
  Connection(ReactorContext& context, int fd, uint32_t generation, const PeerAddress& peer, bool counted,
             std::unique_ptr<TlsSession> tls);
  ~Connection();

  int fd() const { return fd_; }
  uint32_t generation() const { return generation_; }
  const PeerAddress& peer() const { return peer_; }
  bool counted() const { return counted_; }

  // What the poller knows of the client's end.
  enum class End : uint8_t {
    kOpen,
    kHalf,  // it sends no more
    kGone,  // nothing can reach it either (reset)
  };
  // The socket may have become readable or writable.
  Next OnReady(End end);
  // Goes on where kAgain stopped, or after answers came.
  Next Run();
  // An answer for a request of this connection; takes it. Run() is due, as it is when a stream has more to take.
  void OnAnswer(Exchange* exchange);
  // The time it was scheduled for on the wheel has come, or not quite.
  Next OnDeadline();

  // True once, when the socket must from now on be polled for room to write as well (edge-triggered).
  bool NeedsWritePolling() { return blocked_ && !std::exchange(polled_for_write_, true); }
  // No request begun, nothing owed, silent since `since` at the latest.
  bool IdleSince(SteadyTime since) const;
  // Closes when nothing has arrived meanwhile.
  Next CloseIfIdle();

 private:
  enum class State : uint8_t { kOpen, kLingering };

  Next RunOpen();
  Next Shake();
  ssize_t Receive(char* bytes, size_t size);
  Next RunLingering();
  Next CutOff();
  Next Finish(bool more_to_do);
  Next StartLinger();
  void DropInWork();

  bool MayParse() const;
  bool ReadSome(size_t& bytes_left, int& requests_left);
  void ParseInput(int& requests_left);
  size_t Parse(std::string_view in, int& requests_left);
  void OnHead();
  void Route();
  void OnComplete();
  void Enqueue();
  void Dispatch();
  void AnswerByServer(Exchange& exchange);
  void Refuse(int status, std::string_view detail);
  std::string WithLimit(int status, std::string_view detail) const;

  bool WriteAnswers();
  void WriteContinue();
  void WriteFirst();
  void WriteHead(Exchange& exchange, bool last, bool with_body);
  bool PumpStream();
  void TellAnswered(const Exchange& exchange, uint64_t body_bytes);
  bool WantsClose(const Exchange& exchange);
  bool Flush();
  void StartWriteWindow();
  bool TookEnough() const;
  uint64_t Taken() const;
  std::unique_ptr<Exchange> PopFirst();
  SteadyTime Deadline() const;

  ReactorContext& context_;
  const int fd_;
  const uint32_t generation_;
  State state_ = State::kOpen;
  bool readable_ = true;   // recv has not said EAGAIN since the last event
  bool end_ = false;       // the client sends no more
  bool end_hint_ = false;  // the poller says so; recv will confirm it
  bool blocked_ = false;   // send has said EAGAIN
  bool polled_for_write_ = false;
  bool stop_reading_ = false;    // no request after the current ones will be read
  bool unsafe_in_work_ = false;  // the one in work must be answered before another is begun
  bool held_ = false;            // current_ is complete and waits for those before it
  bool owes_continue_ = false;   // 100 Continue, once everything before it is written
  bool counted_ = false;
  bool shaking_ = false;  // the TLS handshake is not complete
  bool chunked_ = false;  // how streaming_ is framed
  bool stalled_ = false;  // in_ may hold whole requests; parsing stopped for another reason than lack of bytes
  uint16_t in_work_ = 0;  // requests handed out or answered, not yet written; streaming_ included
  RequestReader reader_;
  std::unique_ptr<Exchange> current_;  // being read
  Exchange* first_ = nullptr;          // in work, oldest first, linked by next_in_connection
  Exchange* last_ = nullptr;
  std::unique_ptr<Exchange> streaming_;  // its head is written, its body is being; before first_
  std::string in_;                       // read, but not parsed
  OutBuffer out_;
  SteadyTime last_active_;
  SteadyTime phase_start_;  // of the head or body being read
  SteadyTime write_deadline_;
  SteadyTime retire_at_;
  SteadyTime linger_until_;
  size_t linger_left_ = 0;
  uint64_t sent_ = 0;                // bytes ever, to the kernel
  uint64_t write_goal_ = 0;          // of Taken(), by write_deadline_; 0: no window runs
  size_t flush_left_ = 0;            // of this turn
  std::unique_ptr<TlsSession> tls_;  // null: plain text
  PeerAddress peer_;
};

}  // namespace flyball::http::detail
