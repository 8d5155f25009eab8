#include "pkg/service/local/testing/eventually.h"

#include <poll.h>

namespace flyball::local::testing {

bool Eventually(const std::function<bool()>& holds, milliseconds deadline) {
  const SteadyTime end = RealClock().Now() + deadline;
  while (!holds()) {
    if (RealClock().Now() >= end) return false;
    ::poll(nullptr, 0, 5);
  }
  return true;
}

}  // namespace flyball::local::testing
