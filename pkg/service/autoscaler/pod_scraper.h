#pragma once

#include <memory>

#include "pkg/service/autoscaler/ports.h"
#include "pkg/spec/governor.h"

namespace flyball::service::autoscaler {

// Where the document's target shows its numbers: Flyball's own pods are asked themselves; other programs by the metrics
// that signals.demand names, from the pods or from a Prometheus server.
std::unique_ptr<PodScraper> MakeScraper(const spec::Governor& governor);

}  // namespace flyball::service::autoscaler
