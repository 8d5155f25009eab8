// slowhttptest as Debian packages it, aimed at a port.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pkg/service/local/testing/folder.h"

namespace flyball::attack {

class SlowAttack {
 public:
  // `flags` choose the kind and the target (slowhttptest(1)); it holds `connections` open for `seconds`.
  SlowAttack(const std::vector<std::string>& flags, int connections, int seconds);
  ~SlowAttack();  // ends it

  bool running();
  std::string Said() const;

 private:
  local::testing::Folder folder_;
  int pid_ = 0;
};

}  // namespace flyball::attack
