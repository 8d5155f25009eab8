#include "pkg/service/autoscaler/governor_sink.h"

#include <utility>

#include "pkg/base/log.h"
#include "pkg/service/operator/app_status.h"
#include "pkg/service/operator/reconciler.h"

namespace flyball::service::autoscaler {
namespace {

kube::Answer<void> Put(app_operator::FencedWriter& writer, const kube::Object& object, const std::string& status) {
  const auto path = app_operator::kGovernors.In(object.name_space).Named(object.name).Sub("status");
  const auto written = writer.Update(path, app_operator::WithStatus(object.json, status));
  if (!written) return tl::unexpected(written.error());
  return {};
}

}  // namespace

GovernorSink::GovernorSink(app_operator::FencedWriter& writer, kube::EventRecorder& events,
                           std::function<kube::ObjectPtr()> object, const Clock& clock)
    : writer_(writer), events_(events), object_(std::move(object)), clock_(clock) {}

void GovernorSink::Report(const std::string&, const std::string& status_json) {
  news_.loop = status_json;
  news_.waiting_reason.clear();
  news_.waiting.clear();
  Write();
}

void GovernorSink::Wait(const std::string& reason, const std::string& message) {
  news_.waiting_reason = reason;
  news_.waiting = message;
  Write();
}

void GovernorSink::Ordered(const std::string&, int from, int to, const std::string& reason) {
  const kube::ObjectPtr object = object_();
  if (object == nullptr) return;
  events_.Record(
      {{"flyball.io/v1alpha1", "Governor", object->name_space, object->name, object->uid, object->resource_version},
       kube::EventType::kNormal,
       to > from ? "ScaledUp" : "ScaledDown",
       std::to_string(from) + " -> " + std::to_string(to) + " replicas: " + reason});
}

void GovernorSink::Write() {
  const kube::ObjectPtr object = object_();
  if (object == nullptr || !writer_.MayWrite()) return;
  const auto governor = app_operator::ReadResource(object->json);
  if (!governor) return;
  const std::string status = GovernorStatus(*governor, object->json, news_, clock_.WallNow());
  if (!pace_.Due(object->json, status, clock_.Now())) return;
  const auto written = Put(writer_, *object, status);
  if (written) pace_.Wrote(clock_.Now());
  // A conflict says that the cache is a moment behind; the next tick writes.
  const bool failed = !written && written.error().failure != kube::Failure::kConflict;
  if (failed && !failing_) {
    Log(LogLevel::kWarn, "the status could not be written",
        {{"governor", object->Key()}, {"reason", written.error().message}});
  }
  failing_ = failed;
}

kube::Answer<void> WriteGovernorStatus(app_operator::FencedWriter& writer, const kube::Object& object,
                                       const GovernorNews& news, WallTime now) {
  const auto governor = app_operator::ReadResource(object.json);
  if (!governor) return {};
  const std::string status = GovernorStatus(*governor, object.json, news, now);
  if (app_operator::HasStatus(object.json, status)) return {};
  return Put(writer, object, status);
}

}  // namespace flyball::service::autoscaler
