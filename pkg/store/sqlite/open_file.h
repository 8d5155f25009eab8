#pragma once

#include <cstdint>
#include <string>

#include "pkg/base/result.h"

namespace flyball::store {

// Which file a path named when it was opened. What is written to a file that has since been removed or replaced would
// be lost with the process.
class OpenFile {
 public:
  explicit OpenFile(std::string path);
  // kUnavailable when the path no longer names that file.
  Result<void> StillThere() const;

 private:
  const std::string path_;
  uint64_t device_ = 0, inode_ = 0;
};

}  // namespace flyball::store
