// The pod's executor: W threads, each with a database reader of its own, fed from the bounded queue of
// admission/executor_queue.h. Reactors hand jobs in; answers leave through the job's responder.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "pkg/admission/executor_queue.h"
#include "pkg/base/clock.h"
#include "pkg/service/api/fault_delay.h"
#include "pkg/store/store.h"
#include "pkg/telemetry/pod_metrics.h"

namespace flyball::service::api {

// What a job may use while it runs.
struct Worker {
  int shard = 0;          // of the pod's metrics, this thread's own
  store::Reader& reader;  // this thread's connection
};

// One request's work. Exactly one of Run and Refuse is called, once; then the job is destroyed.
class Job {
 public:
  Job(int whose, spec::Criticality how) : endpoint(whose), criticality(how) {}
  virtual ~Job() = default;
  // On a worker.
  virtual void Run(Worker& worker) = 0;
  // Not run: on the submitting thread (the queue is full of what matters more) or on a worker (it waited too long, or
  // gave way).
  virtual void Refuse(telemetry::Shed why) = 0;

  const int endpoint;  // whom its time is charged to
  const spec::Criticality criticality;
};

class Executor {
 public:
  struct Options {
    int workers = 8;
    // Every job occupies its worker this much longer, as a slow dependency would; or what the file says.
    nanoseconds fault_delay{0};
    std::string fault_delay_file{};
    // False: whoever comes waits for as long as it takes, in the order of arrival; nobody is refused.
    bool bounded_queue = true;
  };

  // Opens one reader a worker; any failure to do so is returned and nothing runs.
  // Worker i counts its busy time and its services in shard `first_shard` + i of `metrics`. All borrowed for its life.
  static Result<std::unique_ptr<Executor>> Start(const Options& options, store::Store& store,
                                                 telemetry::PodMetrics& metrics, int first_shard, const Clock& clock);
  // Runs what is queued, then joins.
  ~Executor();

  // Any thread; O(1), never waits for a worker. May call Refuse of `job` or of one that gave way, here.
  void Submit(std::unique_ptr<Job> job);

  // Any thread. Sheds what has waited too long for a worker, all of them busy meanwhile; call it every 10 ms or so.
  void Expire();

  int workers() const { return static_cast<int>(threads_.size()); }
  size_t queue_depth() const { return depth_.load(std::memory_order_relaxed); }

 private:
  Executor(const Options& options, telemetry::PodMetrics& metrics, int first_shard, const Clock& clock);
  void Work(int index, store::Reader& reader);
  // Until there is a job or the worker is to end. `idle`: whether this worker is counted as such, false afterwards.
  // Returns whether any worker was idle till now.
  bool AwaitJob(std::unique_lock<std::mutex>& lock, bool& idle);
  std::vector<std::unique_ptr<Job>> TakeExpired(std::vector<uint64_t>& ids);  // holds mutex_

  const Options options_;
  telemetry::PodMetrics& metrics_;
  const int first_shard_;
  const Clock& clock_;
  FaultDelay fault_delay_;
  std::vector<std::unique_ptr<store::Reader>> readers_;
  std::atomic<size_t> depth_{0};

  std::mutex mutex_;
  std::condition_variable wake_;
  admission::ExecutorQueue queue_;                                                  // guarded by mutex_
  std::unordered_map<uint64_t, std::pair<std::unique_ptr<Job>, SteadyTime>> jobs_;  // guarded by mutex_
  int idle_;  // workers without a job, those that were woken for one and have not run yet among them; guarded by mutex_
  uint64_t next_id_ = 1;   // guarded by mutex_
  bool stopping_ = false;  // guarded by mutex_

  std::vector<std::thread> threads_;
};

}  // namespace flyball::service::api
