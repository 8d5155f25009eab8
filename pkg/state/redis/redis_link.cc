#include "pkg/state/redis/redis_link.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>

#include "pkg/base/check.h"
#include "pkg/base/log.h"

namespace flyball::state {
namespace {

constexpr uint64_t kGreetingId = uint64_t{1} << 62;  // greeting step i has id kGreetingId + i
constexpr nanoseconds kMostBackoff = seconds(1);

// Errors by which Redis says that it did not even begin.
bool NotNow(std::string_view error) {
  for (std::string_view prefix : {"LOADING", "BUSY ", "READONLY", "OOM", "MISCONF", "MASTERDOWN", "NOREPLICAS",
                                  "CLUSTERDOWN", "TRYAGAIN", "MOVED", "ASK", "NOAUTH", "NOPERM"})
    if (error.starts_with(prefix)) return true;
  return false;
}

// hiredis writes with write(): a connection that was reset must be an error, not the end of the process.
void BlockSigpipe() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

}  // namespace

RedisLink::RedisLink(const RedisOptions& options, const Clock& clock)
    : options_(options),
      clock_(clock),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      inbox_(options.max_waiting),
      socket_(epoll_.get(), [this](uint64_t id, const RedisReply& reply) { OnReply(id, reply); }),
      backoff_(options.reconnect) {
  Check(epoll_.valid() && wake_.valid(), "no descriptors for the Redis thread");
  epoll_event event{};
  event.events = EPOLLIN;
  Check(epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) == 0, "epoll refuses an eventfd");
  health_ = {Mode::kRedis, false, clock.Now(), "not connected yet"};
  thread_ = std::thread([this] { Run(); });
}

RedisLink::~RedisLink() {
  inbox_.Close();
  stopping_ = true;
  eventfd_write(wake_.get(), 1);
  thread_.join();
}

bool RedisLink::Send(std::vector<RedisCommand> commands) {
  const size_t n = commands.size();
  if (waiting_.fetch_add(n) + n > options_.max_waiting) {
    waiting_ -= n;
    return false;
  }
  using Sent = Mailbox<Post>::Sent;
  const Sent sent = inbox_.Send({std::move(commands), clock_.Now() + options_.timeout});
  if (sent == Sent::kFull || sent == Sent::kClosed) {
    waiting_ -= n;
    return false;
  }
  operations_ += n;
  if (sent == Sent::kFirst) eventfd_write(wake_.get(), 1);
  return true;
}

Health RedisLink::health() const {
  std::lock_guard lock(health_mutex_);
  return health_;
}

Counters RedisLink::counters() const {
  Counters c;
  c.operations = operations_;
  c.answered = answered_;
  c.timeouts = timeouts_;
  c.unavailable = unavailable_;
  c.errors = errors_;
  c.connections = connections_;
  c.writes = writes_;
  return c;
}

void RedisLink::Run() {
  BlockSigpipe();
  while (!stopping_) Turn();
  TakePosts();
  socket_.Close();
  phase_ = Phase::kDown;
  while (!pending_.empty()) Finish(pending_.begin()->first, Fail(ErrorCode::kUnavailable, "shutting down"));
}

void RedisLink::Turn() {
  SteadyTime now = clock_.Now();
  if (phase_ == Phase::kDown && now >= next_attempt_) Connect(now);
  epoll_event events[4];
  const int n = epoll_wait(epoll_.get(), events, 4, WaitMs(now));
  for (int i = 0; i < n; ++i) {
    if (events[i].data.ptr)
      socket_.Handle(events[i].events);
    else
      TakePosts();
  }
  writes_.store(socket_.writes(), std::memory_order_relaxed);
  now = clock_.Now();
  if (phase_ != Phase::kDown && !socket_.open()) Lose(socket_.error(), now);
  if (!greeting_error_.empty()) Lose(std::exchange(greeting_error_, ""), now);
  CheckDeadlines(now);
}

int RedisLink::WaitMs(SteadyTime now) const {
  SteadyTime until = now + seconds(10);
  if (phase_ == Phase::kDown) until = std::min(until, next_attempt_);
  if (phase_ == Phase::kGreeting) until = std::min(until, greeting_deadline_);
  if (!pending_.empty()) until = std::min(until, pending_.begin()->second.deadline);
  const auto wait = std::chrono::ceil<milliseconds>(until - now);
  return static_cast<int>(std::max<int64_t>(0, wait.count()));
}

void RedisLink::TakePosts() {
  eventfd_t ignored;
  eventfd_read(wake_.get(), &ignored);
  for (Post& post : inbox_.TakeAll()) {
    for (RedisCommand& command : post.commands) {
      const uint64_t id = next_id_++;
      const Pending& pending = pending_.emplace(id, Pending{std::move(command), post.deadline}).first->second;
      if (pending.command.refused)
        Finish(id, Fail(*pending.command.refused));
      else if (phase_ == Phase::kUp)
        Transmit(id, pending);
      else
        Finish(id, Fail(ErrorCode::kUnavailable, "Redis is down: " + health().last_error));
    }
  }
}

void RedisLink::Transmit(uint64_t id, const Pending& pending) {
  const RedisCommand& command = pending.command;
  const size_t script = static_cast<size_t>(command.script);
  const std::string keys = std::to_string(command.keys.size());
  std::vector<std::string_view> words;
  if (pending.whole)
    words = {"EVAL", kScriptSources[script].text, keys};
  else
    words = {"EVALSHA", shas_[script], keys};
  words.insert(words.end(), command.keys.begin(), command.keys.end());
  words.insert(words.end(), command.args.begin(), command.args.end());
  socket_.Send(id, words);
}

void RedisLink::OnReply(uint64_t id, const RedisReply& reply) {
  if (id >= kGreetingId) return OnGreeting(id - kGreetingId, reply);
  const auto it = pending_.find(id);
  if (it == pending_.end()) return;
  if (reply.error && reply.text.starts_with("NOSCRIPT") && !it->second.whole) {
    it->second.whole = true;
    return Transmit(id, it->second);
  }
  ++answered_;
  if (!reply.error) return Finish(id, reply.elements);
  ++errors_;
  const ErrorCode code = NotNow(reply.text) ? ErrorCode::kUnavailable : ErrorCode::kCorrupt;
  Finish(id, Fail(code, "Redis answered: " + reply.text.substr(0, 200)));
}

void RedisLink::Finish(uint64_t id, Result<std::vector<std::string>> result) {
  auto node = pending_.extract(id);
  if (!result && result.error().code == ErrorCode::kTimeout) ++timeouts_;
  if (!result && result.error().code == ErrorCode::kUnavailable) ++unavailable_;
  --waiting_;
  node.mapped().command.done(std::move(result));
}

void RedisLink::Connect(SteadyTime now) {
  greeting_deadline_ = now + options_.timeout;
  phase_ = Phase::kGreeting;
  if (auto ok = socket_.Connect(options_.address); !ok) return Lose(ok.error().message, clock_.Now());
  Greet();
}

// A connection is well when it has answered all of these in time.
void RedisLink::Greet() {
  const RedisAddress& address = options_.address;
  greeting_.clear();
  if (!address.password.empty() && address.username.empty()) greeting_.push_back({"AUTH", address.password});
  if (!address.password.empty() && !address.username.empty())
    greeting_.push_back({"AUTH", address.username, address.password});
  if (address.database != 0) greeting_.push_back({"SELECT", std::to_string(address.database)});
  greeting_.push_back({"PING"});
  for (const ScriptSource& script : kScriptSources) greeting_.push_back({"SCRIPT", "LOAD", script.text});
  for (size_t i = 0; i < greeting_.size(); ++i)
    socket_.Send(kGreetingId + i, {greeting_[i].begin(), greeting_[i].end()});
}

void RedisLink::OnGreeting(size_t step, const RedisReply& reply) {
  if (reply.error) {
    if (greeting_error_.empty()) greeting_error_ = greeting_[step][0] + ": " + reply.text.substr(0, 200);
    return;
  }
  const size_t scripts_from = greeting_.size() - kScripts;
  if (step >= scripts_from) shas_[step - scripts_from] = reply.text;
  if (step + 1 < greeting_.size() || !greeting_error_.empty()) return;
  phase_ = Phase::kUp;
  backoff_ = options_.reconnect;
  ++connections_;
  SetHealth(true, "");
}

// Whatever was sent may or may not have had its effect.
void RedisLink::Lose(const std::string& reason, SteadyTime now) {
  const bool was_up = phase_ == Phase::kUp;
  socket_.Close();
  phase_ = Phase::kDown;
  greeting_error_.clear();
  next_attempt_ = was_up ? now : now + backoff_;
  if (!was_up) backoff_ = std::min(backoff_ * 2, kMostBackoff);
  SetHealth(false, reason);
  while (!pending_.empty())
    Finish(pending_.begin()->first, Fail(ErrorCode::kTimeout, "Redis did not answer: " + reason));
}

void RedisLink::SetHealth(bool up, const std::string& reason) {
  bool moved = false;
  {
    std::lock_guard lock(health_mutex_);
    moved = health_.up != up;
    health_.up = up;
    if (moved) health_.since = clock_.Now();
    if (!up) health_.last_error = reason;
  }
  if (!moved) return;
  if (up)
    Log(LogLevel::kInfo, "shared state is up");
  else
    Log(LogLevel::kWarn, "shared state is down, deciding locally", {{"reason", reason}});
}

void RedisLink::CheckDeadlines(SteadyTime now) {
  if (phase_ == Phase::kGreeting && now >= greeting_deadline_) return Lose("no answer to a new connection", now);
  if (!pending_.empty() && now >= pending_.begin()->second.deadline) Lose("an operation took too long", now);
}

}  // namespace flyball::state
