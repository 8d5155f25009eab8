#include "pkg/kube/config.h"

#include <cstdlib>
#include <string_view>

#include "pkg/kube/detail/files.h"
#include "pkg/kube/detail/kubeconfig.h"

namespace flyball::kube {
namespace {

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::vector<std::string> SplitPaths(std::string_view list) {
  std::vector<std::string> paths;
  while (!list.empty()) {
    const size_t colon = list.find(':');
    if (colon != 0) paths.emplace_back(list.substr(0, colon));
    list = colon == std::string_view::npos ? std::string_view() : list.substr(colon + 1);
  }
  return paths;
}

Result<Config> ReadAll(const std::vector<std::string>& paths, const std::string& context) {
  std::vector<detail::KubeconfigText> files;
  for (const std::string& path : paths) {
    auto text = detail::ReadFile(path);
    if (!text && text.error().code == ErrorCode::kNotFound) continue;
    if (!text) return Fail(text.error());
    files.push_back({path, std::move(*text)});
  }
  if (files.empty()) return Fail(ErrorCode::kNotFound, "KUBECONFIG: none of its files exists");
  return detail::ChooseContext(files, context);
}

std::string TrimEnd(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  return text;
}

}  // namespace

Result<Config> ReadKubeconfig(const std::string& file, const std::string& context) {
  auto text = detail::ReadFile(file);
  if (!text) return Fail(text.error());
  return ParseKubeconfig(*text, file, context);
}

Result<Config> ParseKubeconfig(const std::string& text, const std::string& file, const std::string& context) {
  return detail::ChooseContext({{file, text}}, context);
}

Result<Config> InClusterConfig(const std::string& folder) {
  const std::string host = Environment("KUBERNETES_SERVICE_HOST"), port = Environment("KUBERNETES_SERVICE_PORT");
  if (host.empty() || port.empty())
    return Fail(ErrorCode::kNotFound,
                "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: this is no pod");
  const bool ipv6 = host.find(':') != std::string::npos;
  Config config{.server = "https://" + (ipv6 ? "[" + host + "]" : host) + ":" + port,
                .ca = {.file = folder + "/ca.crt"},
                .token_file = folder + "/token",
                .source = "the pod's service account"};
  for (const std::string& file : {config.token_file, config.ca.file}) {
    auto text = detail::ReadFile(file);
    if (!text) return Fail(text.error().code, text.error().message + " (is automountServiceAccountToken false?)");
  }
  auto name_space = detail::ReadFile(folder + "/namespace");
  if (name_space) config.name_space = TrimEnd(*name_space);
  return config;
}

Result<Config> FindConfig(const ConfigChoice& choice) {
  if (!choice.file.empty()) return ReadKubeconfig(choice.file, choice.context);
  const std::vector<std::string> listed = SplitPaths(Environment("KUBECONFIG"));
  if (!listed.empty()) return ReadAll(listed, choice.context);
  if (choice.context.empty()) {
    auto pod = InClusterConfig();
    if (pod || pod.error().code != ErrorCode::kNotFound || !Environment("KUBERNETES_SERVICE_HOST").empty()) return pod;
  }
  const std::string home = Environment("HOME");
  auto config = ReadKubeconfig(home + "/.kube/config", choice.context);
  if (!config && config.error().code == ErrorCode::kNotFound)
    return Fail(ErrorCode::kNotFound,
                "no cluster: KUBECONFIG is not set, this is no pod, and there is no " + home + "/.kube/config");
  return config;
}

}  // namespace flyball::kube
