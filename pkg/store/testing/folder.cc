#include "pkg/store/testing/folder.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "pkg/base/check.h"

namespace flyball::store {

Folder::Folder() {
  // In memory where there is such a place: the tests are about what is written, not about how fast the disk is.
  const std::filesystem::path memory = "/dev/shm";
  const bool in_memory = access(memory.c_str(), W_OK) == 0;
  std::string pattern = (in_memory ? memory : std::filesystem::temp_directory_path()) / "store-XXXXXX";
  Check(mkdtemp(pattern.data()) != nullptr, "a temporary folder can be made");
  path_ = pattern;
}

Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace flyball::store
