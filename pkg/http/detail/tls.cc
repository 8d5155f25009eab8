#include "pkg/http/detail/tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstring>
#include <utility>

#include "pkg/base/check.h"

namespace flyball::http::detail {
namespace {

constexpr unsigned char kProtocols[] = "\x08http/1.1\x08http/1.0";  // the first that the client offers

// OpenSSL's own socket BIO writes without MSG_NOSIGNAL: a client that left would end the process.
int FdOf(BIO* bio) { return static_cast<int>(reinterpret_cast<intptr_t>(BIO_get_data(bio))); }

int BioWrite(BIO* bio, const char* bytes, int size) {
  BIO_clear_retry_flags(bio);
  const ssize_t sent = send(FdOf(bio), bytes, static_cast<size_t>(size), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
  return static_cast<int>(sent);
}

int BioRead(BIO* bio, char* bytes, int size) {
  BIO_clear_retry_flags(bio);
  const ssize_t got = recv(FdOf(bio), bytes, static_cast<size_t>(size), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
  if (got == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  return static_cast<int>(got);
}

long BioControl(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_FLUSH) return 1;
  if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
  return 0;
}

int BioCreate(BIO* bio) {
  BIO_set_init(bio, 1);
  return 1;
}

BIO_METHOD* SocketMethod() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket without signals");
    Check(made != nullptr, "memory for a BIO method");
    BIO_meth_set_write(made, BioWrite);
    BIO_meth_set_read(made, BioRead);
    BIO_meth_set_ctrl(made, BioControl);
    BIO_meth_set_create(made, BioCreate);
    return made;
  }();
  return method;
}

int ChooseProtocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in, unsigned in_size,
                   void*) {
  unsigned char* chosen = nullptr;
  const int result = SSL_select_next_proto(&chosen, out_size, kProtocols, sizeof kProtocols - 1, in, in_size);
  if (result != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

int NoPassword(char*, int, int, void*) { return -1; }

std::string WhyNot() {
  char text[256] = "unknown reason";
  if (const unsigned long code = ERR_peek_last_error(); code != 0) ERR_error_string_n(code, text, sizeof text);
  ERR_clear_error();
  return text;
}

struct ContextDelete {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};

}  // namespace

TlsSession::~TlsSession() {
  SSL_free(ssl_);
  ERR_clear_error();
}

ssize_t TlsSession::Failed(int result) {
  const int error = SSL_get_error(ssl_, result);
  ERR_clear_error();
  wants_write_ = error == SSL_ERROR_WANT_WRITE;
  if (error == SSL_ERROR_ZERO_RETURN) return 0;
  errno = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? EAGAIN : EPROTO;
  return -1;
}

ssize_t TlsSession::Shake() {
  const int result = SSL_do_handshake(ssl_);
  if (result == 1) return 1;
  return Failed(result);
}

ssize_t TlsSession::Receive(char* bytes, size_t size) {
  const int got = SSL_read(ssl_, bytes, static_cast<int>(std::min<size_t>(size, INT_MAX)));
  return got > 0 ? got : Failed(got);
}

ssize_t TlsSession::Send(const char* bytes, size_t size) {
  const int sent = SSL_write(ssl_, bytes, static_cast<int>(std::min<size_t>(size, INT_MAX)));
  if (sent > 0) return sent;
  if (Failed(sent) == 0) errno = EPIPE;
  return -1;
}

void TlsSession::SendEnd() {
  if (SSL_is_init_finished(ssl_)) SSL_shutdown(ssl_);
  ERR_clear_error();
}

Result<std::unique_ptr<TlsContext>> TlsContext::Load(std::string certificate, std::string key) {
  std::unique_ptr<TlsContext> context(new TlsContext(std::move(certificate), std::move(key)));
  if (auto read = context->ReloadIfChanged(); !read) return Fail(read.error());
  return context;
}

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

bool TlsContext::Version::operator==(const Version& other) const {
  return inode == other.inode && size == other.size && changed.tv_sec == other.changed.tv_sec &&
         changed.tv_nsec == other.changed.tv_nsec;
}

TlsContext::Version TlsContext::Look(const std::string& file) {
  struct stat found {};
  if (stat(file.c_str(), &found) != 0) return {};
  return {found.st_ino, found.st_size, found.st_mtim};
}

Result<SSL_CTX*> TlsContext::Read() const {
  ERR_clear_error();
  std::unique_ptr<SSL_CTX, ContextDelete> context(SSL_CTX_new(TLS_server_method()));
  if (context == nullptr) return Fail(ErrorCode::kIo, "TLS: " + WhyNot());
  SSL_CTX* raw = context.get();
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(raw, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);  // tickets do
  SSL_CTX_set_cipher_list(raw, "ECDHE+AESGCM:ECDHE+CHACHA20");
  SSL_CTX_set_alpn_select_cb(raw, ChooseProtocol, nullptr);
  SSL_CTX_set_default_passwd_cb(raw, NoPassword);
  if (SSL_CTX_use_certificate_chain_file(raw, certificate_.c_str()) != 1) {
    return Fail(ErrorCode::kInvalid, "no certificate in " + certificate_ + " (PEM is expected): " + WhyNot());
  }
  if (SSL_CTX_use_PrivateKey_file(raw, key_.c_str(), SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(raw) != 1) {
    return Fail(ErrorCode::kInvalid, "no key in " + key_ + " that fits the certificate in " + certificate_ +
                                         " (PEM without a password is expected): " + WhyNot());
  }
  return context.release();
}

Result<bool> TlsContext::ReloadIfChanged() {
  const Versions now = Look();
  if (context_ != nullptr && now == read_) return false;
  const auto fresh = Read();
  if (!fresh) return Fail(fresh.error());
  read_ = now;
  std::lock_guard lock(mutex_);
  SSL_CTX_free(std::exchange(context_, *fresh));  // sessions hold what they use
  return true;
}

std::unique_ptr<TlsSession> TlsContext::NewSession(int fd) {
  SSL* ssl = nullptr;
  {
    std::lock_guard lock(mutex_);
    ssl = SSL_new(context_);
  }
  BIO* bio = ssl == nullptr ? nullptr : BIO_new(SocketMethod());
  if (bio == nullptr) {
    SSL_free(ssl);
    return nullptr;
  }
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<intptr_t>(fd)));
  SSL_set_bio(ssl, bio, bio);
  SSL_set_accept_state(ssl);
  return std::make_unique<TlsSession>(ssl);
}

}  // namespace flyball::http::detail
