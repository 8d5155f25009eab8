#include "pkg/store/sqlite/open_file.h"

#include <sys/stat.h>

namespace flyball::store {

OpenFile::OpenFile(std::string path) : path_(std::move(path)) {
  struct stat file {};
  if (stat(path_.c_str(), &file) == 0) {
    device_ = file.st_dev;
    inode_ = file.st_ino;
  }
}

Result<void> OpenFile::StillThere() const {
  struct stat file {};
  if (stat(path_.c_str(), &file) == 0 && file.st_dev == device_ && file.st_ino == inode_) return {};
  return Fail(ErrorCode::kUnavailable, path_ + " was removed or replaced while in use: put it back, or start again");
}

}  // namespace flyball::store
