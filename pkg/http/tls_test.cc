// TLS as clients see it: libcurl in this process, and the programs curl and openssl.
#include "pkg/http/detail/tls.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <thread>

#include "pkg/http/client.h"
#include "pkg/http/server.h"
#include "pkg/http/testing/raw_client.h"
#include "pkg/http/testing/test_service.h"

namespace flyball::http {
namespace {

using testing::Eventually;
using testing::RawClient;
using testing::TestServer;
using testing::TestService;
using namespace std::chrono_literals;

constexpr auto kPlenty = 60s;

// What a shell says to `command`, both streams.
std::string Shell(const std::string& command) {
  std::FILE* pipe = popen((command + " 2>&1 </dev/null").c_str(), "r");
  std::string said;
  char bytes[4096];
  for (size_t got; (got = std::fread(bytes, 1, sizeof bytes, pipe)) > 0;) said.append(bytes, got);
  pclose(pipe);
  return said;
}

// Two certificates for 127.0.0.1, each its own root, in a folder that goes with it.
class Certificates {
 public:
  Certificates() {
    std::string pattern = ::testing::TempDir() + "tls_test.XXXXXX";
    folder_ = mkdtemp(pattern.data());
    for (const char* name : {"one", "two"}) {
      const std::string said = Shell(
          "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=" +
          std::string(name) + " -addext subjectAltName=IP:127.0.0.1 -keyout " + Key(name) + " -out " + File(name));
      EXPECT_TRUE(std::filesystem::exists(File(name))) << said;
    }
    Use("one");
  }
  ~Certificates() { std::filesystem::remove_all(folder_); }

  std::string File(const std::string& name) const { return folder_ + "/" + name + ".pem"; }
  std::string Key(const std::string& name) const { return folder_ + "/" + name + ".key"; }
  // Makes it the one in "used.pem" and "used.key", each file at once.
  void Use(const std::string& name) const {
    for (const char* ending : {".key", ".pem"}) {
      const std::string fresh = folder_ + "/fresh";
      std::filesystem::copy_file(folder_ + "/" + name + ending, fresh);
      std::filesystem::rename(fresh, folder_ + "/used" + ending);
    }
  }
  void Spoil() const { std::ofstream(File("used")) << "no certificate\n"; }

 private:
  std::string folder_;
};

struct TlsServer {
  explicit TlsServer(std::function<void(ServerOptions&)> adjust = nullptr)
      : server([&](ServerOptions& options) {
          options.tls_certificate = certificates.File("used");
          options.tls_key = certificates.Key("used");
          if (adjust) adjust(options);
        }) {}

  std::string Url(const std::string& path) const { return "https://" + Host() + path; }
  std::string Host() const { return "127.0.0.1:" + std::to_string(server.port()); }
  Client ClientThatTrusts(const char* name) const {
    return Client(ClientOptions{.https = true, .ca_file = certificates.File(name)});
  }

  Certificates certificates;
  TestServer server;
};

TEST(Tls, ServesEveryKindOfAnswer) {
  TlsServer tls;
  Client client = tls.ClientThatTrusts("one");
  const auto small = client.Get(tls.Url("/echo/x"), kPlenty);
  ASSERT_TRUE(small) << small.error().message;
  EXPECT_EQ(small->body, "x");
  EXPECT_EQ(client.Get(tls.Url("/later/y"), kPlenty)->body, "y");
  const std::string body(500'000, 'u');
  EXPECT_TRUE(client.Send({.method = "POST", .url = tls.Url("/echo"), .body = body}, kPlenty)->body == body);
  EXPECT_EQ(client.Get(tls.Url("/big/5000000"), kPlenty)->body.size(), 5'000'000u);
  const auto stream = client.Get(tls.Url("/stream/1000000"), kPlenty);
  ASSERT_TRUE(stream) << stream.error().message;
  ASSERT_EQ(stream->body.size(), 1'000'000u);
  EXPECT_EQ(stream->body[999'999], TestService::StreamByte(999'999));
  UniqueFd file(memfd_create("tls_test", MFD_CLOEXEC));
  ASSERT_EQ(write(file.get(), body.data(), body.size()), static_cast<ssize_t>(body.size()));
  tls.server.service.ServeFile(std::make_shared<const UniqueFd>(std::move(file)));
  EXPECT_TRUE(client.Get(tls.Url("/part/0/500000"), kPlenty)->body == body);
  EXPECT_EQ(tls.server.counters().accepted, 1u) << "all on one connection";
}

TEST(Tls, RequestsAreKnownToBeSecure) {
  TlsServer tls([](ServerOptions& options) { options.secure_headers = {{"Strict-Transport-Security", "max-age=1"}}; });
  Client client = tls.ClientThatTrusts("one");
  EXPECT_EQ(client.Get(tls.Url("/echo/x"), kPlenty)->Header("strict-transport-security"), "max-age=1");
}

TEST(Tls, CurlAndOpensslAgree) {
  TlsServer tls;
  const std::string trusting = " --cacert " + tls.certificates.File("one") + " ";
  EXPECT_EQ(Shell("curl -sS" + trusting + tls.Url("/echo/hello")), "hello");
  EXPECT_NE(Shell("curl -sS " + tls.Url("/echo/hello")).find("certificate"), std::string::npos) << "not trusted";
  EXPECT_EQ(Shell("curl -sS --http1.0" + trusting + tls.Url("/stream/3")), "abc") << "to the end of the connection";
  const std::string connect = "openssl s_client -connect " + tls.Host() + " ";
  EXPECT_NE(Shell(connect + "-alpn h2,http/1.1").find("ALPN protocol: http/1.1"), std::string::npos);
  EXPECT_NE(Shell(connect + "-tls1_2").find("Protocol  : TLSv1.2"), std::string::npos);
  EXPECT_NE(Shell(connect + "-tls1_3").find("TLSv1.3"), std::string::npos);
  EXPECT_EQ(Shell(connect + "-tls1_1 -cipher ALL:@SECLEVEL=0").find("Protocol  : TLSv1.1\n    Cipher    : ECDHE"),
            std::string::npos);
  EXPECT_NE(Shell(connect + "-alpn h2").find("alert"), std::string::npos) << "nothing in common";
  EXPECT_TRUE(Eventually([&] { return tls.server.counters().tls_failures == 3; }))
      << "the client without trust, the one of TLS 1.1, the one of h2: " << tls.server.counters().tls_failures;
}

TEST(Tls, TheCertificateIsReadAnewWhenItChanges) {
  TlsServer tls;
  Client old_client = tls.ClientThatTrusts("one");
  ASSERT_TRUE(old_client.Get(tls.Url("/echo/x"), kPlenty));
  tls.certificates.Use("two");
  Client new_client = tls.ClientThatTrusts("two");
  EXPECT_TRUE(Eventually([&] { return new_client.Get(tls.Url("/echo/x"), kPlenty).has_value(); }));
  EXPECT_TRUE(old_client.Get(tls.Url("/echo/x"), kPlenty)) << "a connection that is open goes on";
  const auto refused = tls.ClientThatTrusts("one").Get(tls.Url("/echo/x"), kPlenty);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kDenied) << refused.error().message;
}

TEST(Tls, AnUnusableCertificateChangesNothing) {
  Certificates certificates;
  auto context = detail::TlsContext::Load(certificates.File("used"), certificates.Key("used"));
  ASSERT_TRUE(context) << context.error().message;
  EXPECT_FALSE(*(*context)->ReloadIfChanged()) << "nothing has changed";
  certificates.Spoil();
  EXPECT_FALSE((*context)->ReloadIfChanged());
  EXPECT_FALSE((*context)->ReloadIfChanged()) << "it is tried again";
  EXPECT_NE((*context)->NewSession(0), nullptr) << "with the old one";
  certificates.Use("two");
  EXPECT_TRUE(*(*context)->ReloadIfChanged());
}

TEST(Tls, SaysWhatIsWrongWithTheFiles) {
  Certificates certificates;
  const auto missing = detail::TlsContext::Load("/nowhere.pem", certificates.Key("one"));
  EXPECT_NE(missing.error().message.find("/nowhere.pem"), std::string::npos) << missing.error().message;
  const auto foreign = detail::TlsContext::Load(certificates.File("one"), certificates.Key("two"));
  EXPECT_NE(foreign.error().message.find(certificates.Key("two")), std::string::npos) << foreign.error().message;
  TestService service;
  ServerOptions options;
  options.tls_certificate = certificates.File("one");
  EXPECT_EQ(Server(std::move(options), TestService::Routes(), service).Start().error().code, ErrorCode::kInvalid);
}

TEST(Tls, WhoDoesNotShakeHandsIsClosed) {
  TlsServer tls([](ServerOptions& options) { options.limits.head_deadline = milliseconds(200); });
  RawClient silent(tls.server.port()), plain(tls.server.port()), half(tls.server.port());
  plain.Send("GET /echo/x HTTP/1.1\r\nHost: h\r\n\r\n");
  half.Send("\x16\x03\x01\x02");
  EXPECT_TRUE(silent.Ends());
  EXPECT_TRUE(half.Ends());
  EXPECT_EQ(plain.ReadToEnd().find("HTTP/1.1"), std::string::npos);
  EXPECT_TRUE(Eventually([&] { return tls.server.counters().open == 0; }));
  EXPECT_EQ(tls.server.counters().tls_failures, 3u);
  EXPECT_EQ(tls.server.service.handled, 0u);
}

TEST(Tls, ClientsThatGiveUpLeaveNothingBehind) {
  TlsServer tls([](ServerOptions& options) { options.reactors = 2; });
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 25; ++i) {  // a new client each, cut off at some point of handshake, request or answer
        Client client = tls.ClientThatTrusts("one");
        (void)client.Get(tls.Url(i % 2 == 0 ? "/big/3000000" : "/stream/300000"),
                         milliseconds(1 + (i * 4 + thread) % 40));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(Eventually([&] { return tls.server.counters().open == 0; }));
  EXPECT_TRUE(Eventually([&] { return tls.server.service.answered >= tls.server.service.handled; }));
  Client client = tls.ClientThatTrusts("one");
  EXPECT_EQ(client.Get(tls.Url("/echo/fine"), kPlenty)->body, "fine");
}

}  // namespace
}  // namespace flyball::http
