#include "pkg/service/api/access_log.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "pkg/base/json_writer.h"
#include "pkg/base/time_format.h"
#include "pkg/base/utf8.h"

namespace flyball::service::api {
namespace {

using What = AccessLogOptions::What;

constexpr milliseconds kWriteEvery{100};
constexpr milliseconds kPatience{1000};  // for whoever reads the lines
constexpr size_t kMaxPathBytes = 256;
constexpr double kSampleOfErrors = 0.01;

// As sent, so in ASCII: what it decodes to may steer a terminal that shows the log.
std::string_view WithoutQuery(std::string_view target) { return target.substr(0, target.find('?')); }

// Cut between characters.
std::string_view Cut(std::string_view text) {
  if (text.size() <= kMaxPathBytes) return text;
  size_t end = kMaxPathBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

// To the microsecond.
double Milliseconds(nanoseconds duration) {
  return static_cast<double>(std::chrono::duration_cast<std::chrono::microseconds>(duration).count()) / 1000;
}

uint64_t PeriodOf(const AccessLogOptions& options) {
  const double sample = options.what == What::kErrors ? kSampleOfErrors : options.sample;
  return static_cast<uint64_t>(std::max(1.0, std::round(1 / sample)));
}

}  // namespace

Result<AccessLogOptions> ParseAccessLog(std::string_view text) {
  AccessLogOptions options;
  if (text == "off") {
    options.what = What::kNothing;
  } else if (text == "errors") {
    options.what = What::kErrors;
  } else if (text == "all") {
    options.what = What::kAll;
  } else {
    const std::string number(text.starts_with("sample=") ? text.substr(7) : "");
    char* end = nullptr;
    options.sample = std::strtod(number.c_str(), &end);
    const bool digits = number.find_first_not_of("0123456789.") == std::string::npos;
    if (number.empty() || !digits || *end != '\0' || options.sample < 1e-6 || options.sample > 1) {
      return Fail(ErrorCode::kInvalid, "must be off, errors, all, or sample=0.01 (a share from 0.000001 to 1)");
    }
  }
  return options;
}

std::string Format(const AccessLogOptions& options) {
  switch (options.what) {
    case What::kNothing:
      return "off";
    case What::kErrors:
      return "errors";
    case What::kAll:
      return "all";
    case What::kSample:
      break;
  }
  std::string number;
  JsonWriter(number).Value(options.sample);
  return "sample=" + number;
}

AccessLog::AccessLog(const AccessLogOptions& options, std::string pod, int reactors, int fd, const Clock& clock)
    : options_(options), period_(PeriodOf(options)), pod_(std::move(pod)), fd_(fd), clock_(clock) {
  if (options_.what == What::kNothing) return;
  for (int i = 0; i < reactors; ++i) shards_.push_back(std::make_unique<Shard>());
  thread_ = std::thread([this] { Work(); });
}

AccessLog::~AccessLog() {
  if (!thread_.joinable()) return;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

uint64_t AccessLog::dropped() const {
  uint64_t sum = unwritable_.load(std::memory_order_relaxed);
  for (const auto& shard : shards_) sum += shard->dropped.load(std::memory_order_relaxed);
  return sum;
}

bool AccessLog::Chosen(Shard& shard, const http::Answered& answered, std::string_view reason) const {
  if (options_.what == What::kAll) return true;
  if (answered.status >= 500 && reason.empty()) return true;
  if (options_.what == What::kErrors && answered.status < 500) return false;
  return shard.seen++ % period_ == 0;
}

void AccessLog::Record(const http::Answered& answered, std::string_view route, std::string_view reason) {
  const auto reactor = static_cast<size_t>(answered.request.reactor());
  if (reactor >= shards_.size()) return;  // nothing is asked for
  Shard& shard = *shards_[reactor];
  if (!Chosen(shard, answered, reason)) return;
  if (shard.full.load(std::memory_order_relaxed)) {
    shard.dropped.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  shard.line.clear();
  AppendLine(shard.line, answered, route, reason);
  std::lock_guard lock(shard.mutex);  // the writing thread holds it for a swap only
  if (shard.waiting.size() + shard.line.size() > kShardBytes) {
    shard.full.store(true, std::memory_order_relaxed);
    shard.dropped.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  shard.waiting += shard.line;
}

void AccessLog::AppendLine(std::string& out, const http::Answered& answered, std::string_view route,
                           std::string_view reason) const {
  const http::Request& request = answered.request;
  JsonWriter json(out);
  json.BeginObject();
  json.Key("time"), json.Value(FormatRfc3339(clock_.WallNow()));
  json.Key("message"), json.Value("access");
  json.Key("pod"), json.Value(pod_);
  json.Key("id"), json.Value(request.id());
  json.Key("client"), json.Value(request.client().ToString());
  json.Key("method"), json.Value(Name(request.method()));
  json.Key("path"), json.Value(Cut(WithoutQuery(request.target())));
  if (!route.empty()) json.Key("route"), json.Value(route);
  json.Key("status"), json.Value(answered.status);
  json.Key("bytes"), json.Value(static_cast<uint64_t>(answered.body_bytes));
  json.Key("ms"), json.Value(Milliseconds(answered.answered - request.arrival()));
  if (!reason.empty()) json.Key("reason"), json.Value(reason);
  if (!answered.delivered) json.Key("delivered"), json.Value(false);
  json.EndObject();
  out.push_back('\n');
}

void AccessLog::Work() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    wake_.wait_for(lock, kWriteEvery, [this] { return stopping_; });
    lock.unlock();
    WriteWaiting();
    lock.lock();
  }
  WriteWaiting();
}

void AccessLog::WriteWaiting() {
  for (const auto& shard : shards_) {
    writing_.clear();
    {
      std::lock_guard lock(shard->mutex);
      std::swap(writing_, shard->waiting);
      shard->full.store(false, std::memory_order_relaxed);
    }
    if (writing_.empty()) continue;
    const auto lines = static_cast<uint64_t>(std::count(writing_.begin(), writing_.end(), '\n'));
    (Write(writing_) ? written_ : unwritable_).fetch_add(lines, std::memory_order_relaxed);
  }
}

// Whole lines in pieces that a pipe takes undivided, so that lines of other writers do not get between. False when
// nobody takes them: what is left is lost.
bool AccessLog::Write(std::string_view lines) {
  while (!lines.empty()) {
    size_t end = lines.size();
    if (end > PIPE_BUF) end = lines.rfind('\n', PIPE_BUF - 1) + 1;
    if (end == 0) end = lines.find('\n') + 1;
    pollfd ready{fd_, POLLOUT, 0};
    const int polled = poll(&ready, 1, static_cast<int>(kPatience.count()));
    if (polled < 0 && errno == EINTR) continue;
    if (polled <= 0) return false;
    const ssize_t wrote = ::write(fd_, lines.data(), end);
    if (wrote < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (wrote <= 0) return false;
    lines.remove_prefix(static_cast<size_t>(wrote));
  }
  return true;
}

}  // namespace flyball::service::api
