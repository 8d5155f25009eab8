#include <cstdio>

#include "cmd/flyball-api/flags.h"
#include "pkg/base/log.h"
#include "pkg/base/run_group.h"
#include "pkg/service/api/pod.h"

int main(int argc, char** argv) {
  const auto flags = flyball::api_flags::Parse(argc, argv);
  if (flags.exit_status) return *flags.exit_status;
  flyball::StartLog({.format = flags.log_format, .program = "flyball-api", .pod = flags.options.pod});
  flyball::RunGroup group;
  group.Add("pod", [&](std::stop_token stop) { return flyball::service::api::Run(flags.options, stop); });
  const auto result = group.Run();
  if (result) return 0;
  flyball::Log(flyball::LogLevel::kError, result.error().message);
  return 1;
}
