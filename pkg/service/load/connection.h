#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "pkg/base/clock.h"
#include "pkg/base/result.h"
#include "pkg/base/unique_fd.h"
#include "pkg/service/load/response_parser.h"
#include "pkg/service/load/target.h"

namespace flyball::load {

// One request that is due, from then until its answer, its failure, or its retry.
struct Attempt {
  SteadyTime due;
  uint64_t n = 0;  // number of the arrival, from 1
  uint32_t kind = 0;
  uint32_t principal = 0;
  int number = 1;  // 1 = the first attempt
};

// One nonblocking connection to the target with at most one request on it. The engine waits for events; the calls here
// only do what can be done at once.
class Connection {
 public:
  enum class State { kDown, kConnecting, kIdle, kBusy };

  // Begins to connect. kIo when the process is out of descriptors, kUnavailable when it was refused at once.
  Result<void> Open(const Target& target);
  // After the socket became writable: kIdle, or the reason.
  Result<void> FinishOpen();
  void Close();

  // False when the server closed its side (or said something unasked) while nothing was in flight.
  bool StillIdle() const;

  enum class Sent { kAll, kPart, kNothing };
  // Writes request(); kNothing: not one byte was taken, so the connection was dead before. kPart: wait for writable and
  // Flush().
  Sent Send(const Attempt& attempt, bool head);
  // kNothing here means that the connection broke while writing.
  Sent Flush();

  enum class Got { kNothing, kAnswer, kClosed, kMalformed };
  // Reads what there is. kAnswer: answer() is whole. kClosed: ended or broke before.
  Got Receive(char* scratch, size_t scratch_bytes);

  State state() const { return state_; }
  int fd() const { return fd_.get(); }
  uint32_t generation() const { return generation_; }  // moves with every Open
  const Attempt& attempt() const { return attempt_; }
  std::string& request() { return request_; }  // filled by the engine before Send
  const ResponseParser& answer() const { return parser_; }
  void BecomeIdle() { state_ = State::kIdle; }
  bool opened_before() const { return opened_before_; }
  bool request_written() const { return written_ == request_.size(); }
  uint64_t answers() const { return answers_; }  // since the last Open

 private:
  UniqueFd fd_;
  State state_ = State::kDown;
  uint32_t generation_ = 0;
  bool opened_before_ = false;
  uint64_t answers_ = 0;
  Attempt attempt_;
  std::string request_;
  size_t written_ = 0;
  ResponseParser parser_;
};

}  // namespace flyball::load
