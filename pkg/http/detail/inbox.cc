#include "pkg/http/detail/inbox.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <utility>

#include "pkg/base/check.h"

namespace flyball::http::detail {
namespace {

// Never dereferenced.
Exchange* ClosedMark() { return reinterpret_cast<Exchange*>(uintptr_t{1}); }

thread_local const Inbox* owned_inbox = nullptr;

}  // namespace

void Inbox::SetOwner(LocalAnswers* local) {
  local_ = local;
  owned_inbox = local == nullptr ? nullptr : this;
}

void Inbox::Complete(Exchange* exchange) {
  if (!CompleteHere(exchange)) PushAnswer(exchange);
}

bool Inbox::CompleteHere(Exchange* exchange) {
  if (owned_inbox != this) return false;
  local_->OnLocalAnswer(exchange);
  return true;
}

Inbox::Inbox(std::shared_ptr<const void> kept)
    : kept_(std::move(kept)), wake_fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  Check(wake_fd_.valid(), "an eventfd can be made");
}

Inbox::~Inbox() { Close(); }

void Inbox::PushAnswer(Exchange* exchange) {
  Exchange* head = answers_.load(std::memory_order_relaxed);
  do {
    if (head == ClosedMark()) {
      delete exchange;
      return;
    }
    exchange->next_in_inbox = head;
  } while (!answers_.compare_exchange_weak(head, exchange, std::memory_order_release, std::memory_order_relaxed));
  if (head == nullptr) Wake();
}

bool Inbox::PushTask(std::function<void()> task) {
  {
    std::lock_guard lock(mutex_);
    if (closed_) return false;
    tasks_.push_back(std::move(task));
  }
  Wake();
  return true;
}

void Inbox::StreamReady(int fd, uint32_t generation) {
  if (owned_inbox == this) return local_->OnLocalStream(fd, generation);
  {
    std::lock_guard lock(mutex_);
    if (closed_) return;
    streams_.push_back({fd, generation});
    has_streams_.store(true, std::memory_order_release);
  }
  Wake();
}

std::vector<Inbox::Stream> Inbox::TakeStreams() {
  if (!has_streams_.load(std::memory_order_acquire)) return {};
  std::lock_guard lock(mutex_);
  has_streams_.store(false, std::memory_order_relaxed);
  return std::exchange(streams_, {});
}

void Inbox::Wake() {
  const uint64_t one = 1;
  (void)!write(wake_fd_.get(), &one, sizeof one);
}

void Inbox::ClearWake() {
  uint64_t count = 0;
  (void)!read(wake_fd_.get(), &count, sizeof count);
}

Exchange* Inbox::TakeAnswers() {
  Exchange* newest = answers_.exchange(nullptr, std::memory_order_acquire);
  Exchange* oldest = nullptr;
  while (newest != nullptr) {
    Exchange* next = std::exchange(newest->next_in_inbox, oldest);
    oldest = std::exchange(newest, next);
  }
  return oldest;
}

std::vector<std::function<void()>> Inbox::TakeTasks() {
  std::lock_guard lock(mutex_);
  return std::exchange(tasks_, {});
}

void Inbox::Close() {
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
    tasks_.clear();
  }
  Exchange* left = answers_.exchange(ClosedMark(), std::memory_order_acquire);
  while (left != nullptr && left != ClosedMark()) delete std::exchange(left, left->next_in_inbox);
}

}  // namespace flyball::http::detail
