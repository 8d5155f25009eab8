#include "pkg/http/detail/request_reader.h"

#include <algorithm>
#include <cstring>

#include "pkg/base/net_syntax.h"
#include "pkg/http/detail/characters.h"
#include "pkg/http/uri.h"

namespace flyball::http::detail {
namespace {

constexpr size_t kMaxLeadingBytes = 8;        // empty lines before a request (RFC 9112 section 2.2)
constexpr size_t kMaxChunkLine = 256;         // size and extensions
constexpr size_t kMaxChunkExtensions = 4096;  // of one body
constexpr size_t kRequestLineSlack = 64;      // method, version and spaces beside the target

std::string_view TrimWhiteSpace(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool IsDigits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// A Connection field: false when it is no list of tokens. RFC 9110 section 5.6.1: empty elements are allowed.
bool ReadConnection(std::string_view list, bool& close, bool& keep) {
  while (!list.empty()) {
    const size_t end = std::min(list.find(','), list.size());
    const std::string_view option = TrimWhiteSpace(list.substr(0, end));
    if (EqualsIgnoreCase(option, "keep-alive")) {
      keep = true;
    } else if (EqualsIgnoreCase(option, "close")) {
      close = true;
    } else if (!AllOf(option, kTokenChar)) {
      return false;
    }
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return true;
}

bool EscapesAreComplete(std::string_view text) {
  for (size_t i = text.find('%'); i != std::string_view::npos; i = text.find('%', i + 1)) {
    if (i + 2 >= text.size() || HexDigit(text[i + 1]) < 0 || HexDigit(text[i + 2]) < 0) return false;
  }
  return true;
}

bool IsPort(std::string_view text) {
  if (text.size() > 5) return false;
  int port = 0;  // "host:" is allowed
  for (const char digit : text) {
    if (digit < '0' || digit > '9') return false;
    port = port * 10 + (digit - '0');
  }
  return port <= 65535;
}

// IPv6address of RFC 3986 section 3.2.2. Future versions, which it provides for, do not exist.
bool IsIpLiteral(std::string_view text) {
  return text.find(':') != std::string_view::npos && ParseIpAddress(text).has_value();
}

// Takes `token [BWS "=" BWS (token / quoted-string)]` off the front of `text`; false when it is not there.
bool TakeExtension(std::string_view& text) {
  const auto skip_token = [&] {
    size_t size = 0;
    while (size < text.size() && (ClassesOf(text[size]) & kTokenChar)) ++size;
    text.remove_prefix(size);
    return size > 0;
  };
  const auto skip_space = [&] {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  };
  if (!skip_token()) return false;
  const std::string_view after_name = text;
  skip_space();
  if (text.empty() || text.front() != '=') {
    text = after_name;
    return true;
  }
  text.remove_prefix(1);
  skip_space();
  if (text.empty() || text.front() != '"') return skip_token();
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      text.remove_prefix(i + 1);
      return true;
    }
    if (text[i] == '\\' && ++i == text.size()) return false;
    if (!(ClassesOf(text[i]) & kFieldChar)) return false;
  }
  return false;
}

// RFC 9112 section 7.1.1: *( BWS ";" BWS name [ BWS "=" BWS value ] ), and nothing else up to the end of the line.
bool AreChunkExtensions(std::string_view text) {
  while (!text.empty()) {
    const std::string_view part = TrimWhiteSpace(text);
    if (part.empty() || part.front() != ';') return false;
    text = text.substr(text.find(';') + 1);
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    if (!TakeExtension(text)) return false;
  }
  return true;
}

}  // namespace

bool IsAuthority(std::string_view text) {
  if (text.empty()) return false;
  if (text.front() == '[') {
    const size_t end = text.find(']');
    if (end == std::string_view::npos || !IsIpLiteral(text.substr(1, end - 1))) return false;
    text.remove_prefix(end + 1);
    return text.empty() || (text.front() == ':' && IsPort(text.substr(1)));
  }
  const size_t colon = std::min(text.find(':'), text.size());
  const std::string_view host = text.substr(0, colon);
  const uint8_t classes = CommonClasses(host);
  if (host.empty() || !(classes & kHostChar) || (!(classes & kNotEscape) && !EscapesAreComplete(host))) return false;
  return colon == text.size() || IsPort(text.substr(colon + 1));
}

RequestReader::Step RequestReader::Refuse(int status, std::string_view detail) {
  refusal_ = {status, detail};
  return Step::kRefused;
}

RequestReader::Step RequestReader::Read(std::string_view in, const Limits& limits, Exchange& exchange,
                                        size_t& consumed) {
  consumed = 0;
  for (;;) {
    const std::string_view rest = in.substr(consumed);
    const Phase before = phase_;
    Step step = Step::kNeedMore;
    switch (phase_) {
      case Phase::kLeadingLines:
        step = ReadLeadingLines(rest, consumed);
        break;
      case Phase::kHead:
        step = ReadHead(rest, limits, exchange, consumed);
        break;
      case Phase::kBodyStart:
        step = StartBody(exchange);
        break;
      case Phase::kLengthBody:
        step = ReadLengthBody(rest, exchange, consumed);
        break;
      case Phase::kChunkSize:
        step = ReadChunkSize(rest, exchange, consumed);
        break;
      case Phase::kChunk:
        step = ReadChunk(rest, exchange, consumed);
        break;
      case Phase::kChunkEnd:
        step = ReadChunkEnd(rest, consumed);
        break;
      case Phase::kTrailers:
        step = ReadTrailers(rest, limits, exchange, consumed);
        break;
    }
    if (step != Step::kNeedMore || phase_ == before) return step;
  }
}

RequestReader::Step RequestReader::ReadLeadingLines(std::string_view in, size_t& consumed) {
  size_t at = 0;
  while (at < in.size() && in[at] == '\r') {
    if (at + 1 == in.size()) {
      consumed += at;
      return Step::kNeedMore;
    }
    if (in[at + 1] != '\n') return Refuse(400, "a CR that is not followed by LF");
    at += 2;
    overhead_ += 2;
    if (overhead_ > kMaxLeadingBytes) return Refuse(400, "empty lines where a request should begin");
  }
  consumed += at;
  if (at == in.size()) return Step::kNeedMore;
  if (!(ClassesOf(in[at]) & kTokenChar)) return Refuse(400, "a request begins with its method");
  phase_ = Phase::kHead;
  overhead_ = scanned_ = line_start_ = 0;
  line_checked_ = false;
  return Step::kNeedMore;
}

RequestReader::Step RequestReader::ReadHead(std::string_view in, const Limits& limits, Exchange& exchange,
                                            size_t& consumed) {
  if (scanned_ == 0) exchange.line_ends.clear();
  for (;;) {
    const void* found = std::memchr(in.data() + scanned_, '\n', in.size() - scanned_);
    const size_t end = found == nullptr ? in.size() : static_cast<size_t>(static_cast<const char*>(found) - in.data());
    if (line_start_ == 0 && end > limits.target_bytes + kRequestLineSlack) {
      return Refuse(414, "the request line is too long");
    }
    if (end >= limits.head_bytes) return RefuseHead(in, limits, 431, "the header fields are too large");
    if (found == nullptr) {
      scanned_ = static_cast<uint32_t>(in.size());
      return RefusesEarly(in, limits) ? Step::kRefused : Step::kNeedMore;
    }
    if (end == line_start_ || in[end - 1] != '\r') {
      return RefuseHead(in, limits, 400, "a line that does not end with CR LF");
    }
    const bool empty_line = end == line_start_ + 1;
    if (exchange.line_ends.size() > limits.fields && !empty_line) {
      return RefuseHead(in, limits, 431, "too many header fields");
    }
    exchange.line_ends.push_back(static_cast<uint32_t>(end - 1));
    scanned_ = line_start_ = static_cast<uint32_t>(end + 1);
    if (empty_line) break;
  }
  exchange.head.assign(in.data(), scanned_);
  if (!ParseHead(limits, exchange)) return Step::kRefused;
  consumed += scanned_;
  phase_ = Phase::kBodyStart;
  return Step::kHead;
}

// Does not wait for the rest of a head whose first line is bad already ("GET /" of HTTP/0.9 has no rest).
bool RequestReader::RefusesEarly(std::string_view in, const Limits& limits) {
  if (line_start_ == 0 || line_checked_) return false;
  line_checked_ = true;
  Request request;
  return !ParseRequestLine(in.substr(0, in.find("\r\n")), limits, request);
}

// A bad request line counts first, so that the answer does not depend on how the stream was cut.
RequestReader::Step RequestReader::RefuseHead(std::string_view in, const Limits& limits, int status,
                                              std::string_view detail) {
  return RefusesEarly(in, limits) ? Step::kRefused : Refuse(status, detail);
}

bool RequestReader::ParseHead(const Limits& limits, Exchange& exchange) {
  const std::string_view line = std::string_view(exchange.head).substr(0, exchange.line_ends.front());
  if (!ParseRequestLine(line, limits, exchange.request)) return false;
  return ParseFields(exchange) && ApplyFields(exchange) && ParseTarget(exchange);
}

bool RequestReader::ParseRequestLine(std::string_view line, const Limits& limits, Request& request) {
  const auto refuse = [this](int status, std::string_view detail) { return Refuse(status, detail), false; };
  const size_t first = line.find(' ');
  if (first == std::string_view::npos) return refuse(400, "a request line is method, target and version");
  request.method_text_ = line.substr(0, first);
  request.method_ = ParseMethod(request.method_text_);
  if (request.method_ == Method::kOther && !AllOf(request.method_text_, kTokenChar)) {
    return refuse(400, "the method is not a token");
  }
  const size_t second = line.find(' ', first + 1);
  if (second == std::string_view::npos) return refuse(400, "the request line names no version");
  request.target_ = line.substr(first + 1, second - first - 1);
  const std::string_view version = line.substr(second + 1);
  if (request.target_.empty()) return refuse(400, "the request-target is empty");
  if (request.target_.size() > limits.target_bytes) return refuse(414, "the request-target is too long");
  const uint8_t classes = CommonClasses(request.target_);
  plain_target_ = (classes & kPlainChar) != 0 && request.target_.front() == '/';
  if (!(classes & kQueryChar)) return refuse(400, "the request-target holds a byte that must be escaped");
  request.version_ = Version::kHttp11;
  if (version == "HTTP/1.1") return true;
  const bool well_formed = version.size() == 8 && version.substr(0, 5) == "HTTP/" && IsDigits(version.substr(5, 1)) &&
                           version[6] == '.' && IsDigits(version.substr(7, 1));
  if (!well_formed) return refuse(400, "the version is not of the form HTTP/1.1");
  if (version[5] != '1') return refuse(505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
  if (version[7] == '0') request.version_ = Version::kHttp10;  // RFC 9110 section 6.2: 1.2 is 1.1 to us
  return true;
}

bool RequestReader::ParseFieldLine(std::string_view line, Field& field) {
  const auto refuse = [this](std::string_view detail) { return Refuse(400, detail), false; };
  if (line.front() == ' ' || line.front() == '\t') return refuse("a folded header line (obsolete since RFC 7230)");
  size_t name = 0;
  while (name < line.size() && (ClassesOf(line[name]) & kTokenChar)) ++name;
  if (name == 0 || name == line.size() || line[name] != ':') {
    if (line.find(':') == std::string_view::npos) return refuse("a header line without a colon");
    return refuse("the name of a header field is not a token (no space may stand before the colon)");
  }
  field.name = line.substr(0, name);
  field.value = TrimWhiteSpace(line.substr(name + 1));
  if (!IsFieldValue(field.value)) return refuse("the value of a header field holds a control character");
  return true;
}

// The lines between the request line and the empty one.
bool RequestReader::ParseFields(Exchange& exchange) {
  const std::string_view head = exchange.head;
  const std::vector<uint32_t>& ends = exchange.line_ends;
  auto& fields = exchange.request.fields_;
  fields.resize(ends.size() - 2);
  for (size_t i = 0; i < fields.size(); ++i) {
    const size_t start = ends[i] + 2;
    if (!ParseFieldLine(head.substr(start, ends[i + 1] - start), fields[i])) return fields.clear(), false;
  }
  return true;
}

bool RequestReader::ApplyFields(Exchange& exchange) {
  Request& request = exchange.request;
  size_t hosts = 0, lengths = 0, encodings = 0;
  bool close = false, keep = request.version_ == Version::kHttp11;
  exchange.framing = Exchange::Framing::kNone;
  exchange.expect = Exchange::Expect::kNothing;
  exchange.content_length = 0;
  for (const Field& field : request.fields_) {
    switch (field.name.size()) {
      case 4:
        if (EqualsIgnoreCase(field.name, "host") && !ApplyHost(field.value, hosts++ > 0, request)) return false;
        break;
      case 6:
        if (EqualsIgnoreCase(field.name, "expect")) {
          const bool known = EqualsIgnoreCase(field.value, "100-continue");
          exchange.expect = known ? Exchange::Expect::kContinue : Exchange::Expect::kUnknown;
        }
        break;
      case 10:
        if (EqualsIgnoreCase(field.name, "connection")) {
          if (!ReadConnection(field.value, close, keep)) {
            return Refuse(400, "Connection is not a list of tokens"), false;
          }
        }
        break;
      case 14:
        if (EqualsIgnoreCase(field.name, "content-length") &&
            !ApplyContentLength(field.value, lengths++ > 0, exchange)) {
          return false;
        }
        break;
      case 17:
        if (EqualsIgnoreCase(field.name, "transfer-encoding") &&
            !ApplyTransferEncoding(field.value, encodings++ > 0, exchange)) {
          return false;
        }
        break;
      default:
        break;
    }
  }
  if (lengths > 0 && encodings > 0) return Refuse(400, "both Content-Length and Transfer-Encoding"), false;
  if (hosts == 0 && request.version_ == Version::kHttp11) return Refuse(400, "HTTP/1.1 needs a Host field"), false;
  if (request.version_ == Version::kHttp10 && exchange.expect == Exchange::Expect::kContinue) {
    exchange.expect = Exchange::Expect::kNothing;  // RFC 9110 section 10.1.1
  }
  exchange.keep_alive = keep && !close;
  return true;
}

bool RequestReader::ApplyHost(std::string_view value, bool again, Request& request) {
  if (again) return Refuse(400, "more than one Host field"), false;
  if (!IsAuthority(value)) return Refuse(400, "the Host field is not a host with an optional port"), false;
  request.host_ = value;
  return true;
}

bool RequestReader::ApplyContentLength(std::string_view value, bool again, Exchange& exchange) {
  if (again) return Refuse(400, "more than one Content-Length"), false;
  if (!IsDigits(value)) return Refuse(400, "Content-Length is not a whole number"), false;
  while (value.size() > 1 && value.front() == '0') value.remove_prefix(1);
  if (value.size() > 18) return Refuse(413, "the body is too large"), false;
  uint64_t length = 0;
  for (char digit : value) length = length * 10 + static_cast<uint64_t>(digit - '0');
  exchange.framing = Exchange::Framing::kLength;
  exchange.content_length = length;
  return true;
}

bool RequestReader::ApplyTransferEncoding(std::string_view value, bool again, Exchange& exchange) {
  if (exchange.request.version_ == Version::kHttp10) return Refuse(400, "Transfer-Encoding on HTTP/1.0"), false;
  if (again) return Refuse(400, "more than one Transfer-Encoding"), false;
  if (!EqualsIgnoreCase(value, "chunked")) {
    return Refuse(400, "the only Transfer-Encoding accepted is \"chunked\""), false;
  }
  exchange.framing = Exchange::Framing::kChunked;
  return true;
}

bool RequestReader::ParseAbsoluteTarget(Exchange& exchange, std::string_view& rest) {
  Request& request = exchange.request;
  const std::string_view target = request.target_;
  const size_t scheme = target.find("://");
  const std::string_view name = target.substr(0, std::min(scheme, target.size()));
  if (scheme == std::string_view::npos || !(EqualsIgnoreCase(name, "http") || EqualsIgnoreCase(name, "https"))) {
    return Refuse(400, "the request-target is neither a path nor an http URL"), false;
  }
  rest = target.substr(scheme + 3);
  const size_t end = std::min(rest.find_first_of("/?"), rest.size());
  if (!IsAuthority(rest.substr(0, end))) return Refuse(400, "the authority of the request-target is not valid"), false;
  request.host_ = rest.substr(0, end);  // RFC 9112 section 3.2.2: it counts, not the Host field
  rest.remove_prefix(end);
  return true;
}

bool RequestReader::ParseTarget(Exchange& exchange) {
  Request& request = exchange.request;
  request.path_ = request.query_ = {};
  if (plain_target_ && request.method_ != Method::kConnect) {
    request.path_ = request.target_;
    return true;
  }
  if (request.method_ == Method::kConnect) return Refuse(501, "CONNECT is not offered"), false;
  if (request.target_ == "*") {
    if (request.method_ != Method::kOptions) return Refuse(400, "the target * is for OPTIONS only"), false;
    request.path_ = request.target_;
    return true;
  }
  std::string_view rest = request.target_;
  if (rest.front() != '/' && !ParseAbsoluteTarget(exchange, rest)) return false;
  const size_t question = std::min(rest.find('?'), rest.size());
  const std::string_view path = question == 0 ? std::string_view("/") : rest.substr(0, question);
  request.query_ = rest.substr(std::min(question + 1, rest.size()));
  if (!EscapesAreComplete(request.query_)) return Refuse(400, "a '%' in the query without two hex digits"), false;
  if (IsPlainPath(path)) {
    request.path_ = path;
    return true;
  }
  exchange.decoded_path.clear();
  if (auto decoded = DecodePath(path, exchange.decoded_path); !decoded) {
    exchange.decoded_path = std::move(decoded.error().message);
    return Refuse(400, exchange.decoded_path), false;
  }
  request.path_ = exchange.decoded_path;
  return true;
}

RequestReader::Step RequestReader::StartBody(Exchange& exchange) {
  overhead_ = 0;
  exchange.body.clear();
  switch (exchange.framing) {
    case Exchange::Framing::kNone:
      return Complete(exchange);
    case Exchange::Framing::kChunked:
      phase_ = Phase::kChunkSize;
      return Step::kNeedMore;
    case Exchange::Framing::kLength:
      break;
  }
  if (exchange.content_length > exchange.max_body_bytes) return Refuse(413, "the body is too large");
  remaining_ = exchange.content_length;
  phase_ = Phase::kLengthBody;
  return remaining_ == 0 ? Complete(exchange) : Step::kNeedMore;
}

RequestReader::Step RequestReader::ReadLengthBody(std::string_view in, Exchange& exchange, size_t& consumed) {
  const size_t take = static_cast<size_t>(std::min<uint64_t>(remaining_, in.size()));
  exchange.body.append(in.data(), take);
  consumed += take;
  remaining_ -= take;
  return remaining_ == 0 ? Complete(exchange) : Step::kNeedMore;
}

RequestReader::Step RequestReader::ReadChunkSize(std::string_view in, Exchange& exchange, size_t& consumed) {
  const size_t end = in.find('\n');
  if (end == std::string_view::npos) {
    return in.size() > kMaxChunkLine ? Refuse(400, "the line of a chunk's size is too long") : Step::kNeedMore;
  }
  if (end > kMaxChunkLine) return Refuse(400, "the line of a chunk's size is too long");
  if (end == 0 || in[end - 1] != '\r') return Refuse(400, "the line of a chunk's size does not end with CR LF");
  const std::string_view line = in.substr(0, end - 1);
  uint64_t size = 0;
  size_t digits = 0;
  for (; digits < line.size() && HexDigit(line[digits]) >= 0; ++digits) {
    size = size * 16 + static_cast<uint64_t>(HexDigit(line[digits]));
  }
  if (digits == 0 || digits > 16) return Refuse(400, "the size of a chunk is not 1 to 16 hex digits");
  if (!AreChunkExtensions(line.substr(digits))) return Refuse(400, "the extensions of a chunk are malformed");
  overhead_ += static_cast<uint32_t>(line.size() - digits);
  if (overhead_ > kMaxChunkExtensions) return Refuse(400, "too many chunk extensions");
  if (size > exchange.max_body_bytes - exchange.body.size()) return Refuse(413, "the body is too large");
  consumed += end + 1;
  remaining_ = size;
  phase_ = size == 0 ? Phase::kTrailers : Phase::kChunk;
  if (size == 0) overhead_ = 0;
  return Step::kNeedMore;
}

RequestReader::Step RequestReader::ReadChunk(std::string_view in, Exchange& exchange, size_t& consumed) {
  const size_t take = static_cast<size_t>(std::min<uint64_t>(remaining_, in.size()));
  exchange.body.append(in.data(), take);
  consumed += take;
  remaining_ -= take;
  if (remaining_ == 0) phase_ = Phase::kChunkEnd;
  return Step::kNeedMore;
}

RequestReader::Step RequestReader::ReadChunkEnd(std::string_view in, size_t& consumed) {
  if (!in.empty() && in[0] != '\r') return Refuse(400, "a chunk is longer than its size says");
  if (in.size() > 1 && in[1] != '\n') return Refuse(400, "a chunk does not end with CR LF");
  if (in.size() < 2) return Step::kNeedMore;
  consumed += 2;
  phase_ = Phase::kChunkSize;
  return Step::kNeedMore;
}

RequestReader::Step RequestReader::ReadTrailers(std::string_view in, const Limits& limits, Exchange& exchange,
                                                size_t& consumed) {
  size_t at = 0;
  for (;;) {
    const size_t end = in.find('\n', at);
    if (overhead_ + in.size() - at > limits.head_bytes && end == std::string_view::npos) {
      return Refuse(431, "the trailer fields are too large");
    }
    if (end == std::string_view::npos) break;
    if (end == at || in[end - 1] != '\r') return Refuse(400, "a trailer line that does not end with CR LF");
    const std::string_view line = in.substr(at, end - 1 - at);
    overhead_ += static_cast<uint32_t>(end + 1 - at);
    at = end + 1;
    if (overhead_ > limits.head_bytes) return Refuse(431, "the trailer fields are too large");
    if (line.empty()) {
      consumed += at;
      return Complete(exchange);
    }
    Field field;  // checked, then dropped (RFC 9110 section 6.5.1 allows that)
    if (!ParseFieldLine(line, field)) return Step::kRefused;
    if (EqualsIgnoreCase(field.name, "content-length") || EqualsIgnoreCase(field.name, "transfer-encoding") ||
        EqualsIgnoreCase(field.name, "host")) {
      return Refuse(400, "a trailer field that changes the framing or the target");
    }
  }
  consumed += at;
  return Step::kNeedMore;
}

RequestReader::Step RequestReader::Complete(Exchange& exchange) {
  exchange.body.reserve(exchange.body.size() + Request::kBodyPadding);
  exchange.request.body_ = exchange.body;
  phase_ = Phase::kLeadingLines;
  scanned_ = line_start_ = overhead_ = 0;
  return Step::kComplete;
}

}  // namespace flyball::http::detail
