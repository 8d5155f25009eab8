// Whatever a pod answers: the parser and the sample reader neither crash nor hang, and what they accept is sane.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "pkg/scaling/sample.h"
#include "pkg/telemetry/pod_sample.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const auto sample = flyball::telemetry::ReadPodSample({reinterpret_cast<const char*>(bytes), size});
  if (sample && !flyball::scaling::Validate(*sample)) std::abort();
  return 0;
}
