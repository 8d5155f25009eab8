#pragma once

#include <string>
#include <vector>

#include "pkg/simulate/simulation.h"
#include "pkg/simulate/trace.h"

namespace flyball::simulate {

// One autoscaler's run over a trace.
struct Replay {
  std::string name;
  Outcome outcome;
};

// What was replayed, as lines of name and value for people.
using Setting = std::pair<std::string, std::string>;

// A page that needs nothing else: the settings, a table of what each autoscaler cost and served, and a chart of each
// (replicas over time, the seconds in which the objective was violated) below the load. Readable on a phone, without
// colour and by a screen reader. Text from outside is escaped. The same input gives the same bytes.
std::string HtmlReport(const Trace& trace, const std::vector<Setting>& settings, const std::vector<Replay>& replays);

// The table's figures, for text and JSON too.
struct Figures {
  double pod_hours = 0;
  int most_replicas = 0, violated_seconds = 0;
  double in_time = 1, critical_served = 1;  // shares of first attempts offered
};
Figures FiguresOf(const Outcome& outcome);

}  // namespace flyball::simulate
