// Where writes wait for the writer thread of a store. Common to all stores.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "pkg/base/mailbox.h"
#include "pkg/store/store.h"

namespace flyball::store {

struct PendingWrite {
  Write write;
  WriteDone done;
  std::optional<Result<Written>> result;  // set: decided
};
using Batch = std::vector<PendingWrite>;

// Calls `done` of each, in order, and lets go of what it holds; all are decided. A done insert gives its own row back
// as the row stored.
void Complete(Batch& batch);

class WriteQueue {
 public:
  // `capacity` writes may wait; a batch has at most `batch_limit`. `name` stands in messages.
  WriteQueue(size_t capacity, size_t batch_limit, std::string name)
      : waiting_(capacity), batch_limit_(batch_limit), name_(std::move(name)) {}

  // Starts the thread, which calls `settle` for each batch, oldest first, to decide and complete it, and `idle` after a
  // second without writes.
  void Start(std::function<void(Batch&)> settle, std::function<void()> idle);
  // Settles what is waiting, then ends the thread. Writes submitted from now on are refused.
  void Stop();

  // Store::Submit.
  void Submit(Write write, WriteDone done);
  bool stopping() const { return waiting_.closed(); }

 private:
  void Run();

  Mailbox<PendingWrite> waiting_;
  const size_t batch_limit_;
  const std::string name_;
  std::function<void(Batch&)> settle_;
  std::function<void()> idle_;
  std::thread thread_;
};

}  // namespace flyball::store
