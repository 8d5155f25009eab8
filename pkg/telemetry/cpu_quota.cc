#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <thread>

#include "pkg/telemetry/pod_metrics.h"

namespace flyball::telemetry {
namespace {

// cpu.max is "max 100000" or "150000 100000".
double QuotaV2(const std::string& root) {
  std::ifstream file(root + "/cpu.max");
  double quota = 0, period = 0;
  return file >> quota >> period && quota > 0 && period > 0 ? quota / period : 0;
}

double QuotaV1(const std::string& root) {
  for (const char* folder : {"/cpu", "/cpu,cpuacct"}) {
    std::ifstream quota_file(root + folder + "/cpu.cfs_quota_us"), period_file(root + folder + "/cpu.cfs_period_us");
    double quota = 0, period = 0;
    if (quota_file >> quota && period_file >> period && quota > 0 && period > 0) return quota / period;
  }
  return 0;
}

}  // namespace

double MemoryLimitBytes(const std::string& cgroup_root) {
  const double machine = static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * static_cast<double>(::sysconf(_SC_PAGESIZE));
  for (const char* name : {"/memory.max", "/memory/memory.limit_in_bytes"}) {  // v2: "max" or a number; v1
    std::ifstream file(cgroup_root + name);
    double limit = 0;
    if (file >> limit && limit > 0) return std::min(limit, machine);
  }
  return machine;
}

double CpuQuotaCores(const std::string& cgroup_root) {
  const double machine = std::max(1u, std::thread::hardware_concurrency());
  double quota = QuotaV2(cgroup_root);
  if (quota == 0) quota = QuotaV1(cgroup_root);
  return quota == 0 ? machine : std::min(quota, machine);
}

}  // namespace flyball::telemetry
