#include "pkg/kube/testing/tls_front.h"

#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <iterator>

#include "pkg/base/check.h"
#include "pkg/base/unique_fd.h"
#include "pkg/kube/testing/eventually.h"

extern char** environ;

namespace flyball::kube::testing {
namespace {

constexpr const char* kNginx = "/usr/sbin/nginx";

void Shell(const std::string& command) {
  Check(std::system((command + " >/dev/null 2>&1 </dev/null").c_str()) == 0, command);
}

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  return address;
}

int FreePort() {
  const UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = Loopback(0);
  Check(bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0, "bind");
  socklen_t size = sizeof(address);
  Check(getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0, "getsockname");
  return ntohs(address.sin_port);
}

bool Accepts(int port) {
  const UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = Loopback(port);
  return connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

}  // namespace

Certificates::Certificates() {
  const std::string make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 ";
  Shell(make + "-subj /CN=ca -keyout " + File("ca.key") + " -out " + File("ca.crt"));
  Shell(make + "-subj /CN=stranger -keyout " + File("stranger.key") + " -out " + File("stranger.crt"));
  Sign("server", "/CN=server", "subjectAltName=IP:127.0.0.1,DNS:kube.test");
  Sign("client", "/O=devs/CN=someone", "extendedKeyUsage=clientAuth");
}

void Certificates::Sign(const std::string& name, const std::string& subject, const std::string& extension) {
  const std::string request = File(name + ".csr"), extensions = folder_.Write(name + ".ext", extension + "\n");
  Shell("openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj " + subject + " -keyout " +
        File(name + ".key") + " -out " + request);
  Shell("openssl x509 -req -days 2 -in " + request + " -CA " + File("ca.crt") + " -CAkey " + File("ca.key") +
        " -CAcreateserial -extfile " + extensions + " -out " + File(name + ".crt"));
}

std::string Certificates::Text(const std::string& name) const {
  std::ifstream in(File(name));
  return std::string(std::istreambuf_iterator<char>(in), {});
}

bool TlsFront::Installed() { return access(kNginx, X_OK) == 0; }

TlsFront::TlsFront(const Certificates& certificates, int upstream_port) : port_(FreePort()) {
  std::string text = "daemon off; master_process off; pid " + (folder_ / "pid") + "; error_log " +
                     (folder_ / "error.log") + "; events {}\nhttp {\n  access_log off;\n";
  for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
    text += "  " + std::string(kind) + "_temp_path " + (folder_ / kind) + ";\n";
  text +=
      "  server {\n    listen 127.0.0.1:" + std::to_string(port_) + " ssl http2;\n    ssl_certificate " +
      certificates.File("server.crt") + "; ssl_certificate_key " + certificates.File("server.key") +
      ";\n    ssl_client_certificate " + certificates.File("ca.crt") +
      "; ssl_verify_client on;\n    location / {\n      proxy_pass http://127.0.0.1:" + std::to_string(upstream_port) +
      "; proxy_http_version 1.1; proxy_buffering off;\n      proxy_set_header Connection \"\"; proxy_set_header "
      "X-Client $ssl_client_s_dn; proxy_set_header X-Protocol $server_protocol; proxy_set_header X-Host $host;\n"
      "    }\n  }\n}\n";
  std::string file = folder_.Write("nginx.conf", text), errors = folder_ / "error.log", prefix = folder_.path();
  std::string words[] = {kNginx, "-e", errors, "-p", prefix, "-c", file};
  char* arguments[std::size(words) + 1] = {};
  for (size_t i = 0; i < std::size(words); ++i) arguments[i] = words[i].data();
  Check(posix_spawn(&pid_, kNginx, nullptr, nullptr, arguments, environ) == 0, "nginx starts");
  Check(Eventually([&] { return Accepts(port_); }), "nginx listens");
}

TlsFront::~TlsFront() {
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

}  // namespace flyball::kube::testing
