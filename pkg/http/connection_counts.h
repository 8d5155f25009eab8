#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "pkg/base/result.h"
#include "pkg/base/unique_fd.h"

namespace flyball::http {

// How many connections each pod of one machine holds: a memory page (memfd) that the supervisor creates and every pod
// inherits and maps. It lets pods that share one listening socket leave new connections to those with fewer.
// One slot a pod. Lock-free; all functions may be called from any thread of any process that has it mapped. A pod that
// dies leaves its numbers behind: whoever reaps it calls Clear.
class ConnectionCounts {
 public:
  static constexpr size_t kSlots = 255;

  // A new page, all slots clear. fd() is what children inherit (it is close-on-exec until the caller clears that).
  static Result<ConnectionCounts> Create();
  // Maps a page made by Create in another process; takes the descriptor. kInvalid when it is not one.
  static Result<ConnectionCounts> Map(UniqueFd fd);

  ConnectionCounts(ConnectionCounts&& other) noexcept;
  ConnectionCounts& operator=(ConnectionCounts&& other) noexcept;
  ~ConnectionCounts();

  int fd() const { return fd_.get(); }

  // Slots are 0 to kSlots - 1; another index is a bug.
  // What the pod in `slot` reports: whether it takes connections at present, and with how many reactors.
  void SetAccepting(size_t slot, bool accepting, uint32_t reactors = 1);
  void Add(size_t slot, int32_t change);
  int32_t Connections(size_t slot) const;
  bool Accepting(size_t slot) const;
  void Clear(size_t slot);

  struct Fleet {
    uint32_t pods = 0;      // slots that accept
    uint32_t reactors = 0;  // of those pods
    int64_t connections = 0;
    double least_per_reactor = 0;  // of the pod with the fewest; 0 without pods
    double MeanPerPod() const { return pods == 0 ? 0 : static_cast<double>(connections) / pods; }
    double MeanPerReactor() const { return reactors == 0 ? 0 : static_cast<double>(connections) / reactors; }
  };
  // Over the slots that accept: draining and absent pods do not count. O(kSlots).
  Fleet Sum() const;

 private:
  struct Page;
  ConnectionCounts(UniqueFd fd, Page* page) : fd_(std::move(fd)), page_(page) {}

  UniqueFd fd_;
  Page* page_ = nullptr;
};

}  // namespace flyball::http
