#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "pkg/base/unique_fd.h"
#include "pkg/http/detail/exchange.h"

namespace flyball::http::detail {

// Takes answers that were given on the reactor's own thread.
class LocalAnswers {
 public:
  virtual ~LocalAnswers() = default;
  virtual void OnLocalAnswer(Exchange* exchange) = 0;
  virtual void OnLocalStream(int fd, uint32_t generation) = 0;
};

// The way back to a reactor from other threads: answered exchanges on a lock-free stack, tasks in a list, and an
// eventfd that makes the reactor look. Outlives the reactor for as long as an exchange is out.
class Inbox final : public AnswerSink {
 public:
  // `kept` lives as long as this: what requests have views into beside their own exchange (the router).
  explicit Inbox(std::shared_ptr<const void> kept = nullptr);
  ~Inbox() override;
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  int wake_fd() const { return wake_fd_.get(); }

  // From here on, answers given on this thread go straight to `local`. Call with null before `local` goes.
  void SetOwner(LocalAnswers* local);

  // Any thread. Takes the exchange; after Close it is destroyed. Wakes the reactor when nothing was waiting.
  void Complete(Exchange* exchange) override;
  bool CompleteHere(Exchange* exchange) override;
  // Any thread. Wakes the reactor.
  void StreamReady(int fd, uint32_t generation) override;
  // Any thread. False after Close: the task was not taken.
  bool PushTask(std::function<void()> task);
  void Wake();

  // The reactor's side. Acknowledges the wake-up; call it before taking.
  void ClearWake();
  // Oldest first, linked by next_in_inbox; null when there is none.
  Exchange* TakeAnswers();
  std::vector<std::function<void()>> TakeTasks();
  struct Stream {
    int fd;
    uint32_t generation;
  };
  std::vector<Stream> TakeStreams();

  // Nothing is accepted from here on; what is queued is destroyed. When the reactor's thread has ended.
  void Close();

 private:
  void PushAnswer(Exchange* exchange);

  const std::shared_ptr<const void> kept_;
  UniqueFd wake_fd_;
  LocalAnswers* local_ = nullptr;            // used on the owner's thread only
  std::atomic<Exchange*> answers_{nullptr};  // newest first; a mark when closed
  std::mutex mutex_;
  bool closed_ = false;
  std::vector<std::function<void()>> tasks_;
  std::vector<Stream> streams_;
  std::atomic<bool> has_streams_{false};  // so that the lock is taken only when there are some
};

}  // namespace flyball::http::detail
