#pragma once

#include "pkg/spec/detail/mapping.h"
#include "pkg/spec/governor.h"

namespace flyball::spec {

// Fills `governor`, whose name is known, from its spec. `target_name` becomes the node of spec.targetRef.name, if any.
void ReadGovernorSpec(Reading& reading, const Node& spec, Governor& governor, const Node*& target_name);

}  // namespace flyball::spec
