#pragma once

#include <string>

namespace flyball::bench {

// What a pod of the tasks sample under load answers to a scrape: 12 endpoints, three roles, 80 KB.
std::string PodPage();

}  // namespace flyball::bench
