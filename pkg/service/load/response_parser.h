#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace flyball::load {

// Reads the answers of one connection, one at a time, as RFC 9112 frames them, and keeps only what the load generator
// asks of an answer. Strict: what is not allowed there is kBad, because a generator that guesses cannot count. Memory
// is bounded by kMaxHeadBytes; bodies are skipped, not kept. No allocation after the first few answers.
class ResponseParser {
 public:
  static constexpr size_t kMaxHeadBytes = 32 << 10;

  enum class State { kMore, kDone, kBad };

  // Begins the next answer. `to_head`: it answers a HEAD request, so it has no body.
  void Start(bool to_head = false);

  // Takes bytes as they come. kDone: the answer is whole and `bytes` is what follows it. kBad: why() says what is wrong
  // and the connection must be given up.
  State Feed(std::string_view& bytes);

  // The server closed its side. kDone when the close is what ends this answer; kBad otherwise.
  State End();

  bool started() const { return started_; }  // a byte of the answer has come
  std::string_view why() const { return why_; }

  // Of the whole answer; valid until Start.
  int status() const { return status_; }
  bool keep_alive() const { return keep_alive_; }
  bool has_retry_after() const { return has_retry_after_; }
  std::optional<int> retry_after_seconds() const { return retry_after_; }  // empty when absent or a date
  std::string_view location() const { return location_; }

 private:
  enum class Phase { kHead, kLength, kChunkSize, kChunkBytes, kChunkEnd, kTrailer, kUntilClose, kDone, kBad };

  State Bad(std::string_view why);
  bool TakeHead(std::string_view& bytes);  // true when head_ or the bytes hold a whole head, which was parsed
  void ParseHead(std::string_view head);
  bool ParseStatusLine(std::string_view line);
  bool ParseHeader(std::string_view line);
  void FrameBody();
  bool TakeLine(std::string_view& bytes, std::string_view& line);
  void SkipBody(std::string_view& bytes);
  void TakeChunked(std::string_view& bytes);

  Phase phase_ = Phase::kDone;
  std::string_view why_;
  std::string head_;  // what of a head (or a chunk line) came so far
  bool started_ = false;
  bool to_head_ = false;
  int status_ = 0;
  bool http10_ = false;
  bool keep_alive_ = true;
  bool close_ = false;
  bool keep_alive_asked_ = false;
  bool chunked_ = false;
  bool has_retry_after_ = false;
  std::optional<int> retry_after_;
  std::optional<uint64_t> length_;
  uint64_t left_ = 0;  // bytes of the body or of the chunk still to come
  size_t trailer_bytes_ = 0;
  std::string location_;
};

}  // namespace flyball::load
