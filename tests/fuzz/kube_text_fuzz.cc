// What an API server, a proxy before it, a credential plugin or a kubeconfig may say, read by each of its readers.
#include <cstdint>
#include <string>
#include <string_view>

#include "pkg/base/check.h"
#include "pkg/kube/api_error.h"
#include "pkg/kube/config.h"
#include "pkg/kube/detail/exec_credential.h"
#include "pkg/kube/detail/watch_line.h"
#include "pkg/kube/object.h"

using namespace flyball;
using namespace flyball::kube;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const Asked asked{.verb = "get", .what = "get pods"};
  if (const auto line = detail::ReadWatchLine(text, asked)) {
    const bool has_object = line->kind == detail::LineKind::kPut || line->kind == detail::LineKind::kDeleted;
    Check(has_object == (line->object != nullptr), "an event has its object");
    if (line->object) {
      const auto again = ReadObject(line->object->json);
      Check(again.has_value() && (*again)->Key() == line->object->Key(), "an object reads back as itself");
    }
    if (line->kind == detail::LineKind::kError) Check(line->error.status >= 400, "an error has a status");
  }
  for (const int status : {400, 409, 429, 504}) {
    const ApiError error = ReadStatus(status, text, asked);
    Check(error.retry_after <= std::chrono::minutes(1) && error.retry_after >= std::chrono::milliseconds(0), "bounded");
  }
  (void)ReadObject(text);
  (void)detail::ReadExecCredential(text, {.api_version = "client.authentication.k8s.io/v1", .command = "login"});
  if (const auto config = ParseKubeconfig(text, "/k/config")) Check(!config->server.empty(), "a config has its server");
  return 0;
}
