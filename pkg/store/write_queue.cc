#include "pkg/store/write_queue.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

namespace flyball::store {
namespace {

constexpr std::chrono::seconds kIdle(1);

void TakeBatch(std::deque<PendingWrite>& queued, size_t limit, Batch& batch) {
  batch.clear();
  const auto end = queued.begin() + static_cast<std::ptrdiff_t>(std::min(queued.size(), limit));
  std::move(queued.begin(), end, std::back_inserter(batch));
  queued.erase(queued.begin(), end);
}

}  // namespace

void Complete(Batch& batch) {
  for (PendingWrite& pending : batch) {
    Result<Written>& result = *pending.result;
    if (result && result->outcome == Written::Outcome::kDone && pending.write.kind == Write::Kind::kInsert) {
      result->row = std::move(pending.write.row);
    }
    const WriteDone done = std::move(pending.done);  // what it holds goes with it: the batch stays until the next
    done(std::move(result));
  }
}

void WriteQueue::Start(std::function<void(Batch&)> settle, std::function<void()> idle) {
  settle_ = std::move(settle);
  idle_ = std::move(idle);
  thread_ = std::thread([this] { Run(); });
}

void WriteQueue::Stop() {
  waiting_.Close();
  thread_.join();
}

void WriteQueue::Submit(Write write, WriteDone done) {
  PendingWrite pending{std::move(write), std::move(done), std::nullopt};
  switch (waiting_.Send(std::move(pending))) {
    case Mailbox<PendingWrite>::Sent::kFull:
      return pending.done(Fail(ErrorCode::kExhausted, name_ + ": too many writes are waiting"));
    case Mailbox<PendingWrite>::Sent::kClosed:
      return pending.done(Fail(ErrorCode::kUnavailable, name_ + ": the store is shutting down"));
    default:
      return;
  }
}

void WriteQueue::Run() {
  Batch batch;
  for (;;) {
    const bool last = waiting_.closed();
    std::deque<PendingWrite> queued = waiting_.WaitAll(kIdle);
    if (queued.empty()) {
      if (last) return;
      idle_();
    }
    while (!queued.empty()) {
      TakeBatch(queued, batch_limit_, batch);
      settle_(batch);
    }
  }
}

}  // namespace flyball::store
