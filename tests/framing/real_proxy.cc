#include "tests/framing/real_proxy.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <sstream>

#include "pkg/base/check.h"
#include "pkg/service/local/child.h"
#include "pkg/service/local/listening_port.h"
#include "pkg/service/local/testing/alive.h"
#include "pkg/service/local/testing/eventually.h"
#include "tests/framing/echo_server.h"

namespace flyball::framing {
namespace {

using local::testing::ReadFile;

constexpr const char* kPath = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/sbin:/bin";

// The limits are ours, as far as they can be set.
std::string NginxConfiguration(const std::string& folder, uint16_t port, const std::string& server,
                               const std::string& http) {
  std::string text = "daemon off; master_process off; pid " + folder + "/nginx.pid; error_log " + folder +
                     "/error.log; events { worker_connections 1024; }\nhttp {\n  keepalive_timeout 75s; " +
                     "client_max_body_size 1m; large_client_header_buffers 4 16k; client_header_timeout 10s;\n" +
                     "  log_format front '$request_id $upstream_addr'; access_log off;\n";
  for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"}) {
    text += "  " + std::string(kind) + "_temp_path " + folder + "/" + kind + ";\n";
  }
  return text + http + "  server { listen 127.0.0.1:" + std::to_string(port) + ";\n" + server + "  }\n}\n";
}

constexpr const char* kNginxMethods =
    "    if ($request_method !~ ^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)$) { return 501; }\n"
    "    if ($request_method = OPTIONS) { return 204; }\n";

// `return` alone would answer before the body is read; so a second server behind a socket answers.
std::string NginxAlone(const std::string& folder, uint16_t port) {
  const std::string socket = "unix:" + folder + "/answer.sock";
  return NginxConfiguration(
      folder, port, kNginxMethods + ("    location / { proxy_http_version 1.1; proxy_pass http://" + socket + "; }\n"),
      "  server { listen " + socket + "; large_client_header_buffers 4 32k; location / { " +
          "default_type text/plain; return 200 \"ok\"; } }\n");
}

std::string NginxBefore(const std::string& folder, uint16_t port, uint16_t upstream, bool lenient) {
  std::string server = "    access_log " + folder + "/requests.log front;\n";
  if (lenient) {
    server +=
        "    ignore_invalid_headers off; underscores_in_headers on; merge_slashes off; proxy_request_buffering off;\n";
  }
  server += "    location / { proxy_pass http://ours; proxy_http_version 1.1; proxy_next_upstream off;\n" +
            ("      proxy_set_header Connection \"\"; proxy_set_header Host $http_host; proxy_set_header " +
             std::string(kFrontId)) +
            " $request_id; }\n";
  return NginxConfiguration(folder, port, server,
                            "  upstream ours { server 127.0.0.1:" + std::to_string(upstream) + "; keepalive 2; }\n");
}

std::string HaproxyConfiguration(uint16_t port, const std::string& frontend, const std::string& rest) {
  return "global\n  maxconn 500\n  tune.bufsize 17408\n  tune.maxrewrite 1024\n  tune.http.maxhdr 101\n"
         "  log stdout format raw local0\n"
         "defaults\n  mode http\n  timeout client 75s\n  timeout server 30s\n  timeout connect 5s\n"
         "  timeout http-request 10s\n  timeout http-keep-alive 75s\n  retries 0\n"
         "frontend front\n  bind 127.0.0.1:" +
         std::to_string(port) + "\n" + frontend + rest;
}

std::string HaproxyAlone(uint16_t port) {
  return HaproxyConfiguration(port,
                              "  http-request deny deny_status 501 unless { method GET HEAD POST PUT PATCH DELETE "
                              "OPTIONS }\n"
                              "  http-request deny deny_status 413 if { req.hdr_val(content-length) gt 1048576 }\n"
                              "  http-request wait-for-body time 5s\n"
                              "  http-request return status 204 if { method OPTIONS }\n"
                              "  http-request return status 200 content-type text/plain string ok\n",
                              "");
}

std::string HaproxyBefore(uint16_t port, uint16_t upstream, bool lenient) {
  return HaproxyConfiguration(
      port,
      std::string("  log global\n  unique-id-format %{+X}o%ci:%cp:%Ts:%rt:%pid\n  log-format \"%ID %s\"\n") +
          "  http-request set-header " + kFrontId + " %[unique-id]\n" +
          (lenient ? "  option accept-invalid-http-request\n" : "") + "  default_backend ours\n",
      "backend ours\n  http-reuse " + std::string(lenient ? "always" : "safe") +
          "\n  server ours 127.0.0.1:" + std::to_string(upstream) + "\n");
}

std::string HaproxyOfBytes(uint16_t port, uint16_t upstream) {
  return "defaults\n  mode tcp\n  timeout client 5s\n  timeout server 5s\n  timeout connect 5s\n"
         "listen front\n  bind 127.0.0.1:" +
         std::to_string(port) + "\n  server ours 127.0.0.1:" + std::to_string(upstream) + "\n";
}

uint16_t FreePort() {
  const auto port = local::OpenListeningPort("127.0.0.1", 0, "the test", "");
  Check(port.has_value(), "a free port");
  return port->port;
}

// What a command writes, both outputs.
std::string Output(const char* command) {
  std::string text;
  FILE* pipe = ::popen(command, "r");
  if (pipe == nullptr) return text;
  std::array<char, 256> part;
  while (std::fgets(part.data(), part.size(), pipe) != nullptr) text += part.data();
  ::pclose(pipe);
  return text;
}

const char* Name(RealProxy::Role role) {
  switch (role) {
    case RealProxy::Role::kNginxAlone:
    case RealProxy::Role::kNginx:
      return "nginx";
    case RealProxy::Role::kNginxLenient:
      return "nginx, lenient";
    case RealProxy::Role::kHaproxyAlone:
    case RealProxy::Role::kHaproxy:
      return "haproxy";
    case RealProxy::Role::kHaproxyLenient:
      return "haproxy, lenient";
    case RealProxy::Role::kHaproxyBytes:
      return "haproxy, bytes only";
  }
  return "";
}

}  // namespace

RealProxy::RealProxy(Role role, uint16_t upstream) : name_(Name(role)), port_(FreePort()) {
  const std::string file = folder_ / "proxy.conf";
  std::string text;
  switch (role) {
    case Role::kNginxAlone:
      text = NginxAlone(folder_.path(), port_);
      break;
    case Role::kNginx:
    case Role::kNginxLenient:
      text = NginxBefore(folder_.path(), port_, upstream, role == Role::kNginxLenient);
      break;
    case Role::kHaproxyAlone:
      text = HaproxyAlone(port_);
      break;
    case Role::kHaproxy:
    case Role::kHaproxyLenient:
      text = HaproxyBefore(port_, upstream, role == Role::kHaproxyLenient);
      break;
    case Role::kHaproxyBytes:
      text = HaproxyOfBytes(port_, upstream);
      break;
  }
  local::testing::WriteFile(file, text);
  if (role == Role::kNginxAlone || role == Role::kNginx || role == Role::kNginxLenient) {
    Run("nginx", {"-e", folder_ / "error.log", "-p", folder_.path(), "-c", file});
  } else {
    Run("haproxy", {"-db", "-f", file});
  }
}

void RealProxy::Run(const std::string& program, const std::vector<std::string>& args) {
  local::ChildProgram child;
  child.path = local::FindProgram(program, kPath);
  child.args = args;
  child.log_file = folder_ / "said.log";
  Check(!child.path.empty(), program + " is installed (Debian package of that name)");
  const auto pid = local::Spawn(child);
  Check(pid.has_value(), program + " can be started");
  pid_ = *pid;
  const bool listens =
      local::testing::Eventually([&] { return !local::testing::Alive(pid_) || !local::WhoListensOn(port_).empty(); });
  Check(listens && local::testing::Alive(pid_), program + " listens. It said: " + Said());
}

RealProxy::~RealProxy() {
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

std::string RealProxy::Said() const { return ReadFile(folder_ / "said.log") + ReadFile(folder_ / "error.log"); }

std::vector<std::string> RealProxy::Forwarded() const {
  const bool nginx = name_.rfind("nginx", 0) == 0;
  std::istringstream log(ReadFile(folder_ / (nginx ? "requests.log" : "said.log")));
  std::vector<std::string> ids;
  for (std::string id, server; log >> id >> server;) {
    if (server != "-" && server != "<NOSRV>") ids.push_back(id);
    log.ignore(4096, '\n');
  }
  return ids;
}

std::string RealProxy::NginxVersion() {
  const std::string text = Output("PATH=$PATH:/usr/sbin nginx -v 2>&1");
  const size_t at = text.find("nginx/");
  return at == std::string::npos ? "" : text.substr(at, text.find_first_of(" \n", at) - at);
}

std::string RealProxy::HaproxyVersion() {
  std::istringstream text(Output("PATH=$PATH:/usr/sbin haproxy -v 2>&1"));
  std::string name, word, version;
  text >> name >> word >> version;
  return "haproxy/" + version;
}

}  // namespace flyball::framing
