// TLS on the server's end of a non-blocking socket, by OpenSSL.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <array>
#include <memory>
#include <mutex>
#include <string>

#include "pkg/base/result.h"

typedef struct ssl_st SSL;
typedef struct ssl_ctx_st SSL_CTX;

namespace flyball::http::detail {

// One connection. Used on its reactor's thread.
class TlsSession {
 public:
  explicit TlsSession(SSL* ssl) : ssl_(ssl) {}
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  // As recv(2) and send(2) without blocking: bytes, 0 for the client's end (Receive), or -1 and errno, which is EAGAIN
  // when the socket must be waited for and EPROTO when the connection is of no use any more. The handshake is carried
  // out by Shake alone: 1 when it is done, else as the others.
  ssize_t Shake();
  ssize_t Receive(char* bytes, size_t size);
  // After EAGAIN the same bytes must be sent again, from the same or another place.
  ssize_t Send(const char* bytes, size_t size);

  // Whether the last EAGAIN means: wait until the socket can be written.
  bool wants_write() const { return wants_write_; }
  // Tells the client that nothing follows (close_notify), if there is room.
  void SendEnd();

 private:
  ssize_t Failed(int result);

  SSL* const ssl_;
  bool wants_write_ = false;
};

// Certificate and key; makes sessions of TLS 1.2 and 1.3 that speak http/1.1 or http/1.0 (ALPN, RFC 7301). Thread-safe.
class TlsContext {
 public:
  // Reads a PEM file with the certificate and what leads from it to the root, and one with its key. kInvalid names the
  // file and what is wrong with it.
  static Result<std::unique_ptr<TlsContext>> Load(std::string certificate, std::string key);
  ~TlsContext();

  // When a file has changed since it was last read: takes both if they are sound and belong together, for sessions from
  // now on. What went wrong otherwise; then the old ones stay in use and the next call tries again. True: new ones.
  Result<bool> ReloadIfChanged();

  // Null when there is no memory.
  std::unique_ptr<TlsSession> NewSession(int fd);

 private:
  // What tells one version of a file from another.
  struct Version {
    ino_t inode = 0;
    off_t size = 0;
    timespec changed{};
    bool operator==(const Version& other) const;
  };
  using Versions = std::array<Version, 2>;
  TlsContext(std::string certificate, std::string key) : certificate_(std::move(certificate)), key_(std::move(key)) {}
  static Version Look(const std::string& file);
  Versions Look() const { return {Look(certificate_), Look(key_)}; }
  Result<SSL_CTX*> Read() const;

  const std::string certificate_;
  const std::string key_;
  Versions read_;  // of the files in use; the reloading thread's
  std::mutex mutex_;
  SSL_CTX* context_ = nullptr;  // guarded by mutex_
};

}  // namespace flyball::http::detail
