// Where the API server is and who we are to it: from a kubeconfig file, or from inside a pod.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pkg/base/result.h"

namespace flyball::kube {

// A program that prints an ExecCredential (client.authentication.k8s.io/v1 or v1beta1) on standard output.
struct ExecPlugin {
  std::string api_version{};
  std::string command{};
  std::vector<std::string> args{};
  std::vector<std::pair<std::string, std::string>> env{};  // besides this process's own
  std::string install_hint{};
  bool provide_cluster_info = false;
  std::chrono::milliseconds timeout{60'000};

  bool operator==(const ExecPlugin&) const = default;
};

// PEM text, or the file that holds it; a file is read anew when it changes, so rotated certificates need no restart.
struct PemSource {
  std::string text{};
  std::string file{};
  bool empty() const { return text.empty() && file.empty(); }

  bool operator==(const PemSource&) const = default;
};

struct Config {
  std::string server{};  // "https://10.0.0.1:6443", without a slash at the end
  PemSource ca{};        // empty: those of the system
  bool insecure_skip_tls_verify = false;
  std::string tls_server_name{};  // what the certificate has to name, when it is not the server's host
  std::string proxy_url{};        // empty: none; the environment's are ignored
  PemSource client_certificate{}, client_key{};
  std::string token{};
  std::string token_file{};  // before `token`; read again each minute and after a 401, for service accounts' rotate
  std::string username{}, password{};
  std::optional<ExecPlugin> exec{};
  std::string name_space = "default";  // of the context, or of the pod
  std::string source{};  // for messages: "/root/.kube/config, context \"dev\"", "the pod's service account"
};

// One kubeconfig file (YAML or JSON). `context` empty: the file's current-context. Relative file names are relative to
// the kubeconfig's folder. Errors: kNotFound (no such file), kInvalid; they name file, entry and key, and what would be
// right.
Result<Config> ReadKubeconfig(const std::string& file, const std::string& context = "");
// The same for text; `file` is for messages and for relative names.
Result<Config> ParseKubeconfig(const std::string& text, const std::string& file, const std::string& context = "");

// From inside a pod: KUBERNETES_SERVICE_HOST and _PORT, and `folder`'s token, ca.crt and namespace. kNotFound when the
// environment says that this is no pod.
inline constexpr const char* kServiceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount";
Result<Config> InClusterConfig(const std::string& folder = kServiceAccountFolder);

// What kubectl would use: `file` when not empty; else the files of $KUBECONFIG (separated by ':', the first to name an
// entry wins, files that do not exist are passed over); else, with no `context` asked for, the pod's; else
// ~/.kube/config.
struct ConfigChoice {
  std::string file{};     // --kubeconfig
  std::string context{};  // --context
};
Result<Config> FindConfig(const ConfigChoice& choice = {});

}  // namespace flyball::kube
