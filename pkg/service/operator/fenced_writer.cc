#include "pkg/service/operator/fenced_writer.h"

#include <algorithm>
#include <utility>

#include "pkg/base/log.h"
#include "pkg/service/operator/pod_contract.h"

namespace flyball::service::app_operator {
namespace {

std::string ResourceOf(const kube::ResourcePath& path) {
  return path.subresource.empty() ? path.plural : path.plural + "/" + path.subresource;
}

}  // namespace

FencedWriter::FencedWriter(kube::Client& client, std::function<kube::Fence()> fence, const Clock& clock,
                           milliseconds longest_call, Counted counted)
    : client_(client),
      fence_(std::move(fence)),
      clock_(clock),
      longest_call_(longest_call),
      counted_(std::move(counted)) {}

template <typename Call>
auto FencedWriter::Send(std::string_view verb, const kube::ResourcePath& path, const Call& call)
    -> decltype(call(kube::CallOptions{})) {
  const kube::Fence fence = fence_();
  const SteadyTime now = clock_.Now();
  const auto left = std::chrono::duration_cast<milliseconds>(fence.Remaining(now));
  if (!fence.MayWrite(now) || left.count() <= 0) {
    return tl::unexpected<kube::ApiError>(
        {kube::Failure::kForbidden, 0, std::string(verb) + " " + path.ForPeople() + ": another process leads"});
  }
  auto answer = call(kube::CallOptions{.timeout = std::min(longest_call_, left)});
  if (counted_) counted_(verb, ResourceOf(path), answer.has_value());
  if (answer) {
    Log(LogLevel::kInfo, "write", {{"verb", verb}, {"object", path.ForPeople()}, {"epoch", fence.epoch}});
  }
  return answer;
}

kube::Answer<std::string> FencedWriter::Create(const kube::ResourcePath& collection, const std::string& object) {
  return Send("create", collection,
              [&](const kube::CallOptions& call) { return client_.Create(collection, object, call); });
}

kube::Answer<std::string> FencedWriter::Update(const kube::ResourcePath& path, const std::string& object) {
  return Send("update", path, [&](const kube::CallOptions& call) { return client_.Update(path, object, call); });
}

kube::Answer<std::string> FencedWriter::Apply(const kube::ResourcePath& path, const std::string& object) {
  const kube::PatchOptions options{
      .type = kube::PatchType::kApply, .field_manager = std::string(kFieldManager), .force = true};
  return Send("apply", path, [&](const kube::CallOptions& call) { return client_.Patch(path, object, options, call); });
}

kube::Answer<kube::Scale> FencedWriter::SetScale(const kube::ResourcePath& path, int64_t replicas,
                                                 const std::string& resource_version) {
  return Send("update", path.Sub("scale"),
              [&](const kube::CallOptions& call) { return client_.SetScale(path, replicas, resource_version, call); });
}

bool FencedWriter::MayWrite() const { return fence_().MayWrite(clock_.Now()); }

uint64_t FencedWriter::epoch() const { return fence_().epoch; }

}  // namespace flyball::service::app_operator
