#include "pkg/kube/detail/kubeconfig.h"

#include <yaml-cpp/yaml.h>

#include <map>
#include <optional>
#include <string_view>

#include "pkg/kube/detail/base64.h"

namespace flyball::kube::detail {
namespace {

// One named entry of a list, or a part of it, and where it stands: all reading goes through here, so that every error
// can say where. The first error is kept; what is read after it does not matter.
class Entry {
 public:
  Entry(std::string file, std::string place, YAML::Node node, std::optional<Error>& error)
      : file_(std::move(file)), place_(std::move(place)), node_(std::move(node)), error_(error) {}

  std::string Text(const char* key, std::string_view expected = "a text") {
    const YAML::Node node = node_[key];
    if (!node || node.IsNull()) return {};
    if (!node.IsScalar()) return Wrong(key, expected), std::string();
    return node.Scalar();
  }

  bool Truth(const char* key) {
    const std::string text = Text(key, "true or false");
    if (text != "" && text != "true" && text != "false") Wrong(key, "true or false");
    return text == "true";
  }

  // A file name, relative to the kubeconfig's folder.
  std::string Path(const char* key) { return Resolve(Text(key, "a file name")); }

  std::string Resolve(std::string path) const {
    const size_t slash = file_.rfind('/');
    if (path.empty() || path.front() == '/' || slash == std::string::npos) return path;
    return file_.substr(0, slash + 1) + path;
  }

  // KEY-data (base64) counts before KEY (a file).
  PemSource Pem(const std::string& key) {
    const std::string data_key = key + "-data";
    const std::string data = Text(data_key.c_str(), "base64 of PEM text");
    if (data.empty()) return {.file = Path(key.c_str())};
    const auto text = DecodeBase64(data);
    if (!text || text->find("-----BEGIN ") == std::string::npos)
      return Wrong(data_key.c_str(), "base64 of PEM text (-----BEGIN ...)"), PemSource();
    return {.text = *text};
  }

  std::vector<std::string> Texts(const char* key) {
    std::vector<std::string> texts;
    const YAML::Node list = node_[key];
    if (!list || list.IsNull()) return texts;
    if (!list.IsSequence()) return Wrong(key, "a list of texts"), texts;
    for (const YAML::Node& item : list) {
      if (!item.IsScalar()) return Wrong(key, "a list of texts"), texts;
      texts.push_back(item.Scalar());
    }
    return texts;
  }

  std::vector<Entry> Parts(const char* key) {
    std::vector<Entry> parts;
    const YAML::Node list = node_[key];
    if (!list || list.IsNull()) return parts;
    if (!list.IsSequence()) return Wrong(key, "a list"), parts;
    for (const YAML::Node& item : list) {
      const std::string place = Place(key) + "[" + std::to_string(parts.size()) + "]";
      if (!item.IsMap()) {
        Say(place, "a mapping");
        return parts;
      }
      parts.emplace_back(file_, place, item, error_);
    }
    return parts;
  }

  std::optional<Entry> Part(const char* key) {
    const YAML::Node part = node_[key];
    if (!part || part.IsNull()) return std::nullopt;
    if (!part.IsMap()) return Wrong(key, "a mapping"), std::nullopt;
    return Entry(file_, Place(key), part, error_);
  }

  bool Has(const char* key) const { return static_cast<bool>(node_[key]); }
  void Wrong(const char* key, std::string_view expected) { Say(Place(key), expected); }
  void Refuse(const char* key, std::string_view why) {
    if (!error_) error_ = Error{ErrorCode::kInvalid, file_ + ": " + Place(key) + ": " + std::string(why)};
  }
  const std::string& file() const { return file_; }

 private:
  std::string Place(std::string_view key) const {
    return place_.empty() ? std::string(key) : place_ + "." + std::string(key);
  }
  void Say(const std::string& place, std::string_view expected) {
    if (!error_) error_ = Error{ErrorCode::kInvalid, file_ + ": " + place + ": expected " + std::string(expected)};
  }

  std::string file_, place_;
  YAML::Node node_;
  std::optional<Error>& error_;
};

struct Merged {
  std::optional<Error> error{};
  std::map<std::string, Entry> clusters{}, contexts{}, users{};
  std::string current_context{};
};

void Collect(Entry& root, const char* list, const char* what, std::map<std::string, Entry>& into) {
  for (Entry& item : root.Parts(list)) {
    const std::string name = item.Text("name");
    if (name.empty()) return item.Wrong("name", "the name of a " + std::string(what));
    if (auto part = item.Part(what)) into.try_emplace(name, *part);
  }
}

void Merge(const KubeconfigText& file, Merged& merged) {
  const YAML::Node node = YAML::Load(file.text);
  if (node.IsNull()) return;
  if (!node.IsMap()) {
    merged.error = Error{ErrorCode::kInvalid, file.file + ": expected a mapping with clusters, contexts and users"};
    return;
  }
  Entry root(file.file, "", node, merged.error);
  Collect(root, "clusters", "cluster", merged.clusters);
  Collect(root, "contexts", "context", merged.contexts);
  Collect(root, "users", "user", merged.users);
  if (merged.current_context.empty()) merged.current_context = root.Text("current-context");
}

std::string NamesOf(const std::map<std::string, Entry>& entries) {
  std::string names;
  for (const auto& [name, entry] : entries) names += (names.empty() ? "" : ", ") + ("\"" + name + "\"");
  return names.empty() ? "none" : names;
}

void ReadCluster(Entry& cluster, Config& config) {
  config.server = cluster.Text("server");
  const bool http = config.server.starts_with("https://") || config.server.starts_with("http://");
  if (!http) cluster.Wrong("server", "https://HOST[:PORT]");
  while (config.server.ends_with("/")) config.server.pop_back();
  config.ca = cluster.Pem("certificate-authority");
  config.insecure_skip_tls_verify = cluster.Truth("insecure-skip-tls-verify");
  if (config.insecure_skip_tls_verify && !config.ca.empty())
    cluster.Refuse("insecure-skip-tls-verify", "true contradicts certificate-authority; keep one of them");
  config.tls_server_name = cluster.Text("tls-server-name");
  config.proxy_url = cluster.Text("proxy-url");
}

ExecPlugin ReadExec(Entry& exec) {
  ExecPlugin plugin{.api_version = exec.Text("apiVersion"),
                    .command = exec.Text("command"),
                    .args = exec.Texts("args"),
                    .install_hint = exec.Text("installHint"),
                    .provide_cluster_info = exec.Truth("provideClusterInfo")};
  if (plugin.api_version != "client.authentication.k8s.io/v1" &&
      plugin.api_version != "client.authentication.k8s.io/v1beta1")
    exec.Wrong("apiVersion", "client.authentication.k8s.io/v1 or client.authentication.k8s.io/v1beta1");
  if (plugin.command.empty()) exec.Wrong("command", "the program that prints the credential");
  if (plugin.command.find('/') != std::string::npos) plugin.command = exec.Resolve(plugin.command);
  if (exec.Text("interactiveMode") == "Always")
    exec.Refuse("interactiveMode", "Always: a program that asks a person cannot be used here");
  for (Entry& variable : exec.Parts("env")) {
    plugin.env.emplace_back(variable.Text("name"), variable.Text("value"));
    if (plugin.env.back().first.empty()) variable.Wrong("name", "the name of a variable");
  }
  return plugin;
}

void ReadUser(Entry& user, Config& config) {
  config.client_certificate = user.Pem("client-certificate");
  config.client_key = user.Pem("client-key");
  if (config.client_certificate.empty() && !config.client_key.empty())
    user.Wrong("client-certificate", "a certificate, for there is a client-key");
  if (!config.client_certificate.empty() && config.client_key.empty())
    user.Wrong("client-key", "a key, for there is a client-certificate");
  config.token = user.Text("token");
  config.token_file = user.Path("tokenFile");
  config.username = user.Text("username");
  config.password = user.Text("password");
  if (auto exec = user.Part("exec")) config.exec = ReadExec(*exec);
  if (user.Has("auth-provider"))
    user.Refuse("auth-provider", "Kubernetes 1.26 removed it; expected exec with a credential plugin");
  for (const char* key : {"as", "as-uid", "as-groups", "as-user-extra"}) {
    if (user.Has(key)) user.Refuse(key, "impersonation is not supported; expected the user's own credentials");
  }
}

Result<Entry> Named(std::map<std::string, Entry>& entries, const std::string& name, const std::string& where,
                    const std::string& what) {
  const auto found = entries.find(name);
  if (found != entries.end()) return found->second;
  return Fail(ErrorCode::kInvalid,
              where + ": no " + what + " is named \"" + name + "\"; there are: " + NamesOf(entries));
}

Result<Config> Choose(Merged& merged, const std::string& context, const std::string& where) {
  const std::string name = context.empty() ? merged.current_context : context;
  if (name.empty())
    return Fail(ErrorCode::kInvalid,
                where + ": current-context is not set; expected one of: " + NamesOf(merged.contexts));
  auto chosen = Named(merged.contexts, name, where, "context");
  if (!chosen) return Fail(chosen.error());
  const std::string at = chosen->file() + ": contexts[\"" + name + "\"]";
  const std::string cluster_name = chosen->Text("cluster"), user_name = chosen->Text("user");
  auto cluster = Named(merged.clusters, cluster_name, at + ".cluster", "cluster");
  if (!cluster) return Fail(cluster.error());
  Config config{.source = chosen->file() + ", context \"" + name + "\""};
  if (std::string name_space = chosen->Text("namespace"); !name_space.empty()) config.name_space = name_space;
  ReadCluster(*cluster, config);
  if (!user_name.empty()) {
    auto user = Named(merged.users, user_name, at + ".user", "user");
    if (!user) return Fail(user.error());
    ReadUser(*user, config);
  }
  if (merged.error) return Fail(*merged.error);
  return config;
}

}  // namespace

Result<Config> ChooseContext(const std::vector<KubeconfigText>& files, const std::string& context) {
  Merged merged;
  std::string where, reading;
  try {
    for (const KubeconfigText& file : files) {
      reading = file.file;
      where += (where.empty() ? "" : ":") + file.file;
      Merge(file, merged);
      if (merged.error) return Fail(*merged.error);
    }
    return Choose(merged, context, where);
  } catch (const YAML::Exception& wrong) {
    return Fail(ErrorCode::kInvalid, reading + ":" + std::to_string(wrong.mark.line + 1) + ":" +
                                         std::to_string(wrong.mark.column + 1) + ": " + wrong.msg);
  }
}

}  // namespace flyball::kube::detail
