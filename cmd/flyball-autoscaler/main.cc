#include "cmd/flyball-autoscaler/flags.h"
#include "pkg/base/log.h"
#include "pkg/base/run_group.h"

int main(int argc, char** argv) {
  return flyball::autoscaler_flags::Run(argc, argv, [](const flyball::autoscaler_flags::Job& job) {
    flyball::StartLog({.format = flyball::LogFormat::kJson, .program = "flyball-autoscaler"});
    flyball::RunGroup group;
    group.Add("autoscaler", job);
    const auto result = group.Run();
    if (result) return 0;
    flyball::Log(flyball::LogLevel::kError, result.error().message);
    return 1;
  });
}
