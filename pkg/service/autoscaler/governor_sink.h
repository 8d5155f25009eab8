#pragma once

#include <functional>
#include <string>
#include <utility>

#include "pkg/kube/event_recorder.h"
#include "pkg/service/autoscaler/governor_status.h"
#include "pkg/service/autoscaler/ports.h"
#include "pkg/service/operator/fenced_writer.h"

namespace flyball::service::autoscaler {

// Keeps the status of a Governor's object, and tells of each change of replicas by an Event about it. One thread.
class GovernorSink final : public StatusSink {
 public:
  // `object` gives the Governor as it is now (null: it is gone). All must outlive this.
  GovernorSink(app_operator::FencedWriter& writer, kube::EventRecorder& events, std::function<kube::ObjectPtr()> object,
               const Clock& clock);

  void Report(const std::string& governor, const std::string& status_json) override;
  void Ordered(const std::string& governor, int from, int to, const std::string& reason) override;

  // Nothing is governed yet, and why.
  void Wait(const std::string& reason, const std::string& message);
  // Why the target could not be observed, for the next report; empty: it could.
  void SetTrouble(std::string trouble) { news_.trouble = std::move(trouble); }
  // Problems of a newer document than the one that is followed; empty: there are none.
  void SetProblems(std::string problems) { news_.problems = std::move(problems); }

 private:
  void Write();

  app_operator::FencedWriter& writer_;
  kube::EventRecorder& events_;
  const std::function<kube::ObjectPtr()> object_;
  const Clock& clock_;
  GovernorNews news_;
  StatusPace pace_;
  bool failing_ = false;
};

// Writes the status of a Governor that nobody runs. The errors are to be tried again.
kube::Answer<void> WriteGovernorStatus(app_operator::FencedWriter& writer, const kube::Object& object,
                                       const GovernorNews& news, WallTime now);

}  // namespace flyball::service::autoscaler
