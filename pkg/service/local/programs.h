// The command lines of what a local fleet runs (supervisor.h has the protocol).
#pragma once

#include <string>

#include "pkg/service/local/child.h"
#include "pkg/service/local/fleet.h"
#include "pkg/service/local/options.h"
#include "pkg/service/local/rollout.h"

namespace flyball::local {

// Where programs are and what they are to reach, the same for all of them.
struct Surroundings {
  std::string api_program, autoscaler_program;
  std::string data;         // the folder, absolute
  std::string redis_url;    // "none" = in-process state
  std::string console_url;  // "http://127.0.0.1:8081"
  std::string token;        // of the console
};

// Without log file and descriptors.
ChildProgram PodProgram(const Options& options, const Surroundings& around, const Revision& documents, const Pod& pod);
ChildProgram AutoscalerProgram(const Surroundings& around, const Revision& documents, const ReplicaBounds& bounds);

}  // namespace flyball::local
