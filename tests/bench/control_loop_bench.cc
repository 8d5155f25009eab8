// G1: one governor over many pods, all of the loop: scrape over loopback, parse, decide, publish to a Redis, report.
//
//   control_loop_bench PODS TICKS [redis://host:port]
//
// A child process answers for every pod with the page of a pod of the tasks sample under load, on a connection of its
// own. Prints the CPU time of a tick of this process alone (median, least, most) and its resident memory.
#include <arpa/inet.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "pkg/service/autoscaler/loop.h"
#include "pkg/service/autoscaler/pod_scraper.h"
#include "pkg/service/autoscaler/record_publisher.h"
#include "pkg/state/redis/redis_state.h"
#include "tests/bench/pod_page.h"

namespace flyball {
namespace {

using namespace service::autoscaler;

// Answers any GET of any connection with `page`, whose clock and counters go on.
[[noreturn]] void Serve(int listener, std::string page) {
  const std::string clock = "\nflyball_monotonic_seconds ";
  const size_t at = page.find(clock) + clock.size();
  const std::string before = page.substr(0, at), after = page.substr(page.find('\n', at));
  const int epoll = ::epoll_create1(0);
  epoll_event event{.events = EPOLLIN, .data = {.fd = listener}};
  ::epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
  std::vector<epoll_event> events(1024);
  char scratch[4096];
  for (;;) {
    const int count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
    const std::string body = before + std::to_string(ToSeconds(RealClock().Now().time_since_epoch())) + after;
    const std::string answer =
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
        body;
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<size_t>(i)].data.fd;
      if (fd == listener) {
        epoll_event more{.events = EPOLLIN, .data = {.fd = ::accept(listener, nullptr, nullptr)}};
        if (more.data.fd >= 0) ::epoll_ctl(epoll, EPOLL_CTL_ADD, more.data.fd, &more);
        continue;
      }
      if (::recv(fd, scratch, sizeof scratch, 0) <= 0) {
        ::close(fd);
        continue;
      }
      for (size_t sent = 0; sent < answer.size();) {
        const ssize_t n = ::send(fd, answer.data() + sent, answer.size() - sent, MSG_NOSIGNAL);
        if (n <= 0) break;
        sent += static_cast<size_t>(n);
      }
    }
  }
}

class ManyPods final : public ScaleTarget {
 public:
  ManyPods(int count, uint16_t port) {
    view_.ordered = count;
    for (int i = 0; i < count; ++i) {
      view_.pods.push_back({.name = "pod-" + std::to_string(i),
                            .ready = true,
                            .metrics_url = "http://127.0.0.1:" + std::to_string(port) + "/metrics"});
    }
  }
  Result<TargetView> Observe() override { return view_; }
  Result<void> SetReplicas(int) override { return {}; }

 private:
  TargetView view_;
};

class Nowhere final : public RatePublisher {
 public:
  Result<void> Publish(const scaling::Decision&, int) override { return {}; }
};

class Kept final : public StatusSink {
 public:
  void Report(const std::string&, const std::string& status_json) override { last = status_json; }
  std::string last;
};

double CpuSeconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double PeakResidentMegabytes() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

int Main(int argc, char** argv) {
  const int pods = argc > 1 ? std::atoi(argv[1]) : 1000, ticks = argc > 2 ? std::atoi(argv[2]) : 15;
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener, 4096) != 0) return 1;
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  const int child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    Serve(listener, bench::PodPage());
  }
  ::close(listener);

  spec::Governor document;
  document.name = "bench";
  document.replicas = {.min = 1, .max = 10'000};
  document.mode = spec::Governor::Mode::kObserve;
  const Clock& clock = RealClock();
  std::unique_ptr<state::SharedState> redis;
  std::unique_ptr<RatePublisher> publisher = std::make_unique<Nowhere>();
  if (argc > 3) {
    auto where = state::ParseRedisAddress(argv[3]);
    if (!where) return std::fprintf(stderr, "%s\n", where.error().message.c_str()), 1;
    redis = state::MakeRedisState({.address = std::move(*where), .app = "bench"}, clock);
    publisher = std::make_unique<RecordPublisher>(*redis, 1);
    document.mode = spec::Governor::Mode::kEnforce;
  }
  ManyPods target(pods, ntohs(address.sin_port));
  Kept sink;
  const auto scraper = MakeScraper(document);
  Loop loop(document, target, *scraper, *publisher, sink, clock);
  std::vector<double> cpu;
  int fresh = 0;
  for (int i = 0; i < ticks; ++i) {
    const double before = CpuSeconds();
    fresh = loop.Tick().estimates.fresh_pods;
    if (i > 0) cpu.push_back(1e3 * (CpuSeconds() - before));  // the first one connects
    std::this_thread::sleep_for(milliseconds(500));
  }
  ::kill(child, SIGKILL);
  std::sort(cpu.begin(), cpu.end());
  std::printf("%d pods, %d fresh: CPU of a tick %.0f ms (%.0f to %.0f), %.1f us a pod; resident at most %.0f MB\n",
              pods, fresh, cpu[cpu.size() / 2], cpu.front(), cpu.back(), 1e3 * cpu[cpu.size() / 2] / pods,
              PeakResidentMegabytes());
  return fresh == pods ? 0 : 1;
}

}  // namespace
}  // namespace flyball

int main(int argc, char** argv) { return flyball::Main(argc, argv); }
