#include "pkg/service/api/executor.h"

#include <optional>
#include <utility>

namespace flyball::service::api {
namespace {

constexpr milliseconds kMaxWait{100};
// Each of those that wait holds a connection, so there are never as many.
constexpr admission::ExecutorQueue::Options kUnbounded{1'000'000, std::chrono::hours(24)};

admission::ExecutorQueue::Options QueueOf(const Executor::Options& options) {
  if (!options.bounded_queue) return kUnbounded;
  return {.capacity = static_cast<size_t>(4 * options.workers), .max_wait = kMaxWait};
}

}  // namespace

Executor::Executor(const Options& options, telemetry::PodMetrics& metrics, int first_shard, const Clock& clock)
    : options_(options),
      metrics_(metrics),
      first_shard_(first_shard),
      clock_(clock),
      fault_delay_(options.fault_delay, options.fault_delay_file),
      queue_(QueueOf(options)),
      idle_(options.workers) {}

Result<std::unique_ptr<Executor>> Executor::Start(const Options& options, store::Store& store,
                                                  telemetry::PodMetrics& metrics, int first_shard, const Clock& clock) {
  std::unique_ptr<Executor> executor(new Executor(options, metrics, first_shard, clock));
  for (int i = 0; i < options.workers; ++i) {
    auto reader = store.OpenReader();
    if (!reader) return Fail(reader.error());
    executor->readers_.push_back(std::move(*reader));
  }
  for (int i = 0; i < options.workers; ++i) {
    executor->threads_.emplace_back(
        [self = executor.get(), i] { self->Work(i, *self->readers_[static_cast<size_t>(i)]); });
  }
  return executor;
}

Executor::~Executor() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Executor::Submit(std::unique_ptr<Job> job) {
  const SteadyTime now = clock_.Now();
  std::unique_ptr<Job> evicted;
  {
    std::lock_guard lock(mutex_);
    const uint64_t id = next_id_++;
    const auto pushed = queue_.Push(id, job->criticality, now);
    if (pushed.evicted) {
      auto node = jobs_.extract(*pushed.evicted);
      evicted = std::move(node.mapped().first);
    }
    if (pushed.accepted) jobs_.emplace(id, std::pair(std::move(job), now));
    depth_.store(queue_.size(), std::memory_order_relaxed);
  }
  if (evicted) evicted->Refuse(telemetry::Shed::kPreempted);
  if (job) {
    job->Refuse(telemetry::Shed::kQueueFull);
  } else {
    wake_.notify_one();
  }
}

std::vector<std::unique_ptr<Job>> Executor::TakeExpired(std::vector<uint64_t>& ids) {
  std::vector<std::unique_ptr<Job>> out;
  for (const uint64_t id : ids) out.push_back(std::move(jobs_.extract(id).mapped().first));
  ids.clear();
  return out;
}

void Executor::Expire() {
  if (depth_.load(std::memory_order_relaxed) == 0) return;
  std::vector<uint64_t> ids;
  std::vector<std::unique_ptr<Job>> expired;
  {
    std::lock_guard lock(mutex_);
    const SteadyTime now = clock_.Now();
    if (idle_ > 0) queue_.CountFrom(now);
    queue_.Expire(now, ids);
    expired = TakeExpired(ids);
    depth_.store(queue_.size(), std::memory_order_relaxed);
  }
  for (auto& job : expired) job->Refuse(telemetry::Shed::kQueueTimeout);
}

bool Executor::AwaitJob(std::unique_lock<std::mutex>& lock, bool& idle) {
  const auto called = [&] { return stopping_ || queue_.size() > 0; };
  if (!idle && !called()) {
    ++idle_;
    idle = true;
  }
  wake_.wait(lock, called);
  const bool any_idle = idle_ > 0;
  if (std::exchange(idle, false)) --idle_;
  return any_idle;
}

void Executor::Work(int index, store::Reader& reader) {
  Worker worker{first_shard_ + index, reader};
  std::vector<uint64_t> expired_ids;
  bool idle = true;
  for (;;) {
    std::unique_ptr<Job> job;
    std::vector<std::unique_ptr<Job>> expired;
    SteadyTime submitted;
    {
      std::unique_lock lock(mutex_);
      const bool any_idle = AwaitJob(lock, idle);
      const SteadyTime now = clock_.Now();
      if (any_idle) queue_.CountFrom(now);
      const auto id = queue_.Pop(now, expired_ids);
      expired = TakeExpired(expired_ids);
      if (id) {
        auto node = jobs_.extract(*id);
        job = std::move(node.mapped().first);
        submitted = node.mapped().second;
      }
      depth_.store(queue_.size(), std::memory_order_relaxed);
      if (!job && expired.empty() && stopping_) return;
    }
    for (auto& late : expired) late->Refuse(telemetry::Shed::kQueueTimeout);
    if (!job) continue;
    const SteadyTime begin = clock_.Now();
    metrics_.BeginBusy(worker.shard, begin);
    if (const nanoseconds delay = fault_delay_.At(begin); delay.count() > 0) std::this_thread::sleep_for(delay);
    const auto [endpoint, criticality] = std::pair(job->endpoint, job->criticality);
    job->Run(worker);
    job.reset();
    const SteadyTime end = clock_.Now();
    metrics_.EndBusy(worker.shard, end);
    metrics_.CountService(worker.shard, endpoint, criticality, begin - submitted, end - begin);
  }
}

}  // namespace flyball::service::api
