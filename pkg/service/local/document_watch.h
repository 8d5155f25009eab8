#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace flyball::local {

// Notices that documents were saved, by looking at them (name, inode, size, time) as often as its owner asks: editors
// replace files in too many ways for anything cleverer.
class DocumentWatch {
 public:
  // What the files are now counts as known.
  explicit DocumentWatch(std::vector<std::string> paths);

  // True once for each change, when two looks in a row saw the same new state (a save may take several writes).
  bool Changed();

 private:
  struct Mark {
    uint64_t device = 0, inode = 0;
    int64_t size = -1, seconds = 0, nanoseconds = 0;  // size -1 = not there
    bool operator==(const Mark&) const = default;
  };
  std::vector<Mark> Look() const;

  const std::vector<std::string> paths_;
  std::vector<Mark> known_, last_;
};

}  // namespace flyball::local
