#include "pkg/identity/signing_key.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "pkg/base/check.h"
#include "pkg/base/ids.h"
#include "pkg/base/unique_fd.h"

namespace flyball::identity {
namespace {

constexpr size_t kMaxFileBytes = 2 * SigningKey::kMaxBytes + 2;

std::string Hex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (const char c : bytes) {
    hex.push_back(kDigits[static_cast<uint8_t>(c) >> 4]);
    hex.push_back(kDigits[static_cast<uint8_t>(c) & 15]);
  }
  return hex;
}

std::string KeyId(std::string_view secret) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(secret.data()), secret.size(), digest);
  return Hex(std::string_view(reinterpret_cast<const char*>(digest), 8));
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The secret in hex of at least 64 digits, else what was given.
std::string Unhex(std::string_view text) {
  std::string bytes;
  if (text.size() < 2 * SigningKey::kMinBytes || text.size() % 2 != 0) return std::string(text);
  for (size_t i = 0; i < text.size(); i += 2) {
    const int high = HexDigit(text[i]), low = HexDigit(text[i + 1]);
    if (high < 0 || low < 0) return std::string(text);
    bytes.push_back(static_cast<char>(high * 16 + low));
  }
  return bytes;
}

void Wipe(std::string& text) {
  OPENSSL_cleanse(text.data(), text.size());
  text.clear();
}

Result<void> CheckMode(const std::string& path, int fd) {
  struct stat status {};
  if (fstat(fd, &status) != 0) return FailErrno("reading the mode of the key file " + path);
  if (!S_ISREG(status.st_mode)) {
    return Fail(ErrorCode::kInvalid, "key file " + path + " is not a regular file");
  }
  if ((status.st_mode & (S_IROTH | S_IWOTH | S_IWGRP)) != 0) {
    char mode[8];
    std::snprintf(mode, sizeof(mode), "%04o", status.st_mode & 07777u);
    return Fail(ErrorCode::kInvalid, "key file " + path + " has mode " + mode +
                                         ": others could read or change it; expected 0600 (chmod 600 " + path + ")");
  }
  return {};
}

Result<std::string> ReadAll(const std::string& path, int fd) {
  std::string text(kMaxFileBytes + 1, '\0');
  size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = read(fd, text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FailErrno("reading the key file " + path);
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  text.resize(size);
  return text;
}

bool WriteAll(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t put = write(fd, text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return false;
    text.remove_prefix(static_cast<size_t>(put));
  }
  return fsync(fd) == 0;
}

// Puts a whole file at `path` unless there is one.
Result<void> StoreKey(const std::string& path, const SigningKey& key) {
  const std::string draft = path + "." + RandomHex(8);
  UniqueFd fd(open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd.valid()) return FailErrno("creating the key file " + draft);
  std::string text = Hex(key.secret()) + "\n";
  const bool written = WriteAll(fd.get(), text);
  Result<void> result;
  if (!written) {
    result = FailErrno("writing the key file " + draft);
  } else if (link(draft.c_str(), path.c_str()) != 0 && errno != EEXIST) {
    result = FailErrno("creating the key file " + path);
  }
  Wipe(text);
  unlink(draft.c_str());
  return result;
}

}  // namespace

// One mapping of its own: MADV_DONTDUMP works on pages.
struct SigningKey::Memory {
  explicit Memory(std::string_view secret) : size(secret.size()), kid(KeyId(secret)) {
    pages = mmap(nullptr, kMaxBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    Check(pages != MAP_FAILED, "a page for a signing key");
    madvise(pages, kMaxBytes, MADV_DONTDUMP);
    mlock(pages, kMaxBytes);  // only asked for: RLIMIT_MEMLOCK may be 0
    std::memcpy(pages, secret.data(), size);
    mprotect(pages, kMaxBytes, PROT_READ);
  }
  ~Memory() {
    mprotect(pages, kMaxBytes, PROT_READ | PROT_WRITE);
    OPENSSL_cleanse(pages, kMaxBytes);
    munmap(pages, kMaxBytes);
  }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  void* pages;
  size_t size;
  std::string kid;
};

Result<SigningKey> SigningKey::FromSecret(std::string_view secret) {
  if (secret.size() < kMinBytes || secret.size() > kMaxBytes) {
    return Fail(ErrorCode::kInvalid,
                "a signing key has 32 to 512 bytes; this one has " + std::to_string(secret.size()));
  }
  return SigningKey(std::make_shared<const Memory>(secret));
}

SigningKey SigningKey::Generate() {
  char bytes[kMinBytes];
  RandomBytes(bytes, sizeof(bytes));
  SigningKey key(std::make_shared<const Memory>(std::string_view(bytes, sizeof(bytes))));
  OPENSSL_cleanse(bytes, sizeof(bytes));
  return key;
}

const std::string& SigningKey::kid() const { return memory_->kid; }
std::string_view SigningKey::secret() const { return {static_cast<const char*>(memory_->pages), memory_->size}; }

Result<SigningKey> ReadKey(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  std::string secret = Unhex(text);
  auto key = SigningKey::FromSecret(secret);
  Wipe(secret);
  if (key) return key;
  return Fail(ErrorCode::kInvalid,
              key.error().message + "; expected 32 to 512 random bytes, or 64 to 1,024 hex digits");
}

Result<SigningKey> LoadKey(const std::string& path) {
  // Without blocking: the path may be a pipe.
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid() && errno == ENOENT) return Fail(ErrorCode::kNotFound, "there is no key file " + path);
  if (!fd.valid()) return FailErrno("opening the key file " + path);
  if (auto checked = CheckMode(path, fd.get()); !checked) return Fail(checked.error());
  auto text = ReadAll(path, fd.get());
  if (!text) return Fail(text.error());
  auto key = ReadKey(*text);
  Wipe(*text);
  if (!key) return Fail(ErrorCode::kInvalid, "key file " + path + ": " + key.error().message);
  return key;
}

Result<SigningKey> LoadOrCreateKey(const std::string& path) {
  auto key = LoadKey(path);
  if (key || key.error().code != ErrorCode::kNotFound) return key;
  if (auto stored = StoreKey(path, SigningKey::Generate()); !stored) return Fail(stored.error());
  return LoadKey(path);
}

const SigningKey* KeySet::Find(std::string_view kid) const {
  if (current.kid() == kid) return &current;
  for (const SigningKey& key : previous) {
    if (key.kid() == kid) return &key;
  }
  return nullptr;
}

}  // namespace flyball::identity
