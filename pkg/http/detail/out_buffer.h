#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <variant>
#include <vector>

#include "pkg/http/response.h"

namespace flyball::http::detail {

// What is owed to a connection, in order. Small answers are collected in one string and leave in one send; large
// bodies are moved in, never copied. Empty, it holds no memory (its string is lent by the reactor for a turn).
class OutBuffer {
 public:
  enum class Flushed { kAll, kBlocked, kFailed };

  bool empty() const { return queue_.empty() && tail_.size() == tail_sent_; }
  size_t pending() const { return queued_ + tail_.size() - tail_sent_; }

  // To append heads and small bodies to.
  std::string& tail() { return tail_; }
  // Appends the body of `response`, which is moved out of it.
  void AppendBody(Response& response);

  // One non-blocking send (or as many as it takes until the socket is full). Adds what left to `bytes_sent`.
  Flushed Flush(int fd, size_t& bytes_sent);

  // Take the reactor's string as memory for a turn, and give it back when everything has left.
  void Borrow(std::string& spare);
  void Return(std::string& spare);

 private:
  struct Segment {
    std::variant<std::string, Response::SharedBody> bytes;
    size_t sent = 0;
    std::string_view rest() const;
  };
  void CloseTail();
  ssize_t SendQueue(int fd);
  void Consume(size_t bytes);

  std::vector<Segment> queue_;  // before tail_
  size_t queued_ = 0;           // unsent bytes of queue_
  std::string tail_;
  size_t tail_sent_ = 0;
};

}  // namespace flyball::http::detail
