// The floor of the HTTP layer: one fixed answer, nothing else. Compare with nginx `return 200` under the same load.
//   http_floor [reactors=2] [body_bytes=6] [port=9191]
// Prints the CPU time per request when it is stopped (SIGINT, SIGTERM).
#include <signal.h>
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "pkg/http/server.h"

namespace {

namespace http = flyball::http;

class FixedAnswer final : public http::Handler {
 public:
  explicit FixedAnswer(size_t bytes) : body_(std::make_shared<const std::string>(bytes, 'x')) {}
  void Handle(http::Responder responder) override {
    http::Response response(200);
    response.SetBody("text/plain", body_);
    std::move(responder).Send(std::move(response));
  }

 private:
  http::Response::SharedBody body_;
};

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) { return static_cast<double>(time.tv_sec) + time.tv_usec / 1e6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

int main(int argc, char** argv) {
  const auto argument = [&](int index, int fallback) { return argc > index ? std::atoi(argv[index]) : fallback; };
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGINT);
  sigaddset(&stop, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);

  FixedAnswer handler(static_cast<size_t>(argument(2, 6)));
  http::Router router;
  (void)router.Add(http::Method::kGet, "/", 1);
  http::ServerOptions options;
  options.reactors = argument(1, 2);
  options.port = static_cast<uint16_t>(argument(3, 9191));
  http::Server server(std::move(options), std::move(router), handler);
  if (const auto started = server.Start(); !started) {
    std::fprintf(stderr, "http_floor: %s\n", started.error().message.c_str());
    return 1;
  }
  const double cpu_before = CpuSeconds();
  int signal = 0;
  sigwait(&stop, &signal);
  const double cpu = CpuSeconds() - cpu_before;
  const http::Counters counters = server.counters();
  std::printf("requests %lu, cpu %.2f s, %.2f us a request, reactors busy %.2f s, longest turn %.2f ms\n",
              static_cast<unsigned long>(counters.requests), cpu,
              counters.requests == 0 ? 0 : cpu * 1e6 / static_cast<double>(counters.requests), counters.busy_seconds,
              counters.longest_turn_seconds * 1e3);
  return 0;
}
