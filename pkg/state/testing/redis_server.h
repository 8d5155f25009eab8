#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "pkg/state/redis/redis_state.h"

namespace flyball::state::testing {

// A real redis-server on a Unix socket in a temporary folder of its own, without persistence; ended with this object.
// Every method checks that it worked within 60 s.
class RedisServer {
 public:
  RedisServer();  // does not start it
  ~RedisServer();
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  void Start();  // returns when it answers; empty, also when it ran before
  void Kill();   // SIGKILL, and waits for its end
  void Stop();   // SIGSTOP
  void Continue();
  // One command of words without spaces, by redis-cli; its output.
  std::string Command(const std::string& words) const;

  const std::string& socket() const { return socket_; }
  std::string log() const { return folder_ + "/log"; }
  RedisOptions Options(const std::string& app, milliseconds timeout = seconds(2)) const;

  std::vector<std::string> extra;  // more arguments for Start

 private:
  std::string folder_, socket_;
  pid_t pid_ = -1;
};

}  // namespace flyball::state::testing
