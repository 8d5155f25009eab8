#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "pkg/base/unique_fd.h"
#include "pkg/spec/detail/tree.h"
#include "pkg/spec/reader.h"

namespace flyball::spec {
namespace {

// Reads at most one byte more than a document may have, whatever the file's size says. Empty `why` on success.
std::string ReadBounded(int fd, std::string& text) {
  text.resize(kMaxFileBytes + 1);
  size_t used = 0;
  while (used < text.size()) {
    const ssize_t got = read(fd, text.data() + used, text.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::string("cannot be read: ") + std::strerror(errno);
    if (got == 0) break;
    used += static_cast<size_t>(got);
  }
  text.resize(used);
  return used > kMaxFileBytes ? "is larger than 1 MiB" : "";
}

std::string ReadFile(const std::string& path, std::string& text) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return errno == ENOENT ? "does not exist" : std::string("cannot be opened: ") + std::strerror(errno);
  struct stat status {};
  if (fstat(fd.get(), &status) != 0) return std::string("cannot be read: ") + std::strerror(errno);
  if (S_ISDIR(status.st_mode)) return "is a folder; name a YAML file in it";
  if (S_ISREG(status.st_mode) && status.st_size > static_cast<off_t>(kMaxFileBytes)) return "is larger than 1 MiB";
  return ReadBounded(fd.get(), text);
}

}  // namespace

Documents ReadFiles(const std::vector<std::string>& paths) {
  std::vector<Source> sources;
  std::vector<Problem> problems;
  for (const std::string& path : paths) {
    Source source{path, {}};
    const std::string why = ReadFile(path, source.text);
    if (why.empty())
      sources.push_back(std::move(source));
    else
      problems.push_back({path, 0, 0, "the file " + why, ""});
  }
  Documents documents = Read(sources);
  documents.problems.insert(documents.problems.begin(), problems.begin(), problems.end());
  return documents;
}

}  // namespace flyball::spec
