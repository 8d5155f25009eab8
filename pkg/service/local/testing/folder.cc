#include "pkg/service/local/testing/folder.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include "pkg/base/check.h"

namespace flyball::local::testing {

Folder::Folder() {
  std::string path = (std::filesystem::temp_directory_path() / "flyball-XXXXXX").string();
  Check(::mkdtemp(path.data()) != nullptr, "a temporary folder can be made");
  path_ = path;
}

Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void WriteFile(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();  // a process whose /proc file goes while it is read is no exception here
  return text.str();
}

}  // namespace flyball::local::testing
