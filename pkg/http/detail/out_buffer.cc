#include "pkg/http/detail/out_buffer.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>

namespace flyball::http::detail {
namespace {

constexpr size_t kCopiedBody = 16 * 1024;  // up to here copying is cheaper than another segment
constexpr int kFlags = MSG_NOSIGNAL | MSG_DONTWAIT;
constexpr size_t kMaxSegments = 16;  // of one send
constexpr size_t kKeptSpare = 256 * 1024;

}  // namespace

std::string_view OutBuffer::Segment::rest() const {
  const auto* owned = std::get_if<std::string>(&bytes);
  const std::string_view all = owned != nullptr ? *owned : *std::get<Response::SharedBody>(bytes);
  return all.substr(sent);
}

void OutBuffer::CloseTail() {
  if (tail_.size() == tail_sent_) return;
  queued_ += tail_.size() - tail_sent_;
  queue_.push_back({std::move(tail_), tail_sent_});
  tail_ = std::string();
  tail_sent_ = 0;
}

void OutBuffer::AppendBody(Response& response) {
  const std::string_view body = response.body();
  if (body.size() <= kCopiedBody) {
    tail_.append(body);
    return;
  }
  CloseTail();
  queued_ += body.size();
  queue_.push_back({response.ShareBody(), 0});
}

OutBuffer::Flushed OutBuffer::Flush(int fd, size_t& bytes_sent) {
  while (!empty()) {
    const ssize_t sent =
        queue_.empty() ? send(fd, tail_.data() + tail_sent_, tail_.size() - tail_sent_, kFlags) : SendQueue(fd);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? Flushed::kBlocked : Flushed::kFailed;
    bytes_sent += static_cast<size_t>(sent);
    Consume(static_cast<size_t>(sent));
  }
  return Flushed::kAll;
}

ssize_t OutBuffer::SendQueue(int fd) {
  iovec vectors[kMaxSegments];
  size_t count = 0;
  for (size_t i = 0; i < queue_.size() && count < kMaxSegments; ++i) {
    const std::string_view rest = queue_[i].rest();
    vectors[count++] = {const_cast<char*>(rest.data()), rest.size()};
  }
  if (count < kMaxSegments && tail_.size() > tail_sent_) {
    vectors[count++] = {tail_.data() + tail_sent_, tail_.size() - tail_sent_};
  }
  msghdr message{};
  message.msg_iov = vectors;
  message.msg_iovlen = count;
  return sendmsg(fd, &message, kFlags);
}

void OutBuffer::Consume(size_t bytes) {
  size_t done = 0;
  while (done < queue_.size()) {
    const size_t take = std::min(bytes, queue_[done].rest().size());
    queue_[done].sent += take;
    queued_ -= take;
    bytes -= take;
    if (!queue_[done].rest().empty()) break;
    ++done;
  }
  queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(done));
  if (queue_.empty() && queue_.capacity() > 0) queue_ = std::vector<Segment>();
  tail_sent_ += bytes;
  if (tail_sent_ == tail_.size()) {
    tail_.clear();
    tail_sent_ = 0;
  }
}

void OutBuffer::Borrow(std::string& spare) {
  if (tail_.capacity() <= spare.capacity() && tail_.empty()) tail_.swap(spare);
}

void OutBuffer::Return(std::string& spare) {
  if (!empty()) return;
  if (tail_.capacity() > spare.capacity()) tail_.swap(spare);
  tail_ = std::string();
  if (spare.capacity() > kKeptSpare) spare = std::string();
}

}  // namespace flyball::http::detail
