#include "pkg/kube/detail/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "pkg/base/unique_fd.h"

namespace flyball::kube::detail {

Result<std::string> ReadFile(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid() && errno == ENOENT) return Fail(ErrorCode::kNotFound, path + ": no such file");
  if (!fd.valid()) return FailErrno("reading " + path);
  constexpr size_t kMost = 1 << 20;
  std::string text;
  char bytes[16384];
  while (text.size() <= kMost) {
    const ssize_t got = read(fd.get(), bytes, sizeof(bytes));
    if (got < 0) return FailErrno("reading " + path);
    if (got == 0) return text;
    text.append(bytes, static_cast<size_t>(got));
  }
  return Fail(ErrorCode::kInvalid, path + ": larger than 1 MiB, which no file of this kind is");
}

}  // namespace flyball::kube::detail
