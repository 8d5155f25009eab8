#include "pkg/kube/detail/transport.h"

#include <curl/curl.h>

#include <algorithm>
#include <optional>

#include "pkg/base/check.h"

namespace flyball::kube::detail {
namespace {

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
using HeaderList = std::unique_ptr<curl_slist, ListDelete>;

void Append(HeaderList& list, const std::string& line) { list.reset(curl_slist_append(list.release(), line.c_str())); }

void SetBlob(CURL* easy, CURLoption option, const std::string& text) {
  if (text.empty()) return;
  curl_blob blob{const_cast<char*>(text.data()), text.size(), CURL_BLOB_COPY};
  curl_easy_setopt(easy, option, &blob);
}

constexpr size_t kMostIdle = 16;

}  // namespace

struct Transport::Connection {
  // The multi handle outlives the easy one, as libcurl asks.
  std::unique_ptr<CURLM, MultiDelete> multi{curl_multi_init()};
  std::unique_ptr<CURL, EasyDelete> easy{curl_easy_init()};
};

// One request under way. Its address is what libcurl's callbacks get.
struct Transport::Transfer {
  const HttpRequest& request;
  const Config& config;
  size_t max_body_bytes;
  std::optional<SteadyTime> deadline{};  // of the whole, or ...
  milliseconds idle{0};                  // ... how long it may be silent
  const std::function<bool(std::string_view)>* on_bytes = nullptr;

  CURL* easy = nullptr;
  HeaderList headers{}, connect_to{};
  char why[CURL_ERROR_SIZE] = "";
  HttpAnswer answer{};
  SteadyTime heard{};
  bool too_large = false, enough = false;

  static size_t OnHeader(char* bytes, size_t, size_t count, void* self);
  static size_t OnBody(char* bytes, size_t, size_t count, void* self);
  void Prepare(const ClientOptions& options, const Shown& shown);
  void Secure(const Shown& shown);
  void SetUrl();
  SteadyTime EndsAt() const { return deadline ? *deadline : heard + idle; }
  ApiError Broken(CURLcode code) const;
};

size_t Transport::Transfer::OnHeader(char*, size_t, size_t count, void* self) {
  static_cast<Transfer*>(self)->heard = RealClock().Now();
  return count;
}

size_t Transport::Transfer::OnBody(char* bytes, size_t, size_t count, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  transfer.heard = RealClock().Now();
  long status = 0;
  curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &status);
  if (transfer.on_bytes != nullptr && status < 300) {
    if ((*transfer.on_bytes)(std::string_view(bytes, count))) return count;
    transfer.enough = true;
    return 0;
  }
  if (transfer.answer.body.size() + count > transfer.max_body_bytes) {
    transfer.too_large = true;
    return 0;
  }
  transfer.answer.body.append(bytes, count);
  return count;
}

// A certificate for another name than the server's: libcurl checks the name in the URL, so that is the one in the URL,
// and where to connect to is said apart.
void Transport::Transfer::SetUrl() {
  std::string url = config.server + request.target;
  if (!config.tls_server_name.empty() && config.server.starts_with("https://")) {
    std::string_view rest = std::string_view(config.server).substr(8);
    const std::string_view authority = rest.substr(0, rest.find('/'));
    const size_t colon = authority.find(':', authority.starts_with("[") ? authority.find(']') : 0);
    const std::string host(authority.substr(0, colon));
    const std::string port(colon == std::string_view::npos ? "443" : authority.substr(colon + 1));
    const std::string path(rest.substr(authority.size()));
    url = "https://" + config.tls_server_name + ":" + port + path + request.target;
    Append(connect_to, "::" + host + ":" + port);
    Append(headers, "Host: " + std::string(authority));
  }
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  if (connect_to) curl_easy_setopt(easy, CURLOPT_CONNECT_TO, connect_to.get());
}

void Transport::Transfer::Secure(const Shown& shown) {
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (config.insecure_skip_tls_verify) {
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
  }
  SetBlob(easy, CURLOPT_CAINFO_BLOB, shown.ca_pem);
  SetBlob(easy, CURLOPT_SSLCERT_BLOB, shown.certificate_pem);
  SetBlob(easy, CURLOPT_SSLKEY_BLOB, shown.key_pem);
}

void Transport::Transfer::Prepare(const ClientOptions& options, const Shown& shown) {
  curl_easy_reset(easy);
  SetUrl();
  Secure(shown);
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  curl_easy_setopt(easy, CURLOPT_PROXY, config.proxy_url.c_str());
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout.count()));
  // A peer that vanished without a word is noticed by the kernel within a minute.
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 20L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 10L);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, why);
  curl_easy_setopt(easy, CURLOPT_USERAGENT, options.user_agent.c_str());
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &OnHeader);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &OnBody);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
  // Streams are not asked for compressed: a line could then wait in the server's encoder.
  if (on_bytes == nullptr) curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
  if (request.method != "GET") {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, request.body.c_str());
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
  Append(headers, "Expect:");
  Append(headers, "Accept: application/json");
  Append(headers, request.content_type.empty() ? "Content-Type:" : "Content-Type: " + request.content_type);
  if (!shown.authorization.empty()) Append(headers, "Authorization: " + shown.authorization);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers.get());
}

ApiError Transport::Transfer::Broken(CURLcode code) const {
  const std::string said = config.server + ": " + (why[0] != '\0' ? why : curl_easy_strerror(code));
  if (code == CURLE_PEER_FAILED_VERIFICATION)
    return {.failure = Failure::kUnavailable,
            .message = said + " (expected a certificate by the certificate authority of " + config.source + ")"};
  if (code == CURLE_SSL_CERTPROBLEM)
    return {.failure = Failure::kUnauthorized,
            .message = said + " (client certificate and key of " + config.source + ")"};
  if (code == CURLE_WEIRD_SERVER_REPLY || code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_BAD_CONTENT_ENCODING)
    return {.failure = Failure::kCorrupt, .message = said};
  return {.failure = Failure::kUnavailable, .message = said};
}

Transport::Transport(const Config& config, const ClientOptions& options) : config_(config), options_(options) {
  InitLibraryOnce();
}

Transport::~Transport() = default;

std::unique_ptr<Transport::Connection> Transport::Take() {
  {
    std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto connection = std::move(idle_.back());
      idle_.pop_back();
      return connection;
    }
  }
  auto connection = std::make_unique<Connection>();
  Check(connection->multi && connection->easy, "curl handles");
  return connection;
}

void Transport::GiveBack(std::unique_ptr<Connection> connection) {
  std::lock_guard lock(mutex_);
  if (idle_.size() < kMostIdle) idle_.push_back(std::move(connection));
}

Answer<HttpAnswer> Transport::Send(const HttpRequest& request, const Shown& shown, SteadyTime deadline,
                                   std::stop_token stop) {
  auto connection = Take();
  Transfer transfer{.request = request,
                    .config = config_,
                    .max_body_bytes = options_.max_body_bytes,
                    .deadline = deadline,
                    .easy = connection->easy.get()};
  transfer.Prepare(options_, shown);
  auto answer = Run(*connection, transfer, std::move(stop));
  // After a failure the connection may be half dead; HTTP/2 would go on using it.
  if (answer) GiveBack(std::move(connection));
  return answer;
}

Answer<HttpAnswer> Transport::Stream(const HttpRequest& request, const Shown& shown, milliseconds idle,
                                     std::stop_token stop, const std::function<bool(std::string_view)>& on_bytes) {
  auto connection = Take();
  Transfer transfer{.request = request,
                    .config = config_,
                    .max_body_bytes = 1 << 20,
                    .idle = idle,
                    .on_bytes = &on_bytes,
                    .easy = connection->easy.get()};
  transfer.Prepare(options_, shown);
  auto answer = Run(*connection, transfer, std::move(stop));
  if (answer && !transfer.enough) GiveBack(std::move(connection));
  return answer;
}

Answer<HttpAnswer> Transport::Run(Connection& connection, Transfer& transfer, std::stop_token stop) {
  CURLM* multi = connection.multi.get();
  transfer.heard = RealClock().Now();
  Check(curl_multi_add_handle(multi, transfer.easy) == CURLM_OK, "curl_multi_add_handle");
  std::optional<CURLcode> ended;
  std::optional<ApiError> gave_up;
  {
    const std::stop_callback wake(stop, [multi] { curl_multi_wakeup(multi); });
    while (!ended && !gave_up) {
      int active = 0, queued = 0;
      if (curl_multi_perform(multi, &active) != CURLM_OK) ended = CURLE_FAILED_INIT;
      while (const CURLMsg* message = curl_multi_info_read(multi, &queued)) {
        if (message->msg == CURLMSG_DONE) ended = message->data.result;
      }
      if (ended) break;
      const SteadyTime now = RealClock().Now();
      if (stop.stop_requested()) gave_up = ApiError{.failure = Failure::kStopped, .message = "asked to stop"};
      if (now >= transfer.EndsAt()) {
        const char* why = transfer.deadline ? ": not answered in time" : ": silent for too long";
        long heard = 0;
        curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &heard);
        gave_up =
            ApiError{.failure = Failure::kTimeout, .status = static_cast<int>(heard), .message = config_.server + why};
      }
      if (gave_up) break;
      const auto sleep = std::chrono::ceil<milliseconds>(transfer.EndsAt() - now);
      curl_multi_poll(multi, nullptr, 0, static_cast<int>(std::min<int64_t>(sleep.count(), 10'000)), nullptr);
    }
  }
  long status = 0;
  curl_off_t after = 0;
  curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(transfer.easy, CURLINFO_RETRY_AFTER, &after);
  curl_multi_remove_handle(multi, transfer.easy);
  if (gave_up) return tl::unexpected(*gave_up);
  if (transfer.too_large)
    return tl::unexpected(ApiError{.failure = Failure::kCorrupt,
                                   .status = static_cast<int>(status),
                                   .message = config_.server + ": the answer is larger than is accepted"});
  if (*ended != CURLE_OK && !transfer.enough) return tl::unexpected(transfer.Broken(*ended));
  transfer.answer.status = static_cast<int>(status);
  transfer.answer.retry_after = seconds(std::clamp<curl_off_t>(after, 0, 3600));
  return std::move(transfer.answer);
}

}  // namespace flyball::kube::detail
