#include "pkg/http/connection_counts.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "pkg/base/check.h"

namespace flyball::http {

// The layout is shared by processes, possibly of two builds: `magic` changes with it.
struct ConnectionCounts::Page {
  static constexpr uint64_t kMagic = 0x666c7962616c6c31;  // "flyball1"

  struct alignas(64) Slot {
    std::atomic<int32_t> connections;
    std::atomic<uint32_t> accepting_reactors;  // 0: does not accept
  };

  alignas(64) std::atomic<uint64_t> magic;
  std::atomic<uint32_t> used;  // slots from here on were never used
  Slot slots[kSlots];

  Slot& at(size_t slot) {
    Check(slot < kSlots, "a slot of the connection counts is below 255");
    return slots[slot];
  }
};

Result<ConnectionCounts> ConnectionCounts::Create() {
  UniqueFd fd(memfd_create("flyball-connections", MFD_CLOEXEC));
  if (!fd.valid()) return FailErrno("creating the page of connection counts");
  if (ftruncate(fd.get(), sizeof(Page)) != 0) return FailErrno("sizing the page of connection counts");
  void* memory = mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (memory == MAP_FAILED) return FailErrno("mapping the page of connection counts");
  Page* page = static_cast<Page*>(memory);  // zero-filled: valid atomics, all clear
  page->magic.store(Page::kMagic, std::memory_order_release);
  return ConnectionCounts(std::move(fd), page);
}

Result<ConnectionCounts> ConnectionCounts::Map(UniqueFd fd) {
  struct stat status {};
  if (fstat(fd.get(), &status) != 0) return FailErrno("looking at the page of connection counts");
  if (static_cast<size_t>(status.st_size) != sizeof(Page)) {
    return Fail(ErrorCode::kInvalid, "the descriptor is not a page of connection counts: its size differs");
  }
  void* memory = mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (memory == MAP_FAILED) return FailErrno("mapping the page of connection counts");
  ConnectionCounts counts(std::move(fd), static_cast<Page*>(memory));
  if (counts.page_->magic.load(std::memory_order_acquire) != Page::kMagic) {
    return Fail(ErrorCode::kInvalid, "the page of connection counts was made by another version");
  }
  return counts;
}

ConnectionCounts::ConnectionCounts(ConnectionCounts&& other) noexcept
    : fd_(std::move(other.fd_)), page_(std::exchange(other.page_, nullptr)) {}

ConnectionCounts& ConnectionCounts::operator=(ConnectionCounts&& other) noexcept {
  fd_ = std::move(other.fd_);
  std::swap(page_, other.page_);
  return *this;
}

ConnectionCounts::~ConnectionCounts() {
  if (page_ != nullptr) munmap(page_, sizeof(Page));
}

void ConnectionCounts::SetAccepting(size_t slot, bool accepting, uint32_t reactors) {
  uint32_t used = page_->used.load(std::memory_order_relaxed);
  while (used <= slot && !page_->used.compare_exchange_weak(used, static_cast<uint32_t>(slot) + 1)) {
  }
  // Sequentially consistent, as the load in Sum: of pods that stop together at least one sees that no other accepts.
  page_->at(slot).accepting_reactors.store(accepting ? reactors : 0, std::memory_order_seq_cst);
}

void ConnectionCounts::Add(size_t slot, int32_t change) {
  page_->at(slot).connections.fetch_add(change, std::memory_order_relaxed);
}

int32_t ConnectionCounts::Connections(size_t slot) const {
  return page_->at(slot).connections.load(std::memory_order_relaxed);
}

bool ConnectionCounts::Accepting(size_t slot) const {
  return page_->at(slot).accepting_reactors.load(std::memory_order_relaxed) != 0;
}

void ConnectionCounts::Clear(size_t slot) {
  SetAccepting(slot, false);
  page_->at(slot).connections.store(0, std::memory_order_relaxed);
}

ConnectionCounts::Fleet ConnectionCounts::Sum() const {
  Fleet fleet;
  const size_t used = std::min<size_t>(page_->used.load(std::memory_order_relaxed), kSlots);
  for (size_t i = 0; i < used; ++i) {
    const Page::Slot& slot = page_->slots[i];
    const uint32_t reactors = slot.accepting_reactors.load(std::memory_order_seq_cst);
    if (reactors == 0) continue;
    ++fleet.pods;
    fleet.reactors += reactors;
    const int32_t connections = slot.connections.load(std::memory_order_relaxed);
    fleet.connections += connections;
    const double per_reactor = static_cast<double>(connections) / reactors;
    if (fleet.pods == 1 || per_reactor < fleet.least_per_reactor) fleet.least_per_reactor = per_reactor;
  }
  return fleet;
}

}  // namespace flyball::http
