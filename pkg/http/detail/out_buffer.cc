#include "pkg/http/detail/out_buffer.h"

#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "pkg/http/detail/tls.h"

namespace flyball::http::detail {
namespace {

constexpr size_t kCopiedBody = 16 * 1024;  // up to here copying is cheaper than another segment
constexpr int kFlags = MSG_NOSIGNAL | MSG_DONTWAIT;
constexpr size_t kMaxSegments = 16;  // of one send
constexpr size_t kKeptSpare = 256 * 1024;

ssize_t Push(const OutBuffer::Way& way, std::string_view bytes) {
  if (way.tls != nullptr) return way.tls->Send(bytes.data(), bytes.size());
  return send(way.fd, bytes.data(), bytes.size(), kFlags);
}

}  // namespace

uint64_t OutBuffer::Segment::left() const { return file() != nullptr ? file()->length - sent : rest().size(); }

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
  if (const Response::FilePart* file = response.file(); file != nullptr) {
    if (file->length == 0) return;
    CloseTail();
    queued_ += file->length;
    queued_in_files_ += file->length;
    queue_.push_back({*file, 0});
    return;
  }
  const std::string_view body = response.body();
  if (body.size() <= kCopiedBody) {
    tail_.append(body);
    return;
  }
  CloseTail();
  queued_ += body.size();
  queue_.push_back({response.ShareBody(), 0});
}

OutBuffer::Flushed OutBuffer::Flush(const Way& way, size_t& bytes_sent) {
  size_t left = way.budget;
  while (!empty()) {
    if (left == 0) return Flushed::kMore;
    const ssize_t sent = SendSome(way);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? Flushed::kBlocked : Flushed::kFailed;
    bytes_sent += static_cast<size_t>(sent);
    left -= std::min(left, static_cast<size_t>(sent));
    Consume(static_cast<size_t>(sent));
  }
  return Flushed::kAll;
}

ssize_t OutBuffer::SendSome(const Way& way) {
  if (queue_.empty()) return Push(way, {tail_.data() + tail_sent_, tail_.size() - tail_sent_});
  if (queue_[0].file() != nullptr) return SendFile(way, queue_[0]);
  return way.tls != nullptr ? Push(way, queue_[0].rest()) : SendMemory(way);
}

// What is in memory before the first file.
ssize_t OutBuffer::SendMemory(const Way& way) {
  iovec vectors[kMaxSegments];
  size_t count = 0, i = 0;
  for (; i < queue_.size() && count < kMaxSegments && queue_[i].file() == nullptr; ++i) {
    const std::string_view rest = queue_[i].rest();
    vectors[count++] = {const_cast<char*>(rest.data()), rest.size()};
  }
  const bool file_follows = i < queue_.size() && queue_[i].file() != nullptr;
  if (i == queue_.size() && count < kMaxSegments && tail_.size() > tail_sent_) {
    vectors[count++] = {tail_.data() + tail_sent_, tail_.size() - tail_sent_};
  }
  msghdr message{};
  message.msg_iov = vectors;
  message.msg_iovlen = count;
  return sendmsg(way.fd, &message, file_follows ? kFlags | MSG_MORE : kFlags);
}

// Not sendfile(2): it raises SIGPIPE for a client that left, and cannot encrypt.
ssize_t OutBuffer::SendFile(const Way& way, const Segment& segment) {
  const Response::FilePart& file = *segment.file();
  const size_t wanted = static_cast<size_t>(std::min<uint64_t>(segment.left(), way.scratch.size()));
  const ssize_t got =
      pread(file.file->get(), way.scratch.data(), wanted, static_cast<off_t>(file.offset + segment.sent));
  if (got == 0) errno = EIO;  // it became shorter
  if (got <= 0) return -1;
  return Push(way, {way.scratch.data(), static_cast<size_t>(got)});
}

void OutBuffer::Consume(size_t bytes) {
  size_t done = 0;
  while (done < queue_.size()) {
    const size_t take = static_cast<size_t>(std::min<uint64_t>(bytes, queue_[done].left()));
    queue_[done].sent += take;
    queued_ -= take;
    if (queue_[done].file() != nullptr) queued_in_files_ -= take;
    bytes -= take;
    if (queue_[done].left() > 0) break;
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
