#include "pkg/http/detail/exchange.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "pkg/http/detail/body_stream.h"
#include "pkg/http/detail/characters.h"

namespace flyball::http::detail {
namespace {

constexpr size_t kKeptBytes = 8 * 1024;

void Recycle(std::string& text) {
  if (text.capacity() > kKeptBytes) {
    text = std::string();
  } else {
    text.clear();
  }
}

bool IsAcceptableId(std::string_view id) {
  if (id.empty() || id.size() > 128) return false;
  for (char c : id) {
    const bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (!alnum && std::string_view("._:/+=@-").find(c) == std::string_view::npos) return false;
  }
  return true;
}

// Eight digits at once: one in each byte of a word, those above 9 moved on to the letters.
void WriteHex8(uint32_t number, char* out) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  uint64_t word = __builtin_bswap32(number);  // the first digit goes into the lowest byte
  word = (word | word << 16) & 0x0000ffff0000ffff;
  word = (word | word << 8) & 0x00ff00ff00ff00ff;
  word = ((word & 0x000f000f000f000f) << 8) | ((word >> 4) & 0x000f000f000f000f);
  const uint64_t letters = ((word + kOnes * 6) >> 4) & kOnes;
  word += kOnes * '0' + letters * ('a' - '0' - 10);
  std::memcpy(out, &word, sizeof word);
}

void WriteHex(uint64_t number, char* out) {
  WriteHex8(static_cast<uint32_t>(number >> 32), out);
  WriteHex8(static_cast<uint32_t>(number), out + 8);
}

}  // namespace

Exchange::~Exchange() {
  if (stream) stream->Abandon();
}

void Exchange::Reset() {
  ForgetRequest();
  request.method_ = Method::kOther;
  if (const auto ended = std::exchange(stream, nullptr)) ended->Abandon();
  streamed_bytes = 0;
  request.id_ = {};
  response.Clear();
  Recycle(head);
  Recycle(decoded_path);
  Recycle(body);
  server_status = 0;
  allow = {};
  answered = by_server = dropped = false;
  next_in_connection = next_in_inbox = nullptr;
  client_gone.store(false, std::memory_order_relaxed);
}

void Exchange::ForgetRequest() {
  if (request.method_ != Method::kHead) request.method_ = Method::kOther;  // the answer must still have no body
  request.version_ = Version::kHttp11;
  request.method_text_ = request.target_ = request.path_ = request.query_ = request.host_ = request.body_ = {};
  request.fields_.clear();
  request.endpoint_ = Request::kNoEndpoint;
  request.param_count_ = 0;
  request.param_names_ = {};
  content_length = 0;
  max_body_bytes = 0;
  framing = Framing::kNone;
  expect = Expect::kNothing;
  keep_alive = false;
}

void Exchange::ReadForwarding(const TrustedProxies& trusted) {
  if (trusted.empty() || !trusted.Contains(request.peer_)) return;
  peer_trusted = true;
  const ClientOrigin origin = http::FindClient(request, request.peer_, trusted);
  request.client_ = origin.address;
  request.secure_ = request.secure_ || origin.secure;
}

void Exchange::AssignId(uint64_t prefix, Random& random) {
  if (peer_trusted) {
    request.id_ = {};
    const std::string_view sent = request.Header("x-request-id");
    if (IsAcceptableId(sent) && request.CountHeader("x-request-id") == 1) request.id_ = sent;
    if (request.id_.empty() && request.CountHeader("traceparent") == 1) {
      request.id_ = TraceIdOf(request.Header("traceparent"));
    }
    if (!request.id_.empty()) return;
  }
  if (own_id[0] == 0) WriteHex(prefix, own_id);  // once: exchanges stay with their reactor
  WriteHex(random(), own_id + 16);
  request.id_ = std::string_view(own_id, sizeof own_id);
}

void Exchange::SetRoute(const Router::Match& match) {
  allow = match.kind == Router::Match::Kind::kMethodNotAllowed ? match.allow : std::string_view();
  request.endpoint_ = match.endpoint;
  request.param_count_ = match.param_count;
  std::copy_n(match.param_values.begin(), match.param_count, request.param_values_.begin());
  request.param_names_ = match.param_names;
}

void Exchange::SetOrigin(const PeerAddress& peer, bool secure, int reactor, SteadyTime arrival) {
  request.secure_ = secure;
  request.peer_ = request.client_ = peer;
  peer_trusted = false;
  request.reactor_ = reactor;
  request.arrival_ = arrival;
}

}  // namespace flyball::http::detail
