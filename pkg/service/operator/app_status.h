// The status of an App: what became of its document. Pure.
#pragma once

#include <string>

#include "pkg/base/clock.h"
#include "pkg/service/operator/app_document.h"

namespace flyball::service::app_operator {

// What a round of the operator found.
struct Findings {
  std::string problems;        // of the document, one a line; empty: it is right
  std::string refused_reason;  // CamelCase: why nothing was applied although it is right; empty: it was
  std::string refused;         // the same for people
  std::string caveats;         // render.h
  std::string deployment;      // as it is in the cluster, JSON; empty when there is none
};

// The status to write, JSON: observedGeneration, replicas, readyReplicas, selector and the conditions
//   Valid        False: the document has problems; what runs stays as it was
//   Ready        True: at least one pod serves
//   Progressing  True: pods are being made or replaced; False with DeadlineExceeded: they do not become ready
//   Degraded     True: data or limits are less than they could be
// `before` is the App's object; its conditions keep their lastTransitionTime while their status stays.
std::string AppStatus(const Resource& app, const std::string& before, const Findings& findings, WallTime now);

// The object with another status: what to send to its /status. `object` and `status` are JSON.
std::string WithStatus(const std::string& object, const std::string& status);

// Whether `object` has that status already.
bool HasStatus(const std::string& object, const std::string& status);

}  // namespace flyball::service::app_operator
