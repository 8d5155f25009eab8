// How a Governor says where the numbers of a program that is not Flyball's own are.
#pragma once

#include "pkg/spec/detail/mapping.h"
#include "pkg/spec/governor.h"

namespace flyball::spec {

// spec.signals.demand; an empty mapping names nothing, for Flyball's own pods need none.
void ReadDemand(Reading& reading, const Node& node, const std::string& path, std::optional<DemandMetrics>& demand);

// spec.metrics.
void ReadMetrics(Reading& reading, Mapping& metrics, Governor& governor);

// Where they stand; null what is not written.
struct DemandNodes {
  const Node *demand = nullptr, *metrics = nullptr;
  const Node* enforce = nullptr;  // spec.limits.enforce
};

// What targetRef, signals.demand, metrics and limits must be together. Targets that are no App get no limits.
void CheckDemand(Reading& reading, const Node& spec, const DemandNodes& nodes, Governor& governor);

}  // namespace flyball::spec
