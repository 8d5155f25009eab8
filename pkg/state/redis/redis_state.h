#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "pkg/base/clock.h"
#include "pkg/base/result.h"
#include "pkg/state/shared_state.h"

namespace flyball::state {

struct RedisAddress {
  std::string path;  // Unix socket, absolute or relative; empty = host and port
  std::string host;
  int port = 6379;
  int database = 0;
  std::string username;  // empty = the default user
  std::string password;  // empty = no AUTH
};

// "unix:/run/redis.sock[?db=N]", "redis://[[user]:password@]host[:port][/db]". %XX in user and password is decoded.
// kInvalid says what is wrong, without showing the password. "rediss://" (TLS) is refused by name: this build has none.
Result<RedisAddress> ParseRedisAddress(std::string_view text);

struct RedisOptions {
  RedisAddress address;
  std::string app;              // keys are "fb:{app}:..."; no '{', '}' or ':'
  milliseconds timeout{50};     // of every operation, and of finding a new connection well
  milliseconds reconnect{100};  // first wait after a failed connection; doubles up to 1 s
  size_t max_waiting = 65'536;  // operations accepted and not answered
};

// Redis >= 6 through one connection on a thread of its own. Operations that arrive together leave in one write. When
// one times out the connection is thrown away, so that no answer can reach the wrong operation; everything in flight
// ends with kTimeout and until a new connection has answered a PING everything ends at once with kUnavailable (the
// circuit breaker). A Redis that is back is used within 2 s. Works before Redis is there. The destructor ends what
// waits with kUnavailable. `clock` is used for deadlines and must be a running one, outliving it.
std::unique_ptr<SharedState> MakeRedisState(const RedisOptions& options, const Clock& clock);

}  // namespace flyball::state
