#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "pkg/base/clock.h"
#include "pkg/kube/client.h"
#include "pkg/kube/leader_election.h"

namespace flyball::service::app_operator {

// All that a leader writes goes through here: nothing is sent once the leadership is over, and each call ends with it.
// Every write that changed something is one line of the log with the epoch. Any thread.
class FencedWriter {
 public:
  // `fence` says what the leadership is now; `client` and `clock` must outlive this. `counted` (may be null) is told of
  // every write that was sent: verb, resource ("deployments/scale"), whether it succeeded; any thread.
  using Counted = std::function<void(std::string_view verb, std::string_view resource, bool good)>;
  FencedWriter(kube::Client& client, std::function<kube::Fence()> fence, const Clock& clock, milliseconds longest_call,
               Counted counted = nullptr);

  // As of kube::Client. kForbidden with status 0 when this process does not lead (any more).
  kube::Answer<std::string> Create(const kube::ResourcePath& collection, const std::string& object);
  kube::Answer<std::string> Update(const kube::ResourcePath& path, const std::string& object);
  // Server-side apply of the whole object, fields of others taken. It carries its resourceVersion or is to be created.
  kube::Answer<std::string> Apply(const kube::ResourcePath& path, const std::string& object);
  kube::Answer<kube::Scale> SetScale(const kube::ResourcePath& path, int64_t replicas,
                                     const std::string& resource_version);

  // Whether anything may be written now, and by which epoch (0: none).
  bool MayWrite() const;
  uint64_t epoch() const;

 private:
  template <typename Call>
  auto Send(std::string_view verb, const kube::ResourcePath& path, const Call& call)
      -> decltype(call(kube::CallOptions{}));

  kube::Client& client_;
  const std::function<kube::Fence()> fence_;
  const Clock& clock_;
  const milliseconds longest_call_;
  const Counted counted_;
};

}  // namespace flyball::service::app_operator
