#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "pkg/http/body_writer.h"

namespace flyball::http::detail {

class AnswerSink;

// What lies between a producer (any thread) and the connection that sends (reactor thread): bytes written and not yet
// taken, how it ended, and who is to be told. The lock is held for a copy or a swap of strings.
class BodyStream {
 public:
  // `bound`: unsent bytes at which the producer is told to wait; `limit`: at which it is cut off.
  BodyStream(std::shared_ptr<AnswerSink> sink, int fd, uint32_t generation, size_t bound, size_t limit)
      : sink_(std::move(sink)), fd_(fd), generation_(generation), bound_(bound), limit_(limit) {}

  // The producer's side, as BodyWriter has it. End: `whole` is false when the producer gave up.
  BodyWriter::Room Write(std::string_view part);
  bool WhenRoom(std::function<void()> then);
  void End(bool whole);

  // The reactor's side.
  enum class State { kOpen, kWhole, kBroken };
  // Moves what was written into `into` (which must be empty); kWhole: nothing follows, kBroken: the rest never comes.
  // May call the producer back.
  State Take(std::string& into);
  // Something to take, or an end.
  bool Ready();
  // The producer wrote beyond the limit: nothing of it is worth sending any more.
  bool IsCutOff();
  // Nobody reads any more. Tells the producer. A no-op when repeated or after the end.
  void Abandon();

 private:
  bool HasRoom() const { return gone_ || pending_.size() <= bound_ / 2; }
  // Wakes the reactor unless it will look anyhow.
  void Notify(std::unique_lock<std::mutex>& lock);

  const std::shared_ptr<AnswerSink> sink_;
  const int fd_;
  const uint32_t generation_;
  const size_t bound_;
  const size_t limit_;
  std::mutex mutex_;  // guards the rest
  std::string pending_;
  State state_ = State::kOpen;
  bool gone_ = false;
  bool notified_ = false;  // since the last Take
  std::function<void()> when_room_;
};

}  // namespace flyball::http::detail
