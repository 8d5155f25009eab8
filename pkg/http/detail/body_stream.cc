#include "pkg/http/detail/body_stream.h"

#include <utility>

#include "pkg/base/check.h"
#include "pkg/http/detail/exchange.h"

namespace flyball::http {
namespace detail {

void BodyStream::Notify(std::unique_lock<std::mutex>& lock) {
  const bool told = std::exchange(notified_, true);
  lock.unlock();
  if (!told) sink_->StreamReady(fd_, generation_);
}

BodyWriter::Room BodyStream::Write(std::string_view part) {
  std::unique_lock lock(mutex_);
  if (gone_) return BodyWriter::Room::kGone;
  if (part.size() > limit_ - pending_.size()) {
    gone_ = true;
    state_ = State::kBroken;
    pending_ = std::string();
    notified_ = false;  // it may be waiting for the client
    Notify(lock);
    return BodyWriter::Room::kGone;
  }
  pending_.append(part);
  const bool full = pending_.size() >= bound_;
  if (!part.empty()) Notify(lock);
  return full ? BodyWriter::Room::kNone : BodyWriter::Room::kYes;
}

bool BodyStream::WhenRoom(std::function<void()> then) {
  std::lock_guard lock(mutex_);
  if (HasRoom()) return false;
  when_room_.swap(then);
  return true;
}

void BodyStream::End(bool whole) {
  std::function<void()> dropped;
  std::unique_lock lock(mutex_);
  dropped.swap(when_room_);
  if (gone_) return lock.unlock();
  state_ = whole ? State::kWhole : State::kBroken;
  Notify(lock);
}

BodyStream::State BodyStream::Take(std::string& into) {
  std::function<void()> then;
  State state;
  {
    std::lock_guard lock(mutex_);
    pending_.swap(into);
    notified_ = false;
    state = state_;
    then.swap(when_room_);
  }
  if (then) then();
  return state;
}

bool BodyStream::Ready() {
  std::lock_guard lock(mutex_);
  return !pending_.empty() || state_ != State::kOpen;
}

bool BodyStream::IsCutOff() {
  std::lock_guard lock(mutex_);
  return gone_ && state_ == State::kBroken;
}

void BodyStream::Abandon() {
  std::function<void()> then;
  {
    std::lock_guard lock(mutex_);
    gone_ = true;
    pending_ = std::string();
    then.swap(when_room_);
  }
  if (then) then();
}

}  // namespace detail

BodyWriter& BodyWriter::operator=(BodyWriter&& other) noexcept {
  if (this != &other) {
    if (stream_ != nullptr) stream_->End(false);
    stream_ = std::move(other.stream_);
  }
  return *this;
}

BodyWriter::~BodyWriter() {
  if (stream_ != nullptr) stream_->End(false);
}

BodyWriter::Room BodyWriter::Write(std::string_view part) {
  Check(stream_ != nullptr, "this body is finished already");
  return stream_->Write(part);
}

bool BodyWriter::WhenRoom(std::function<void()> then) {
  Check(stream_ != nullptr, "this body is finished already");
  return stream_->WhenRoom(std::move(then));
}

void BodyWriter::Finish() {
  Check(stream_ != nullptr, "this body is finished already");
  std::exchange(stream_, nullptr)->End(true);
}

}  // namespace flyball::http
