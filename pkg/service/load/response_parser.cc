#include "pkg/service/load/response_parser.h"

#include <algorithm>
#include <charconv>

namespace flyball::load {
namespace {

bool IsTokenChar(unsigned char c) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         kOthers.find(static_cast<char>(c)) != std::string_view::npos;
}

bool IsToken(std::string_view text) { return !text.empty() && std::all_of(text.begin(), text.end(), IsTokenChar); }

bool IsFieldValue(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7f; });
}

bool SameName(std::string_view a, std::string_view lower) {
  return a.size() == lower.size() && std::equal(a.begin(), a.end(), lower.begin(), [](char x, char y) {
           return (x >= 'A' && x <= 'Z' ? static_cast<char>(x + 32) : x) == y;
         });
}

std::string_view Trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// All of `text` as a number without sign; false on anything else or overflow.
template <typename T>
bool ParseDigits(std::string_view text, T* into, int base = 10) {
  if (text.empty() || text.front() == '-') return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *into, base);
  return error == std::errc() && end == text.data() + text.size();
}

// Calls `each` with the members of a comma-separated list.
template <typename Each>
void ForEachMember(std::string_view list, Each each) {
  while (!list.empty()) {
    const size_t comma = list.find(',');
    each(Trim(list.substr(0, comma)));
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
  }
}

}  // namespace

void ResponseParser::Start(bool to_head) {
  phase_ = Phase::kHead;
  why_ = {};
  head_.clear();
  started_ = false;
  to_head_ = to_head;
  location_.clear();
  has_retry_after_ = false;
  retry_after_.reset();
  trailer_bytes_ = 0;
}

ResponseParser::State ResponseParser::Bad(std::string_view why) {
  phase_ = Phase::kBad;
  why_ = why;
  return State::kBad;
}

ResponseParser::State ResponseParser::Feed(std::string_view& bytes) {
  if (!bytes.empty()) started_ = true;
  while (phase_ != Phase::kDone && phase_ != Phase::kBad) {
    const size_t before = bytes.size();
    const Phase was = phase_;
    switch (phase_) {
      case Phase::kHead:
        if (!TakeHead(bytes) && phase_ != Phase::kBad) return State::kMore;
        break;
      case Phase::kLength:
      case Phase::kUntilClose:
        SkipBody(bytes);
        break;
      default:
        TakeChunked(bytes);
    }
    if (bytes.size() == before && phase_ == was) return State::kMore;
  }
  return phase_ == Phase::kDone ? State::kDone : State::kBad;
}

ResponseParser::State ResponseParser::End() {
  if (phase_ == Phase::kUntilClose) {
    phase_ = Phase::kDone;
    return State::kDone;
  }
  if (phase_ == Phase::kDone) return State::kDone;
  return Bad(started_ ? "the connection ended inside the answer" : "the connection ended before an answer");
}

bool ResponseParser::TakeHead(std::string_view& bytes) {
  constexpr std::string_view kEnd = "\r\n\r\n";
  if (head_.empty()) {  // the usual case: a head in one piece is parsed where it lies
    const size_t end = bytes.find(kEnd);
    if (end != std::string_view::npos && end + 4 <= kMaxHeadBytes) {
      const std::string_view head = bytes.substr(0, end + 2);
      bytes.remove_prefix(end + 4);
      ParseHead(head);
      return true;
    }
  }
  const size_t had = head_.size();
  const size_t taken = std::min(bytes.size(), kMaxHeadBytes + 1 - had);
  head_.append(bytes.substr(0, taken));
  const size_t end = head_.find(kEnd, had < 3 ? 0 : had - 3);
  if (end == std::string::npos || end + 4 > kMaxHeadBytes) {
    if (head_.size() > kMaxHeadBytes) Bad("the head of the answer is too large");
    bytes.remove_prefix(taken);
    return false;
  }
  bytes.remove_prefix(end + 4 - had);
  ParseHead(std::string_view(head_).substr(0, end + 2));
  head_.clear();
  return true;
}

void ResponseParser::ParseHead(std::string_view head) {
  close_ = keep_alive_asked_ = chunked_ = false;
  length_.reset();
  bool first = true;
  while (!head.empty()) {
    const size_t end = head.find("\r\n");
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(end + 2);
    if (!(first ? ParseStatusLine(line) : ParseHeader(line))) return;
    first = false;
  }
  FrameBody();
}

bool ResponseParser::ParseStatusLine(std::string_view line) {
  // "HTTP/1.1 200 OK" (RFC 9112 section 4). The space before an empty reason is left out by so many servers that its
  // absence is accepted.
  http10_ = line.starts_with("HTTP/1.0 ");
  if (!http10_ && !line.starts_with("HTTP/1.1 ")) return Bad("the answer does not begin with HTTP/1.1"), false;
  if (line.size() < 12 || !ParseDigits(line.substr(9, 3), &status_) || status_ < 100 || status_ > 599 ||
      (line.size() > 12 && line[12] != ' ') || !IsFieldValue(line))
    return Bad("the status line is malformed"), false;
  return true;
}

bool ResponseParser::ParseHeader(std::string_view line) {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || !IsToken(line.substr(0, colon)))
    return Bad("a header line has no valid name"), false;
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = Trim(line.substr(colon + 1));
  if (!IsFieldValue(value)) return Bad("a header value holds a control character"), false;
  if (SameName(name, "content-length")) {
    uint64_t length = 0;
    if (!ParseDigits(value, &length) || (length_ && *length_ != length))
      return Bad("Content-Length is not one number"), false;
    length_ = length;
  } else if (SameName(name, "transfer-encoding")) {
    if (chunked_ || !SameName(value, "chunked")) return Bad("a transfer coding other than chunked"), false;
    chunked_ = true;
  } else if (SameName(name, "connection")) {
    ForEachMember(value, [&](std::string_view option) {
      close_ |= SameName(option, "close");
      keep_alive_asked_ |= SameName(option, "keep-alive");
    });
  } else if (SameName(name, "retry-after")) {
    has_retry_after_ = true;
    int delay = 0;
    if (ParseDigits(value, &delay)) retry_after_ = delay;
  } else if (SameName(name, "location")) {
    location_.assign(value);
  }
  return true;
}

void ResponseParser::FrameBody() {  // RFC 9112 section 6.3
  if (chunked_ && (length_ || http10_)) {
    Bad("Transfer-Encoding beside Content-Length, or in HTTP/1.0");
    return;
  }
  if (status_ == 101) {
    Bad("the server switched protocols unasked");
    return;
  }
  if (status_ < 200) {  // interim: the real answer follows
    location_.clear();
    has_retry_after_ = false;
    retry_after_.reset();
    return;
  }
  keep_alive_ = !close_ && (!http10_ || keep_alive_asked_);
  left_ = length_.value_or(0);
  if (to_head_ || status_ == 204 || status_ == 304) {
    phase_ = Phase::kDone;
  } else if (chunked_) {
    phase_ = Phase::kChunkSize;
  } else if (length_) {
    phase_ = left_ == 0 ? Phase::kDone : Phase::kLength;
  } else {
    keep_alive_ = false;
    phase_ = Phase::kUntilClose;
  }
}

void ResponseParser::SkipBody(std::string_view& bytes) {
  if (phase_ == Phase::kUntilClose) {
    bytes = {};
    return;
  }
  const uint64_t taken = std::min<uint64_t>(left_, bytes.size());
  bytes.remove_prefix(taken);
  left_ -= taken;
  if (left_ == 0) phase_ = Phase::kDone;
}

// A line ended by CRLF, without it; what came of an unfinished one is kept in head_.
bool ResponseParser::TakeLine(std::string_view& bytes, std::string_view& line) {
  constexpr size_t kMaxLine = 4096;
  const size_t end = bytes.find('\n');
  const size_t taken = end == std::string_view::npos ? bytes.size() : end + 1;
  if (head_.size() + taken > kMaxLine) return Bad("a chunk line is too long"), false;
  head_.append(bytes.substr(0, taken));
  bytes.remove_prefix(taken);
  if (end == std::string_view::npos) return false;
  if (!std::string_view(head_).ends_with("\r\n")) return Bad("a chunk line does not end in CRLF"), false;
  line = std::string_view(head_).substr(0, head_.size() - 2);
  return true;
}

void ResponseParser::TakeChunked(std::string_view& bytes) {  // RFC 9112 section 7.1
  if (phase_ == Phase::kChunkBytes) {
    const uint64_t taken = std::min<uint64_t>(left_, bytes.size());
    bytes.remove_prefix(taken);
    left_ -= taken;
    if (left_ == 0) phase_ = Phase::kChunkEnd;
    return;
  }
  std::string_view line;
  if (!TakeLine(bytes, line)) return;
  if (phase_ == Phase::kChunkEnd) {
    if (!line.empty()) {
      Bad("a chunk is longer than it says");
      return;
    }
    phase_ = Phase::kChunkSize;
  } else if (phase_ == Phase::kChunkSize) {
    if (!ParseDigits(Trim(line.substr(0, line.find(';'))), &left_, 16)) {
      Bad("a chunk size is no number");
      return;
    }
    phase_ = left_ == 0 ? Phase::kTrailer : Phase::kChunkBytes;
  } else if (line.empty()) {
    phase_ = Phase::kDone;
  } else {
    trailer_bytes_ += line.size();
    const size_t colon = line.find(':');
    if (trailer_bytes_ > kMaxHeadBytes || colon == std::string_view::npos || !IsToken(line.substr(0, colon))) {
      Bad("a trailer is malformed");
      return;
    }
  }
  head_.clear();
}

}  // namespace flyball::load
