// TLS, client certificates and HTTP/2: nginx in front of the fake server.
#include <gtest/gtest.h>

#include "pkg/kube/client.h"
#include "pkg/kube/testing/eventually.h"
#include "pkg/kube/testing/fake_api_server.h"
#include "pkg/kube/testing/tls_front.h"
#include "pkg/kube/watcher.h"

namespace flyball::kube {
namespace {

using testing::Certificates;
using testing::Eventually;
using testing::FakeApiServer;
using testing::json;
using testing::TlsFront;
using testing::WatchFault;
using namespace std::chrono_literals;

const ResourcePath kPods{.version = "v1", .plural = "pods", .name_space = "shop"};

class Tls : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (TlsFront::Installed()) certificates = std::make_unique<Certificates>();
  }
  static void TearDownTestSuite() { certificates.reset(); }

  void SetUp() override {
    if (!TlsFront::Installed()) GTEST_SKIP() << "nginx is not installed (Debian package nginx)";
    front = std::make_unique<TlsFront>(*certificates, server.port());
    server.Put(kPods.Named("a"), {});
    config = {.server = front->Url(),
              .ca = {.file = certificates->File("ca.crt")},
              .client_certificate = {.file = certificates->File("client.crt")},
              .client_key = {.text = certificates->Text("client.key")},
              .source = "the test"};
  }

  // What a Get comes to: "" or the failure's name and message.
  std::string Get(const Config& with) {
    auto client = Client::Open(with);
    if (!client) return client.error().message;
    const auto answer = (*client)->Get(kPods.Named("a"), {.timeout = 60s});
    return answer ? "" : std::string(Name(answer.error().failure)) + ": " + answer.error().message;
  }

  static std::unique_ptr<Certificates> certificates;
  FakeApiServer server;
  std::unique_ptr<TlsFront> front;
  Config config;
};
std::unique_ptr<Certificates> Tls::certificates;

TEST_F(Tls, ShowsItsCertificateAndSpeaksHttp2) {
  EXPECT_EQ(Get(config), "");
  EXPECT_EQ(server.requests().back().Header("x-client"), "CN=someone,O=devs");
  EXPECT_EQ(server.requests().back().Header("x-protocol"), "HTTP/2.0");
}

TEST_F(Tls, WatchesOverHttp2) {
  auto client = *Client::Open(config);
  Watcher watcher(*client, {.collection = kPods, .idle = 300ms, .first_backoff = 1ms}, nullptr);
  ASSERT_TRUE(watcher.WaitSynced(60s)) << watcher.trouble();
  const auto converges = [&] {
    return Eventually([&] {
      std::map<std::string, std::string> cached;
      for (const ObjectPtr& pod : watcher.All()) cached[pod->Key()] = pod->uid + "@" + pod->resource_version;
      return cached == server.State(kPods);
    });
  };
  server.Put(kPods.Named("b"), {});
  EXPECT_TRUE(converges());
  bool silent = true;
  server.OnWatchEvent(
      [silent]() mutable { return std::exchange(silent, false) ? WatchFault::kSilent : WatchFault::kNone; });
  server.Put(kPods.Named("c"), {});
  EXPECT_TRUE(converges()) << watcher.trouble();
  EXPECT_GE(watcher.counts().silent, 1u);
}

TEST_F(Tls, AServerWithoutOurAuthorityIsNotTalkedTo) {
  config.ca = {.file = certificates->File("stranger.crt")};
  const std::string said = Get(config);
  EXPECT_TRUE(said.starts_with("unavailable: get pods shop/a: https://127.0.0.1:")) << said;
  EXPECT_TRUE(said.ends_with("(expected a certificate by the certificate authority of the test)")) << said;
  EXPECT_TRUE(server.requests().empty());
  config.ca = {};
  config.insecure_skip_tls_verify = true;
  EXPECT_EQ(Get(config), "");
}

TEST_F(Tls, TheNameToBeCertifiedCanBeAnother) {
  config.tls_server_name = "kube.test";
  EXPECT_EQ(Get(config), "");
  EXPECT_EQ(server.requests().back().Header("x-host"), "127.0.0.1");
  config.tls_server_name = "other.test";
  EXPECT_TRUE(Get(config).starts_with("unavailable: ")) << Get(config);
}

TEST_F(Tls, WithoutACertificateWeAreTurnedAway) {
  config.client_certificate = config.client_key = {};
  const std::string said = Get(config);
  EXPECT_TRUE(said.starts_with("invalid: get pods shop/a: status 400, not by an API server")) << said;
}

TEST_F(Tls, AKeyThatIsNotTheCertificatesIsSaid) {
  config.client_key = {.file = certificates->File("stranger.key")};
  const std::string said = Get(config);
  EXPECT_TRUE(said.starts_with("unauthorized: ")) << said;
  EXPECT_TRUE(said.ends_with("(client certificate and key of the test)")) << said;
}

}  // namespace
}  // namespace flyball::kube
