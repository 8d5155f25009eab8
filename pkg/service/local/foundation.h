// What a fleet stands on before its first process: documents that are right, the programs, the data folder, the ports,
// and how pods reach Redis.
#pragma once

#include <memory>

#include "pkg/base/result.h"
#include "pkg/service/local/blueprint.h"
#include "pkg/service/local/data_dir.h"
#include "pkg/service/local/listening_port.h"
#include "pkg/service/local/narration.h"
#include "pkg/service/local/options.h"
#include "pkg/service/local/programs.h"
#include "pkg/service/local/redis_child.h"

namespace flyball::local {

struct Foundation {
  Blueprint documents;  // without problems
  DataDir data;
  ListeningPort api, console;
  Surroundings around;
  std::unique_ptr<RedisChild> redis;  // not started yet; null = not ours to run, or none
};

// Opens everything, in that order; starts nothing. What stands in the way is the error, to be shown as it is (problems
// of documents were told already); then a data folder that was made for this is gone again. What a supervisor that was
// killed left running is ended first.
Result<Foundation> LayFoundation(const Options& options, Narration& narration);

}  // namespace flyball::local
