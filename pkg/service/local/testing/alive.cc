#include "pkg/service/local/testing/alive.h"

#include <string>

#include "pkg/service/local/testing/folder.h"

namespace flyball::local::testing {

bool Alive(int pid) {
  const std::string stat = ReadFile("/proc/" + std::to_string(pid) + "/stat");
  const size_t name_end = stat.rfind(") ");
  return name_end != std::string::npos && stat[name_end + 2] != 'Z' && stat[name_end + 2] != 'X';
}

}  // namespace flyball::local::testing
