#include "pkg/store/sqlite/checkpointer.h"

#include <sqlite3.h>

namespace flyball::store {

Checkpointer::Checkpointer(std::unique_ptr<Connection> connection, Baton baton, milliseconds lock_wait)
    : connection_(std::move(connection)), baton_(std::move(baton)), lock_wait_(lock_wait) {
  thread_ = std::thread([this] { Run(); });
}

Checkpointer::~Checkpointer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_one();
  }
  thread_.join();
}

void Checkpointer::Ask() {
  const std::lock_guard lock(mutex_);
  if (asked_) return;
  asked_ = true;
  changed_.notify_one();
}

void Checkpointer::Run() {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return asked_ || stopping_; });
      if (stopping_) return;
    }
    MoveAll();
    const std::lock_guard lock(mutex_);
    asked_ = false;  // what was asked meanwhile has been done
  }
}

void Checkpointer::MoveAll() {
  int in_log = 0, moved = 0;
  const int code =
      sqlite3_wal_checkpoint_v2(connection_->handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, &in_log, &moved);
  if (code != SQLITE_OK || in_log <= 0) return;
  if (!baton_.Take(RealClock().Now() + lock_wait_)) return;
  const HeldBaton held(baton_);
  RestartLog(*connection_, milliseconds(50));
}

void RestartLog(Connection& connection, milliseconds patience) {
  const int before = connection.busy_ms();
  sqlite3_busy_timeout(connection.handle(), static_cast<int>(patience.count()));
  sqlite3_wal_checkpoint_v2(connection.handle(), nullptr, SQLITE_CHECKPOINT_RESTART, nullptr, nullptr);
  sqlite3_busy_timeout(connection.handle(), before);
}

}  // namespace flyball::store
