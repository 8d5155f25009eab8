#include "pkg/kube/config.h"

#include <gtest/gtest.h>

#include "pkg/kube/detail/base64.h"
#include "pkg/kube/testing/temp_folder.h"

namespace flyball::kube {
namespace {

using testing::TempFolder;
using testing::WithVariable;

const std::string kPem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

std::string Kubeconfig(const std::string& cluster, const std::string& user, const std::string& more = "") {
  return "apiVersion: v1\nkind: Config\ncurrent-context: dev\n"
         "clusters:\n- name: c1\n  cluster: {" +
         cluster +
         "}\n"
         "contexts:\n- name: dev\n  context: {cluster: c1, user: u1, namespace: shop}\n"
         "- name: other\n  context: {cluster: c1, user: u1}\n"
         "users:\n- name: u1\n  user: {" +
         user + "}\n" + more;
}

Config Good(const std::string& text, const std::string& context = "") {
  auto config = ParseKubeconfig(text, "/home/me/.kube/config", context);
  EXPECT_TRUE(config) << config.error().message;
  return config.value_or(Config{});
}

std::string Wrong(const std::string& text, const std::string& context = "") {
  const auto config = ParseKubeconfig(text, "/k/config", context);
  return config ? "nothing wrong" : config.error().message;
}

TEST(Kubeconfig, ReadsTheCurrentContext) {
  const Config config = Good(Kubeconfig("server: 'https://10.0.0.1:6443/', tls-server-name: kube", "token: abc"));
  EXPECT_EQ(config.server, "https://10.0.0.1:6443");
  EXPECT_EQ(config.tls_server_name, "kube");
  EXPECT_EQ(config.token, "abc");
  EXPECT_EQ(config.name_space, "shop");
  EXPECT_EQ(config.source, "/home/me/.kube/config, context \"dev\"");
}

TEST(Kubeconfig, AnotherContextCanBeAskedFor) {
  EXPECT_EQ(Good(Kubeconfig("server: 'https://h'", "token: abc"), "other").name_space, "default");
}

TEST(Kubeconfig, FilesAreRelativeToIt) {
  const Config config = Good(Kubeconfig("server: 'https://h', certificate-authority: pki/ca.crt",
                                        "client-certificate: /etc/me.crt, client-key: me.key, tokenFile: token"));
  EXPECT_EQ(config.ca.file, "/home/me/.kube/pki/ca.crt");
  EXPECT_EQ(config.client_certificate.file, "/etc/me.crt");
  EXPECT_EQ(config.client_key.file, "/home/me/.kube/me.key");
  EXPECT_EQ(config.token_file, "/home/me/.kube/token");
}

TEST(Kubeconfig, InlineDataCountsBeforeFiles) {
  const std::string data = detail::EncodeBase64(kPem);
  const Config config =
      Good(Kubeconfig("server: 'https://h', certificate-authority: ca.crt, certificate-authority-data: '" + data + "'",
                      "client-certificate-data: '" + data + "', client-key-data: '" + data + "'"));
  EXPECT_EQ(config.ca, (PemSource{.text = kPem}));
  EXPECT_EQ(config.client_certificate, (PemSource{.text = kPem}));
  EXPECT_EQ(config.client_key, (PemSource{.text = kPem}));
}

TEST(Kubeconfig, ReadsAnExecPlugin) {
  const Config config =
      Good(Kubeconfig("server: 'https://h'",
                      "exec: {apiVersion: client.authentication.k8s.io/v1, command: bin/login, args: [a, 'b c'], "
                      "env: [{name: REGION, value: eu}], provideClusterInfo: true, installHint: get it, "
                      "interactiveMode: IfAvailable}"));
  ASSERT_TRUE(config.exec);
  EXPECT_EQ(config.exec->command, "/home/me/.kube/bin/login");
  EXPECT_EQ(config.exec->args, (std::vector<std::string>{"a", "b c"}));
  EXPECT_EQ(config.exec->env, (std::vector<std::pair<std::string, std::string>>{{"REGION", "eu"}}));
  EXPECT_TRUE(config.exec->provide_cluster_info);
}

TEST(Kubeconfig, JsonIsYaml) {
  EXPECT_EQ(Good(R"({"current-context":"x","contexts":[{"name":"x","context":{"cluster":"c"}}],
                     "clusters":[{"name":"c","cluster":{"server":"http://h:8080"}}]})")
                .server,
            "http://h:8080");
}

TEST(Kubeconfig, ErrorsNameFileAndKeyAndWhatWouldBeRight) {
  struct Case {
    std::string text, context, expected;
  };
  const std::string server = "server: 'https://h'";
  const std::vector<Case> cases = {
      {"a: 1\n{b: c", "", "/k/config:2:1: end of map flow not found"},
      {"just text", "", "/k/config: expected a mapping with clusters, contexts and users"},
      {"clusters: 5", "", "/k/config: clusters: expected a list"},
      {"clusters: [5]", "", "/k/config: clusters[0]: expected a mapping"},
      {"clusters: [{cluster: {}}]", "", "/k/config: clusters[0].name: expected the name of a cluster"},
      {"users: []", "", "/k/config: current-context is not set; expected one of: none"},
      {Kubeconfig(server, "token: a"), "prod",
       "/k/config: no context is named \"prod\"; there are: \"dev\", \"other\""},
      {"current-context: a\ncontexts: [{name: a, context: {cluster: z}}]", "",
       "/k/config: contexts[\"a\"].cluster: no cluster is named \"z\"; there are: none"},
      {Kubeconfig("server: h:6443", "token: a"), "",
       "/k/config: clusters[0].cluster.server: expected https://HOST[:PORT]"},
      {Kubeconfig("certificate-authority: x", "token: a"), "",
       "/k/config: clusters[0].cluster.server: expected https://HOST[:PORT]"},
      {Kubeconfig(server + ", certificate-authority-data: '%%'", "token: a"), "",
       "/k/config: clusters[0].cluster.certificate-authority-data: expected base64 of PEM text (-----BEGIN ...)"},
      {Kubeconfig(server + ", insecure-skip-tls-verify: maybe", "token: a"), "",
       "/k/config: clusters[0].cluster.insecure-skip-tls-verify: expected true or false"},
      {Kubeconfig(server + ", insecure-skip-tls-verify: true, certificate-authority: ca", "token: a"), "",
       "/k/config: clusters[0].cluster.insecure-skip-tls-verify: true contradicts certificate-authority; keep one of "
       "them"},
      {Kubeconfig(server, "client-certificate: a"), "",
       "/k/config: users[0].user.client-key: expected a key, for there is a client-certificate"},
      {Kubeconfig(server, "client-key: a"), "",
       "/k/config: users[0].user.client-certificate: expected a certificate, for there is a client-key"},
      {Kubeconfig(server, "token: {a: b}"), "", "/k/config: users[0].user.token: expected a text"},
      {Kubeconfig(server, "exec: {apiVersion: v1, command: x}"), "",
       "/k/config: users[0].user.exec.apiVersion: expected client.authentication.k8s.io/v1 or "
       "client.authentication.k8s.io/v1beta1"},
      {Kubeconfig(server, "exec: {apiVersion: client.authentication.k8s.io/v1}"), "",
       "/k/config: users[0].user.exec.command: expected the program that prints the credential"},
      {Kubeconfig(server, "exec: {apiVersion: client.authentication.k8s.io/v1, command: x, args: y}"), "",
       "/k/config: users[0].user.exec.args: expected a list of texts"},
      {Kubeconfig(server, "auth-provider: {name: gcp}"), "",
       "/k/config: users[0].user.auth-provider: Kubernetes 1.26 removed it; expected exec with a credential plugin"},
      {Kubeconfig(server, "as: root"), "",
       "/k/config: users[0].user.as: impersonation is not supported; expected the user's own credentials"},
  };
  for (const Case& c : cases) EXPECT_EQ(Wrong(c.text, c.context), c.expected) << c.text;
}

TEST(FindConfig, OfSeveralFilesTheFirstToNameAnEntryCounts) {
  TempFolder folder;
  const std::string one = folder.Write("one/config",
                                       "contexts: [{name: a, context: {cluster: c, user: u}}]\n"
                                       "users: [{name: u, user: {tokenFile: t}}]\n");
  const std::string two = folder.Write("two/config",
                                       "current-context: a\nclusters: [{name: c, cluster: {server: 'https://two'}}]\n"
                                       "users: [{name: u, user: {token: not-this}}]\n");
  const WithVariable variable("KUBECONFIG", one + ":" + (folder / "none") + "::" + two);
  const auto config = FindConfig();
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->server, "https://two");
  EXPECT_EQ(config->token_file, folder / "one/t");
  EXPECT_EQ(config->token, "");
}

TEST(FindConfig, AFileThatIsNamedMustExist) {
  const auto config = FindConfig({.file = "/no/such/file"});
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(config.error().message, "/no/such/file: no such file");
  const WithVariable variable("KUBECONFIG", "/no/such:/nor/this");
  EXPECT_EQ(FindConfig().error().message, "KUBECONFIG: none of its files exists");
}

TEST(FindConfig, WithNothingAtAllSaysWhereItLooked) {
  TempFolder home;
  const WithVariable variable("HOME", home.path()), none("KUBECONFIG", ""), no_pod("KUBERNETES_SERVICE_HOST", "");
  EXPECT_EQ(FindConfig().error().message,
            "no cluster: KUBECONFIG is not set, this is no pod, and there is no " + home.path() + "/.kube/config");
  home.Write(".kube/config", Kubeconfig("server: 'https://home'", "token: a"));
  EXPECT_EQ(FindConfig()->server, "https://home");
}

TEST(InCluster, ReadsTheServiceAccount) {
  TempFolder folder;
  folder.Write("token", "t1\n");
  folder.Write("ca.crt", kPem);
  folder.Write("namespace", "shop\n");
  const WithVariable port("KUBERNETES_SERVICE_PORT", "443");
  {
    const WithVariable host("KUBERNETES_SERVICE_HOST", "10.96.0.1");
    const auto config = InClusterConfig(folder.path());
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->server, "https://10.96.0.1:443");
    EXPECT_EQ(config->token_file, folder / "token");
    EXPECT_EQ(config->ca.file, folder / "ca.crt");
    EXPECT_EQ(config->name_space, "shop");
  }
  const WithVariable host("KUBERNETES_SERVICE_HOST", "fd00::1");
  EXPECT_EQ(InClusterConfig(folder.path())->server, "https://[fd00::1]:443");
}

TEST(InCluster, APodWithoutATokenIsToldWhy) {
  TempFolder folder;
  const WithVariable host("KUBERNETES_SERVICE_HOST", "10.96.0.1"), port("KUBERNETES_SERVICE_PORT", "443");
  EXPECT_EQ(InClusterConfig(folder.path()).error().message,
            folder / "token: no such file (is automountServiceAccountToken false?)");
}

}  // namespace
}  // namespace flyball::kube
