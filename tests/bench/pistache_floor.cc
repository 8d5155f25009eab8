// The fixed answer as stock Pistache gives it, for comparison.
//   pistache_floor [threads=2] [port=9192]
#include <pistache/endpoint.h>
#include <signal.h>

#include <cstdlib>

namespace {

class FixedAnswer final : public Pistache::Http::Handler {
 public:
  HTTP_PROTOTYPE(FixedAnswer)
  void onRequest(const Pistache::Http::Request&, Pistache::Http::ResponseWriter response) override {
    response.send(Pistache::Http::Code::Ok, R"({"status":"ok"})", MIME(Application, Json));
  }
};

}  // namespace

int main(int argc, char** argv) {
  const auto argument = [&](int index, int fallback) { return argc > index ? std::atoi(argv[index]) : fallback; };
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGINT);
  sigaddset(&stop, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);
  Pistache::Http::Endpoint endpoint(
      Pistache::Address(Pistache::Ipv4::loopback(), Pistache::Port(static_cast<uint16_t>(argument(2, 9192)))));
  endpoint.init(Pistache::Http::Endpoint::options().threads(argument(1, 2)).flags(Pistache::Tcp::Options::ReuseAddr));
  endpoint.setHandler(Pistache::Http::make_handler<FixedAnswer>());
  endpoint.serveThreaded();
  int signal = 0;
  sigwait(&stop, &signal);
  std::_Exit(0);  // its own shutdown is unreliable
}
