// The thread that talks to Redis: deadlines, the circuit breaker, reconnecting.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "pkg/base/mailbox.h"
#include "pkg/base/unique_fd.h"
#include "pkg/state/redis/redis_socket.h"
#include "pkg/state/redis/redis_state.h"
#include "pkg/state/redis/scripts.h"

namespace flyball::state {

struct RedisCommand {
  Script script;
  std::vector<std::string> keys, args;
  // On the link's thread, exactly once: the elements of the script's answer, kTimeout, kUnavailable, or kCorrupt when
  // Redis answered with an error.
  std::function<void(Result<std::vector<std::string>>)> done;
  std::optional<Error> refused = std::nullopt;  // answered with this, Redis is not asked
};

class RedisLink {
 public:
  RedisLink(const RedisOptions& options, const Clock& clock);
  ~RedisLink();  // ends what waits with kUnavailable
  RedisLink(const RedisLink&) = delete;
  RedisLink& operator=(const RedisLink&) = delete;

  // All of them or, when too many wait, none. Any thread.
  bool Send(std::vector<RedisCommand> commands);

  Health health() const;
  Counters counters() const;

 private:
  enum class Phase { kDown, kGreeting, kUp };
  struct Pending {
    RedisCommand command;
    SteadyTime deadline;
    bool whole = false;  // the script's text went along, because Redis had forgotten it
  };
  struct Post {
    std::vector<RedisCommand> commands;
    SteadyTime deadline;
  };

  void Run();
  void Turn();
  int WaitMs(SteadyTime now) const;
  void TakePosts();
  void Connect(SteadyTime now);
  void Greet();
  void OnGreeting(size_t step, const RedisReply& reply);
  void OnReply(uint64_t id, const RedisReply& reply);
  void Transmit(uint64_t id, const Pending& pending);
  void Finish(uint64_t id, Result<std::vector<std::string>> result);
  void Lose(const std::string& reason, SteadyTime now);
  void SetHealth(bool up, const std::string& reason);
  void CheckDeadlines(SteadyTime now);

  const RedisOptions options_;
  const Clock& clock_;
  UniqueFd epoll_, wake_;
  Mailbox<Post> inbox_;
  std::atomic<bool> stopping_{false};
  std::atomic<size_t> waiting_{0};
  std::atomic<uint64_t> operations_{0}, answered_{0}, timeouts_{0}, unavailable_{0}, errors_{0}, connections_{0},
      writes_{0};
  mutable std::mutex health_mutex_;
  Health health_;  // guarded by health_mutex_

  // Only the thread's.
  RedisSocket socket_;
  Phase phase_ = Phase::kDown;
  std::map<uint64_t, Pending> pending_;  // by id: oldest first
  uint64_t next_id_ = 1;
  std::vector<std::vector<std::string>> greeting_;
  SteadyTime greeting_deadline_{}, next_attempt_{};
  nanoseconds backoff_;
  std::string greeting_error_;
  std::array<std::string, kScripts> shas_;

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace flyball::state
