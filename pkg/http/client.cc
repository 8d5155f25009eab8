#include "pkg/http/client.h"

#include <curl/curl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <optional>

#include "pkg/base/check.h"
#include "pkg/base/clock.h"
#include "pkg/base/ids.h"
#include "pkg/base/random.h"
#include "pkg/http/detail/retry_budget.h"
#include "pkg/http/public_address.h"

namespace flyball::http {
namespace {

using std::chrono::milliseconds;

// libcurl's own initialisation is guarded by a lock; doing it once here keeps it out of every constructor's path.
void InitLibraryOnce() {
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  Check(initialised == CURLE_OK, "curl_global_init");
}

struct EasyDelete {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct MultiDelete {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
struct ListDelete {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, EasyDelete>;
using HeaderList = std::unique_ptr<curl_slist, ListDelete>;

bool IsToken(std::string_view text) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kOthers.find(static_cast<char>(c)) != std::string_view::npos;
  });
}

bool HasControl(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return lower;
}

std::string_view Trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

// A request that could become two on the wire, or that libcurl would rewrite, is refused before it is built.
Result<void> Sendable(const ClientRequest& request, const ClientOptions& options) {
  if (!IsToken(request.method)) return Fail(ErrorCode::kInvalid, "method '" + request.method + "' is not a token");
  if (HasControl(request.url) || request.url.find(' ') != std::string::npos)
    return Fail(ErrorCode::kInvalid, "the url holds a space or a control character");
  const bool https = options.https && request.url.starts_with("https://");
  if (!https && !request.url.starts_with("http://")) {
    const char* scheme = options.https ? "https://" : "http://";
    return Fail(ErrorCode::kInvalid, "url '" + request.url + "': expected " + scheme + "HOST[:PORT]/PATH");
  }
  if (options.public_addresses_only && !request.unix_socket.empty())
    return Fail(ErrorCode::kDenied, "url '" + request.url + "': a Unix socket is not a public address");
  for (const auto& [name, value] : request.headers) {
    if (!IsToken(name)) return Fail(ErrorCode::kInvalid, "header name '" + name + "' is not a token");
    if (HasControl(value)) return Fail(ErrorCode::kInvalid, "header '" + name + "' holds a control character");
  }
  return {};
}

PeerAddress AddressOf(const sockaddr& address) {
  PeerAddress peer;
  if (address.sa_family == AF_INET) {
    peer.family = PeerAddress::Family::kIpv4;
    std::memcpy(peer.bytes.data(), &reinterpret_cast<const sockaddr_in&>(address).sin_addr, 4);
  } else if (address.sa_family == AF_INET6) {
    peer.family = PeerAddress::Family::kIpv6;
    std::memcpy(peer.bytes.data(), &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr, 16);
  }
  return peer;
}

ErrorCode CodeOf(CURLcode code) {
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return ErrorCode::kTimeout;
    case CURLE_URL_MALFORMAT:
      return ErrorCode::kInvalid;
    case CURLE_PEER_FAILED_VERIFICATION:
      return ErrorCode::kDenied;
    case CURLE_UNSUPPORTED_PROTOCOL:  // the scheme was checked, so this is an answer without a status line
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
      return ErrorCode::kCorrupt;
    default:
      return ErrorCode::kUnavailable;
  }
}

}  // namespace

std::string_view ClientResponse::Header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

// One attempt. Its address is what libcurl's callbacks get, so it stays put until the attempt is over.
struct Client::Transfer {
  const ClientOptions& options;
  Easy easy;
  HeaderList headers{};
  char why[CURL_ERROR_SIZE] = "";
  ClientResponse response{};
  size_t header_bytes = 0;
  std::string refused_address{};  // not public, and so not connected to
  bool too_large = false;
  bool done = false;
  CURLcode code = CURLE_OK;

  static size_t OnHeader(char* bytes, size_t, size_t count, void* self);
  static size_t OnBody(char* bytes, size_t, size_t count, void* self);
  static curl_socket_t OpenSocket(void* self, curlsocktype purpose, curl_sockaddr* address);
  void Prepare(const ClientRequest& request, milliseconds timeout);
  void Secure();
  Result<ClientResponse> Finish(const ClientRequest& request);
  milliseconds RetryAfter();
};

// One request, through all of its attempts.
struct Client::Call {
  const ClientRequest& request;
  Result<ClientResponse>& result;
  const SteadyTime deadline;
  std::unique_ptr<Transfer> transfer{};  // of the attempt under way
  int attempts = 0;
  std::optional<SteadyTime> next{};  // when it is sent again
};

struct Client::Connections {
  explicit Connections(const RetryPolicy& policy) : budget(policy.budget, policy.burst), random(RandomUint64()) {}

  detail::RetryBudget budget;
  Random random;
  std::vector<Easy> idle;  // handles to be used again; the sockets live in `multi`
  std::unique_ptr<CURLM, MultiDelete> multi;

  Easy Take() {
    if (idle.empty()) return Easy(curl_easy_init());
    Easy easy = std::move(idle.back());
    idle.pop_back();
    curl_easy_reset(easy.get());
    return easy;
  }
};

size_t Client::Transfer::OnHeader(char* bytes, size_t, size_t count, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  const std::string_view line(bytes, count);
  transfer.header_bytes += count;
  if (transfer.header_bytes > transfer.options.max_header_bytes) {
    transfer.too_large = true;
    return 0;
  }
  if (line.starts_with("HTTP/")) {  // a status line; after an interim answer the real one begins anew
    transfer.response.headers.clear();
    return count;
  }
  const size_t colon = line.find(':');
  if (colon != std::string_view::npos)
    transfer.response.headers.emplace_back(Lower(line.substr(0, colon)), std::string(Trim(line.substr(colon + 1))));
  return count;
}

size_t Client::Transfer::OnBody(char* bytes, size_t, size_t count, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  if (transfer.response.body.size() + count > transfer.options.max_body_bytes) {
    transfer.too_large = true;
    return 0;
  }
  transfer.response.body.append(bytes, count);
  return count;
}

// Called with the address a name has been resolved to, before it is connected to: no later answer of the name server
// counts.
curl_socket_t Client::Transfer::OpenSocket(void* self, curlsocktype, curl_sockaddr* address) {
  auto& transfer = *static_cast<Transfer*>(self);
  const PeerAddress peer = AddressOf(address->addr);
  if (!IsPublicAddress(peer)) {
    transfer.refused_address = peer.ToString();
    return CURL_SOCKET_BAD;
  }
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

void Client::Transfer::Secure() {
  CURL* c = easy.get();
  curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, options.https ? "http,https" : "http");
  curl_easy_setopt(c, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!options.ca_file.empty()) curl_easy_setopt(c, CURLOPT_CAINFO, options.ca_file.c_str());
  if (!options.public_addresses_only) return;
  curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, &OpenSocket);
  curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, this);
}

void Client::Transfer::Prepare(const ClientRequest& request, milliseconds timeout) {
  CURL* c = easy.get();
  curl_easy_setopt(c, CURLOPT_URL, request.url.c_str());
  Secure();
  curl_easy_setopt(c, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(c, CURLOPT_PROXY, "");
  curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, static_cast<long>(timeout.count()));
  curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
  curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, &OnHeader);
  curl_easy_setopt(c, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, &OnBody);
  curl_easy_setopt(c, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(c, CURLOPT_PRIVATE, this);
  if (!request.unix_socket.empty()) curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, request.unix_socket.c_str());

  if (request.method == "HEAD") {
    curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
  } else if (request.method != "GET" || !request.body.empty()) {
    curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(c, CURLOPT_COPYPOSTFIELDS, request.body.c_str());
    curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
  // No "100 Continue" wait, and no content type but the caller's.
  curl_slist* list = curl_slist_append(nullptr, "Expect:");
  list = curl_slist_append(list, "Content-Type:");
  for (const auto& [name, value] : request.headers)
    list = curl_slist_append(list, value.empty() ? (name + ";").c_str() : (name + ": " + value).c_str());
  headers.reset(list);
  curl_easy_setopt(c, CURLOPT_HTTPHEADER, list);
}

Result<ClientResponse> Client::Transfer::Finish(const ClientRequest& request) {
  if (too_large) return Fail(ErrorCode::kExhausted, request.url + ": the answer is larger than is accepted");
  if (code != CURLE_OK && !refused_address.empty()) {
    return Fail(ErrorCode::kDenied, request.url + ": its address " + refused_address + " is not a public one");
  }
  if (!done) return Fail(ErrorCode::kTimeout, request.url + ": not answered in time");
  if (code != CURLE_OK)
    return Fail(CodeOf(code), request.url + ": " + (why[0] != '\0' ? why : curl_easy_strerror(code)));
  long status = 0;
  curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
  if (status < 200 || status > 599)
    return Fail(ErrorCode::kCorrupt, request.url + ": status " + std::to_string(status) + " is none of HTTP");
  response.status = static_cast<int>(status);
  return std::move(response);
}

// What the server asks for; 0 when it does not.
milliseconds Client::Transfer::RetryAfter() {
  curl_off_t after = 0;
  curl_easy_getinfo(easy.get(), CURLINFO_RETRY_AFTER, &after);
  return seconds(std::clamp<curl_off_t>(after, 0, 1'000'000));
}

Client::Client(ClientOptions options)
    : options_(std::move(options)), connections_(std::make_unique<Connections>(options_.retry)) {
  InitLibraryOnce();
  connections_->multi.reset(curl_multi_init());
  Check(connections_->multi != nullptr, "curl_multi_init");
  curl_multi_setopt(connections_->multi.get(), CURLMOPT_MAXCONNECTS, 256L);
  curl_multi_setopt(connections_->multi.get(), CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_NOTHING));
}

Client::~Client() = default;

void Client::Start(Call& call) {
  const auto left = std::chrono::ceil<milliseconds>(call.deadline - RealClock().Now());
  call.next.reset();
  ++call.attempts;
  call.transfer.reset(new Transfer{options_, connections_->Take()});
  call.transfer->Prepare(call.request, std::max(left, milliseconds(1)));
  Check(curl_multi_add_handle(connections_->multi.get(), call.transfer->easy.get()) == CURLM_OK,
        "curl_multi_add_handle");
}

void Client::PlanRetry(Call& call) {
  if (call.attempts >= options_.retry.attempts || !detail::MayRepeat(call.request)) return;
  if (!detail::IsWorthRepeating(call.result)) return;
  const milliseconds wait =
      detail::RetryWait(options_.retry, call.attempts, call.transfer->RetryAfter(), connections_->random);
  const SteadyTime next = RealClock().Now() + wait;
  if (next < call.deadline && connections_->budget.TakeRetry()) call.next = next;
}

void Client::End(Call& call) {
  call.result = call.transfer->Finish(call.request);
  PlanRetry(call);
  curl_multi_remove_handle(connections_->multi.get(), call.transfer->easy.get());
  connections_->idle.push_back(std::move(call.transfer->easy));
  call.transfer.reset();
}

std::vector<Result<ClientResponse>> Client::Fetch(const std::vector<ClientRequest>& requests, milliseconds timeout) {
  Check(timeout > milliseconds(0), "a fetch has time");
  CURLM* multi = connections_->multi.get();
  const SteadyTime begin = RealClock().Now();
  std::vector<Result<ClientResponse>> results(requests.size());
  std::deque<Call> calls;
  for (size_t i = 0; i < requests.size(); ++i) {
    if (auto sendable = Sendable(requests[i], options_); !sendable) {
      results[i] = Fail(sendable.error());
      continue;
    }
    connections_->budget.CountRequest();
    Start(calls.emplace_back(Call{requests[i], results[i], begin + timeout}));
  }

  // The library ends each attempt at the timeout; the deadline here is for a library that does not.
  const SteadyTime deadline = begin + timeout + milliseconds(100);
  for (;;) {
    int active = 0, queued = 0;
    if (curl_multi_perform(multi, &active) != CURLM_OK) break;
    while (const CURLMsg* message = curl_multi_info_read(multi, &queued)) {
      if (message->msg != CURLMSG_DONE) continue;
      Transfer* transfer = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
      transfer->code = message->data.result;
      transfer->done = true;
    }
    const SteadyTime now = RealClock().Now();
    SteadyTime wake = now + milliseconds(100);
    bool pending = false;
    for (Call& call : calls) {
      if (call.transfer && call.transfer->done) End(call);
      if (call.next && *call.next <= now) Start(call);
      if (call.next) wake = std::min(wake, *call.next);
      pending = pending || call.transfer || call.next;
    }
    if (!pending || now >= deadline) break;
    const auto sleep = std::chrono::ceil<milliseconds>(wake - RealClock().Now());
    curl_multi_poll(multi, nullptr, 0, static_cast<int>(std::max<int64_t>(sleep.count(), 0)), nullptr);
  }
  for (Call& call : calls) {
    if (call.transfer) End(call);
  }
  return results;
}

Result<ClientResponse> Client::Send(const ClientRequest& request, milliseconds timeout) {
  return std::move(Fetch({request}, timeout).front());
}

Result<ClientResponse> Client::Get(std::string url, milliseconds timeout) {
  return Send({.url = std::move(url)}, timeout);
}

Result<ClientResponse> Client::Put(std::string url, std::string body, milliseconds timeout) {
  return Send({.method = "PUT", .url = std::move(url), .body = std::move(body)}, timeout);
}

}  // namespace flyball::http
