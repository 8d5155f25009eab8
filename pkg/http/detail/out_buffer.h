#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "pkg/http/response.h"

namespace flyball::http::detail {

class TlsSession;

// What is owed to a connection, in order. Small answers are collected in one string and leave in one send; large
// bodies are moved in, never copied; files are read piece by piece when there is room. Empty, it holds no memory (its
// string is lent by the reactor for a turn).
class OutBuffer {
 public:
  enum class Flushed {
    kAll,
    kBlocked,  // the socket is full
    kMore,     // `budget` is used up
    kFailed,   // the connection is broken, or a file is shorter than was promised
  };

  // Where the bytes go, and what a flush may use.
  struct Way {
    int fd = -1;
    TlsSession* tls = nullptr;    // null: plain text
    std::span<char> scratch;      // for pieces of files; holds nothing afterwards
    size_t budget = 1024 * 1024;  // bytes of this flush
  };

  bool empty() const { return queue_.empty() && tail_.size() == tail_sent_; }
  // Unsent bytes, and those of them that occupy memory.
  uint64_t pending() const { return queued_ + tail_.size() - tail_sent_; }
  uint64_t pending_in_memory() const { return pending() - queued_in_files_; }

  // To append heads and small bodies to.
  std::string& tail() { return tail_; }
  // Appends the body of `response`, which is moved out of it.
  void AppendBody(Response& response);

  // Non-blocking sends until the socket is full. Adds what left to `bytes_sent`.
  Flushed Flush(const Way& way, size_t& bytes_sent);

  // Take the reactor's string as memory for a turn, and give it back when everything has left.
  void Borrow(std::string& spare);
  void Return(std::string& spare);

 private:
  struct Segment {
    std::variant<std::string, Response::SharedBody, Response::FilePart> bytes;
    uint64_t sent = 0;
    const Response::FilePart* file() const { return std::get_if<Response::FilePart>(&bytes); }
    uint64_t left() const;
    std::string_view rest() const;  // not of a file
  };
  void CloseTail();
  ssize_t SendSome(const Way& way);
  ssize_t SendMemory(const Way& way);
  ssize_t SendFile(const Way& way, const Segment& segment);
  void Consume(size_t bytes);

  std::vector<Segment> queue_;    // before tail_
  uint64_t queued_ = 0;           // unsent bytes of queue_
  uint64_t queued_in_files_ = 0;  // of those
  std::string tail_;
  size_t tail_sent_ = 0;
};

}  // namespace flyball::http::detail
