#include "pkg/service/local/document_watch.h"

#include <sys/stat.h>

#include <utility>

namespace flyball::local {

DocumentWatch::DocumentWatch(std::vector<std::string> paths)
    : paths_(std::move(paths)), known_(Look()), last_(known_) {}

std::vector<DocumentWatch::Mark> DocumentWatch::Look() const {
  std::vector<Mark> marks;
  for (const std::string& path : paths_) {
    struct stat info {};
    Mark mark;
    if (::stat(path.c_str(), &info) == 0) {
      mark = {info.st_dev, info.st_ino, info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec};
    }
    marks.push_back(mark);
  }
  return marks;
}

bool DocumentWatch::Changed() {
  auto now = Look();
  const bool settled = now == last_;
  last_ = std::move(now);
  if (!settled || last_ == known_) return false;
  known_ = last_;
  return true;
}

}  // namespace flyball::local
