#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace flyball::kube::detail {

// RFC 4648 section 4, padded; white space between is passed over, as in kubeconfig files. None when it is not that.
std::optional<std::string> DecodeBase64(std::string_view text);
std::string EncodeBase64(std::string_view bytes);

}  // namespace flyball::kube::detail
