// Charts of runs, simulated or real: small SVG that scales to the width it is given, tells a screen reader what it
// shows, and does not speak by colour alone.
#pragma once

#include <string>
#include <vector>

#include "pkg/simulate/simulation.h"

namespace flyball::simulate {

// The style sheet of a page of such charts, light and dark.
extern const char* const kChartStyle;

// One autoscaler's run over a trace.
struct Replay {
  std::string name;
  Outcome outcome;
};

// The table's figures, for text and JSON too.
struct Figures {
  double pod_hours = 0;
  int most_replicas = 0, violated_seconds = 0;
  double in_time = 1, critical_served = 1;  // shares of first attempts offered
};
Figures FiguresOf(const Outcome& outcome);

// `id` makes the names inside unique to a page. Seconds are put together so that a long run stays small.
std::string LoadChart(int id, seconds duration, const std::vector<Second>& seconds);
// Replicas ordered (line) and Ready (area), the violated seconds as bars at the top; the axis ends at `most` or above.
std::string ReplicasChart(int id, seconds duration, const Replay& replay, int most);

}  // namespace flyball::simulate
