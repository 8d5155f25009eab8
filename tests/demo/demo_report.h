// What trials showed: tables for a terminal and for Markdown, a page and a picture. Pure: the same input gives the same
// bytes.
#pragma once

#include <string>
#include <vector>

#include "pkg/simulate/chart.h"

namespace flyball::demo {

struct Row {
  std::string name, what;     // "governor"; one line that says what it is
  simulate::Outcome outcome;  // the fleet's
  double p99_ms = 0;          // of what was answered, from when it was due
};

// Violated seconds, goodput, pod-seconds and p99 of each.
std::string Table(const std::vector<Row>& rows);
std::string DemoPage(seconds duration, const std::vector<Row>& rows);
std::string DemoPicture(seconds duration, const std::vector<Row>& rows);
// What the demo claims of its rows "fixed fleet", "scaling only" and "governor"; empty when all holds.
std::string WrongClaims(const std::vector<Row>& rows);

// A real run beside simulated ones of the same load on the same parameters.
struct Agreement {
  std::string trace;
  simulate::Outcome real;
  std::vector<simulate::Outcome> simulated;  // one a seed, not empty
};
struct Difference {
  double replicas = 0, replicas_bound = 0;  // mean of |real - simulated|; <= max(1, 20 % of the simulated mean)
  double simulated_violated = 0, violated = 0, violated_bound = 0;  // |real - simulated|; <= 4 s + 20 % of simulated
  bool Holds() const { return replicas <= replicas_bound && violated <= violated_bound; }
};
Difference Compare(const Agreement& agreement);
// Markdown: a table, and replicas over time of both, each 10 s, and which seconds were violated.
std::string AgreementReport(const std::vector<Agreement>& agreements);

}  // namespace flyball::demo
