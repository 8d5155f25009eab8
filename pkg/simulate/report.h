#pragma once

#include <string>
#include <vector>

#include "pkg/simulate/chart.h"
#include "pkg/simulate/trace.h"

namespace flyball::simulate {

// What was replayed, as lines of name and value for people.
using Setting = std::pair<std::string, std::string>;

// A page that needs nothing else: the settings, a table of what each autoscaler cost and served, and a chart of each
// (replicas over time, the seconds in which the objective was violated) below the load. Readable on a phone, without
// colour and by a screen reader. Text from outside is escaped. The same input gives the same bytes.
std::string HtmlReport(const Trace& trace, const std::vector<Setting>& settings, const std::vector<Replay>& replays);

}  // namespace flyball::simulate
