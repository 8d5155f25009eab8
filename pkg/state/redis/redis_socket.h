#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/base/result.h"
#include "pkg/state/redis/redis_state.h"

struct redisAsyncContext;

namespace flyball::state {

// An answer, flattened: what a script returns is an array of numbers and texts.
struct RedisReply {
  bool error = false;
  std::string text;                   // of a status, a text, a number or an error
  std::vector<std::string> elements;  // of an array; what is nil or itself an array is empty
};

// One hiredis connection on a caller's epoll instance (registered with data.ptr = this). Not thread-safe.
class RedisSocket {
 public:
  // Called from Handle, in the order of Send. May Send, must not Close.
  using OnReply = std::function<void(uint64_t id, const RedisReply& reply)>;

  RedisSocket(int epoll_fd, OnReply on_reply);
  ~RedisSocket();
  RedisSocket(const RedisSocket&) = delete;
  RedisSocket& operator=(const RedisSocket&) = delete;

  // Begins to connect; what is sent meanwhile leaves when it is done. Only while closed. A host name is looked up here
  // and may take seconds.
  Result<void> Connect(const RedisAddress& address);
  // Appends a command to what the next writable event carries away in one write. No effect while closed.
  void Send(uint64_t id, const std::vector<std::string_view>& words);
  // What epoll reported. Afterwards it may be closed: then error() says why, and what was sent is never answered.
  void Handle(uint32_t events);
  // Throws the connection away: no answer to what was sent will come.
  void Close();

  bool open() const { return context_ != nullptr; }
  const std::string& error() const { return error_; }
  uint64_t writes() const { return writes_; }

 private:
  struct Hooks;  // what hiredis calls

  void Want(uint32_t events, bool wanted);

  const int epoll_fd_;
  const OnReply on_reply_;
  redisAsyncContext* context_ = nullptr;
  uint32_t wanted_ = 0;
  std::string error_;
  uint64_t writes_ = 0;
};

}  // namespace flyball::state
