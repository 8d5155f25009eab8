#include "pkg/kube/detail/credentials.h"

#include <gtest/gtest.h>

#include <fstream>

#include "pkg/kube/detail/base64.h"
#include "pkg/kube/testing/temp_folder.h"

namespace flyball::kube::detail {
namespace {

using kube::testing::TempFolder;
using namespace std::chrono_literals;

const SteadyTime kStart{1000s};
const WallTime kNow = WallTime{} + std::chrono::hours(24 * 365 * 56);

std::string Authorization(Credentials& credentials, SteadyTime now, WallTime wall = kNow) {
  const auto shown = credentials.Show(now, wall);
  return shown ? shown->authorization : shown.error().message;
}

TEST(Base64, DecodesWhatItEncodes) {
  for (const char* text : {"", "a", "ab", "abc", "abcd", "\xff\x00\x10 nul"}) {
    EXPECT_EQ(DecodeBase64(EncodeBase64(text)), text);
  }
  EXPECT_EQ(EncodeBase64("any carnal pleas"), "YW55IGNhcm5hbCBwbGVhcw==");
  EXPECT_EQ(DecodeBase64(" YW\n55 "), "any");
  for (const char* text : {"YQ", "Y", "YQ=", "=YQ=", "YQ==YQ==", "Y-Q=", "===="})
    EXPECT_FALSE(DecodeBase64(text)) << text;
}

TEST(Credentials, APasswordIsBasic) {
  Credentials credentials({.username = "me", .password = "secret"});
  EXPECT_EQ(Authorization(credentials, kStart), "Basic bWU6c2VjcmV0");
}

TEST(Credentials, ATokenFileIsReadAgainAfterAMinute) {
  TempFolder folder;
  Credentials credentials({.token_file = folder.Write("token", "one\n")});
  EXPECT_EQ(Authorization(credentials, kStart), "Bearer one");
  folder.Write("token", "two\n");
  EXPECT_EQ(Authorization(credentials, kStart + 59s), "Bearer one");
  EXPECT_EQ(Authorization(credentials, kStart + 60s), "Bearer two");
}

TEST(Credentials, ARotatedCertificateIsReadAfterAMinute) {
  TempFolder folder;
  Credentials credentials({.client_certificate = {.file = folder.Write("crt", "-----BEGIN 1")},
                           .client_key = {.file = folder.Write("key", "-----BEGIN 2")}});
  EXPECT_EQ(credentials.Show(kStart, kNow)->certificate_pem, "-----BEGIN 1");
  folder.Write("crt", "-----BEGIN 3");
  folder.Write("key", "-----BEGIN 4");
  const auto shown = credentials.Show(kStart + 60s, kNow);
  EXPECT_EQ(shown->certificate_pem, "-----BEGIN 3");
  EXPECT_EQ(shown->key_pem, "-----BEGIN 4");
}

TEST(Credentials, ARefusedTokenIsReadAgainAtOnce) {
  TempFolder folder;
  Credentials credentials({.token_file = folder.Write("token", "one")});
  const Shown shown = *credentials.Show(kStart, kNow);
  folder.Write("token", "two");
  credentials.Refused(shown);
  EXPECT_EQ(Authorization(credentials, kStart), "Bearer two");
}

TEST(Credentials, AFileThatIsGoneForAMomentDoesNotStopUs) {
  TempFolder folder;
  Credentials credentials({.token_file = folder.Write("token", "one")});
  Authorization(credentials, kStart);
  std::filesystem::remove(folder / "token");
  EXPECT_EQ(Authorization(credentials, kStart + 90s), "Bearer one");
}

TEST(Credentials, WhatCannotBeATokenIsSaid) {
  TempFolder folder;
  Credentials empty({.token_file = folder.Write("token", "\n"), .source = "the test"});
  EXPECT_EQ(Authorization(empty, kStart), "the test: " + (folder / "token") + ": empty; expected a token");
  Credentials lines({.token = "a\r\nX-Evil: 1", .source = "the test"});
  EXPECT_EQ(Authorization(lines, kStart), "the test: the token has spaces or control characters");
  Credentials no_pem({.ca = {.file = folder.Write("ca", "DER")}, .source = "the test"});
  EXPECT_EQ(Authorization(no_pem, kStart), "the test: " + (folder / "ca") + ": expected PEM text (-----BEGIN ...)");
}

// A plugin that counts its runs and prints `status`.
ExecPlugin Plugin(const TempFolder& folder, const std::string& status) {
  return {
      .api_version = "client.authentication.k8s.io/v1",
      .command = folder.WriteProgram(
          "login", "echo run >> " + (folder / "runs") + "\necho \"$KUBERNETES_EXEC_INFO $1 $REGION\" > " +
                       (folder / "asked") + "\ncat <<'END'\n" + R"({"apiVersion":"client.authentication.k8s.io/v1",)" +
                       R"("kind":"ExecCredential","status":)" + status + "}\nEND\n"),
      .args = {"first"},
      .env = {{"REGION", "eu"}},
      .timeout = 60s};
}

std::string Text(const std::string& file) {
  std::ifstream in(file);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

TEST(ExecPlugin, ItsTokenIsKeptUntilTenSecondsBeforeItExpires) {
  TempFolder folder;
  Credentials credentials({.exec = Plugin(folder, R"({"token":"t1","expirationTimestamp":"2026-01-01T00:10:00Z"})")});
  const WallTime begin = WallTime{} + std::chrono::sys_days(std::chrono::year(2026) / 1 / 1).time_since_epoch();
  EXPECT_EQ(Authorization(credentials, kStart, begin), "Bearer t1");
  EXPECT_EQ(Authorization(credentials, kStart, begin + 589s), "Bearer t1");
  EXPECT_EQ(Text(folder / "runs"), "run\n");
  EXPECT_EQ(Authorization(credentials, kStart, begin + 590s), "Bearer t1");
  EXPECT_EQ(Text(folder / "runs"), "run\nrun\n");
}

TEST(ExecPlugin, IsToldWhatTheProtocolSays) {
  TempFolder folder;
  Config config{.server = "https://h:1", .ca = {.text = "-----BEGIN X"}, .exec = Plugin(folder, R"({"token":"t1"})")};
  config.exec->provide_cluster_info = true;
  Credentials credentials(config);
  Authorization(credentials, kStart);
  EXPECT_EQ(Text(folder / "asked"),
            R"({"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":{"cluster":{)"
            R"("certificate-authority-data":"LS0tLS1CRUdJTiBY","server":"https://h:1"},"interactive":false}} first eu)"
            "\n");
}

TEST(ExecPlugin, IsRunAgainWhenTheServerDoesNotBelieveIt) {
  TempFolder folder;
  Credentials credentials({.exec = Plugin(folder, R"({"token":"t1"})")});
  const Shown shown = *credentials.Show(kStart, kNow);
  credentials.Refused(shown);
  Authorization(credentials, kStart);
  EXPECT_EQ(Text(folder / "runs"), "run\nrun\n");
}

TEST(ExecPlugin, MayGiveACertificate) {
  TempFolder folder;
  Credentials credentials({.exec = Plugin(folder, R"({"clientCertificateData":"CERT","clientKeyData":"KEY"})")});
  const auto shown = credentials.Show(kStart, kNow);
  ASSERT_TRUE(shown) << shown.error().message;
  EXPECT_EQ(shown->certificate_pem, "CERT");
  EXPECT_EQ(shown->key_pem, "KEY");
  EXPECT_EQ(shown->authorization, "");
}

TEST(ExecPlugin, WhatGoesWrongNamesTheProgram) {
  TempFolder folder;
  const auto wrong = [&](ExecPlugin plugin) {
    plugin.api_version = "client.authentication.k8s.io/v1";
    const auto credential = RunExecPlugin(plugin, {});
    return credential ? "nothing wrong" : credential.error().message;
  };
  EXPECT_EQ(wrong({.command = "/no/such/login", .install_hint = "see example.org"}),
            "credential plugin /no/such/login: No such file or directory; see example.org");
  const std::string failing = folder.WriteProgram("failing", "exit 3");
  EXPECT_EQ(wrong({.command = failing}), "credential plugin " + failing + ": ended with exit status 3");
  const std::string talking = folder.WriteProgram("talking", "echo hello");
  EXPECT_EQ(wrong({.command = talking}), "credential plugin " + talking + ": printed no ExecCredential in JSON");
  const std::string old = folder.WriteProgram(
      "old", R"(echo '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1beta1","status":{}}')");
  EXPECT_EQ(wrong({.command = old}), "credential plugin " + old +
                                         ": apiVersion \"client.authentication.k8s.io/v1beta1\": expected "
                                         "\"client.authentication.k8s.io/v1\" as in the kubeconfig");
  const std::string empty = folder.WriteProgram(
      "empty", R"(echo '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{}}')");
  EXPECT_EQ(wrong({.command = empty}),
            "credential plugin " + empty + ": status has neither token nor clientCertificateData");
  const std::string hanging = folder.WriteProgram("hanging", "exec sleep 1000");
  EXPECT_EQ(wrong({.command = hanging, .timeout = 100ms}),
            "credential plugin " + hanging + ": not done after 100ms, killed");
  const std::string quiet = folder.WriteProgram("quiet", "exec >&-; exec sleep 1000");
  EXPECT_EQ(wrong({.command = quiet, .timeout = 100ms}),
            "credential plugin " + quiet + ": not done after 100ms, killed");
}

}  // namespace
}  // namespace flyball::kube::detail
