#include "pkg/store/sqlite/baton.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <thread>

namespace flyball::store {
namespace {

// How long to wait between two tries. The next writer looks often; those behind it look the more often the longer they
// have waited, which makes the order nearly that of arrival without a queue.
nanoseconds Pause(nanoseconds waited, bool next) {
  constexpr nanoseconds kShortest = microseconds(40), kLongest = microseconds(800);
  if (next) return kShortest;
  return std::clamp<nanoseconds>(kLongest - waited / 20, kShortest, kLongest);
}

// ", held by process 1234" from the kernel's table of locks, or nothing.
std::string HolderOf(const UniqueFd& lock) {
  struct stat file {};
  const std::unique_ptr<FILE, int (*)(FILE*)> table(std::fopen("/proc/locks", "re"), &std::fclose);
  if (fstat(lock.get(), &file) != 0 || table == nullptr) return {};
  char line[256];
  while (std::fgets(line, sizeof line, table.get()) != nullptr) {
    int pid = 0;
    unsigned major = 0, minor = 0;
    unsigned long inode = 0;
    const int fields = std::sscanf(line, "%*d: FLOCK %*s WRITE %d %x:%x:%lu", &pid, &major, &minor, &inode);
    if (fields == 4 && inode == file.st_ino && pid > 0) return ", held by process " + std::to_string(pid);
  }
  return {};
}

Result<UniqueFd> OpenLock(const std::string& path) {
  UniqueFd lock(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!lock.valid()) return FailErrno("cannot create the database's lock " + path);
  return lock;
}

}  // namespace

Baton::Baton(std::string path, UniqueFd gate, UniqueFd write)
    : path_(std::move(path)), gate_(std::move(gate)), write_(std::move(write)) {}

Result<Baton> Baton::Open(const std::string& path) {
  auto gate = OpenLock(path + "-gate");
  if (!gate) return Fail(std::move(gate.error()));
  auto write = OpenLock(path + "-write");
  if (!write) return Fail(std::move(write.error()));
  return Baton(path, std::move(*gate), std::move(*write));
}

Result<void> Baton::Wait(const UniqueFd& lock, SteadyTime start, SteadyTime deadline, bool next) {
  while (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return FailErrno("cannot lock " + path_);
    const SteadyTime now = RealClock().Now();
    if (now >= deadline) {
      return Fail(ErrorCode::kUnavailable, path_ + ": no turn to write came in time" + HolderOf(write_));
    }
    std::this_thread::sleep_for(Pause(now - start, next));
  }
  return {};
}

Result<void> Baton::Take(SteadyTime deadline) {
  const SteadyTime start = RealClock().Now();
  if (auto waited = Wait(gate_, start, deadline, false); !waited) return waited;
  auto waited = Wait(write_, start, deadline, true);
  flock(gate_.get(), LOCK_UN);
  return waited;
}

void Baton::Release() { flock(write_.get(), LOCK_UN); }

void HeldBaton::Release() {
  if (baton_ != nullptr) baton_->Release();
  baton_ = nullptr;
}

}  // namespace flyball::store
