#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace flyball {

// The candidate a person most likely meant by `name`: the smallest optimal string alignment distance (insert, delete,
// replace, swap neighbours; ASCII case costs nothing), at most a third of the name's length and at least 1 allowed, and
// less than the shorter one's length, so that something is left of it.
// Empty when nothing is near. Ties go to the earlier candidate. Names longer than 64 bytes have no neighbour.
std::string_view Nearest(std::string_view name, const std::vector<std::string_view>& candidates);

}  // namespace flyball
