#include "pkg/state/redis/redis_socket.h"

#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <sys/epoll.h>

namespace flyball::state {
namespace {

std::string Text(const redisReply& reply) {
  if (reply.type == REDIS_REPLY_INTEGER) return std::to_string(reply.integer);
  if (reply.type == REDIS_REPLY_NIL || reply.type == REDIS_REPLY_ARRAY) return "";
  return std::string(reply.str, static_cast<size_t>(reply.len));
}

RedisReply Flatten(const redisReply& reply) {
  RedisReply flat;
  flat.error = reply.type == REDIS_REPLY_ERROR;
  flat.text = Text(reply);
  if (reply.type == REDIS_REPLY_ARRAY)
    for (size_t i = 0; i < reply.elements; ++i) flat.elements.push_back(Text(*reply.element[i]));
  return flat;
}

}  // namespace

struct RedisSocket::Hooks {
  static RedisSocket& Of(void* socket) { return *static_cast<RedisSocket*>(socket); }
  static void AddRead(void* s) { Of(s).Want(EPOLLIN, true); }
  static void DelRead(void* s) { Of(s).Want(EPOLLIN, false); }
  static void AddWrite(void* s) { Of(s).Want(EPOLLOUT, true); }
  static void DelWrite(void* s) { Of(s).Want(EPOLLOUT, false); }

  static void Cleanup(void* s) {
    RedisSocket& socket = Of(s);
    if (socket.context_) epoll_ctl(socket.epoll_fd_, EPOLL_CTL_DEL, socket.context_->c.fd, nullptr);
  }

  static void OnConnect(const redisAsyncContext* context, int status) {
    if (status != REDIS_OK) Gone(context);
  }
  static void OnDisconnect(const redisAsyncContext* context, int) { Gone(context); }

  // hiredis frees the context when this returns.
  static void Gone(const redisAsyncContext* context) {
    RedisSocket& socket = Of(context->data);
    socket.error_ = context->errstr && *context->errstr ? context->errstr : "the connection was closed";
    Cleanup(&socket);
    socket.context_ = nullptr;
  }

  static void Reply(redisAsyncContext* context, void* reply, void* id) {
    if (!reply) return;  // the connection goes; its owner ends what is open
    Of(context->data).on_reply_(reinterpret_cast<uintptr_t>(id), Flatten(*static_cast<redisReply*>(reply)));
  }
};

RedisSocket::RedisSocket(int epoll_fd, OnReply on_reply) : epoll_fd_(epoll_fd), on_reply_(std::move(on_reply)) {}

RedisSocket::~RedisSocket() { Close(); }

Result<void> RedisSocket::Connect(const RedisAddress& address) {
  redisAsyncContext* context = address.path.empty() ? redisAsyncConnect(address.host.c_str(), address.port)
                                                    : redisAsyncConnectUnix(address.path.c_str());
  if (!context) return Fail(ErrorCode::kUnavailable, "no memory for a Redis connection");
  if (context->err) {
    error_ = context->errstr;
    redisAsyncFree(context);
    return Fail(ErrorCode::kUnavailable, error_);
  }
  context_ = context;
  error_.clear();
  wanted_ = 0;
  epoll_event event{};
  event.data.ptr = this;
  if (epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, context->c.fd, &event) != 0) {
    Close();
    return FailErrno("watching the Redis connection");
  }
  context->data = this;
  context->ev = {this, Hooks::AddRead, Hooks::DelRead, Hooks::AddWrite, Hooks::DelWrite, Hooks::Cleanup};
  redisAsyncSetDisconnectCallback(context, Hooks::OnDisconnect);
  redisAsyncSetConnectCallback(context, Hooks::OnConnect);  // also begins to wait for it
  return {};
}

void RedisSocket::Want(uint32_t events, bool wanted) {
  const uint32_t next = wanted ? wanted_ | events : wanted_ & ~events;
  if (next == wanted_ || !context_) return;
  wanted_ = next;
  epoll_event event{};
  event.events = next;
  event.data.ptr = this;
  epoll_ctl(epoll_fd_, EPOLL_CTL_MOD, context_->c.fd, &event);
}

void RedisSocket::Send(uint64_t id, const std::vector<std::string_view>& words) {
  if (!context_) return;
  std::vector<const char*> texts;
  std::vector<size_t> sizes;
  for (std::string_view word : words) {
    texts.push_back(word.data());
    sizes.push_back(word.size());
  }
  redisAsyncCommandArgv(context_, Hooks::Reply, reinterpret_cast<void*>(static_cast<uintptr_t>(id)),
                        static_cast<int>(words.size()), texts.data(), sizes.data());
}

void RedisSocket::Handle(uint32_t events) {
  if (context_ && (events & (EPOLLIN | EPOLLERR | EPOLLHUP))) redisAsyncHandleRead(context_);
  if (context_ && (events & EPOLLOUT)) {
    ++writes_;
    redisAsyncHandleWrite(context_);
  }
}

void RedisSocket::Close() {
  if (!context_) return;
  redisAsyncContext* context = context_;
  context->onDisconnect = nullptr;
  Hooks::Cleanup(this);
  context_ = nullptr;
  redisAsyncFree(context);
}

}  // namespace flyball::state
