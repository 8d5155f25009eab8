#pragma once

#include <string>
#include <vector>

#include "pkg/base/result.h"
#include "pkg/kube/config.h"

namespace flyball::kube::detail {

struct KubeconfigText {
  std::string file{};
  std::string text{};
};

// The files as one: of entries with the same name the first counts.
Result<Config> ChooseContext(const std::vector<KubeconfigText>& files, const std::string& context);

}  // namespace flyball::kube::detail
