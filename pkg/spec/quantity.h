// Quantities of Kubernetes: "500m", "0.5", "256Mi", "129e6".
#pragma once

#include <optional>
#include <string_view>

namespace flyball::spec {

// What `text` amounts to, in the resource's own unit (cores, bytes): a number, then an exponent or one of the suffixes
// n u m k M G T P E (powers of 1000) and Ki Mi Gi Ti Pi Ei (of 1024). nullopt when it is none, or negative.
std::optional<double> ParseQuantity(std::string_view text);

}  // namespace flyball::spec
