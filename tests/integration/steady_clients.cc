#include "tests/integration/steady_clients.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

#include "tests/integration/raw_client.h"

namespace flyball::integration {
namespace {

std::string FailureOf(bool kept, const Outcome& outcome) {
  const std::string on = kept ? "kept connection: " : "new connection: ";
  if (outcome.kind == Outcome::Kind::kRefused) return on + "refused";
  if (outcome.kind == Outcome::Kind::kLost) return on + "lost";
  if (outcome.status < 200 || outcome.status > 299) {
    return on + std::to_string(outcome.status) + " " + outcome.body.substr(0, 200);
  }
  return "";
}

}  // namespace

bool Strict() {
  const char* text = std::getenv("STRICT");
  return text != nullptr && *text != '\0';
}

SteadyClients::SteadyClients(Options options)
    : options_(std::move(options)), began_(RealClock().Now()), tally_began_(began_) {
  const int all = options_.kept + options_.fresh;
  for (int i = 0; i < all; ++i) {
    const bool kept = i < options_.kept;
    const double period = kept ? options_.kept / options_.kept_rps : options_.fresh / options_.fresh_rps;
    threads_.emplace_back([=, this] { Run(kept, period, period * i / all, static_cast<size_t>(i)); });
  }
}

void SteadyClients::Run(bool kept, double period_seconds, double phase_seconds, size_t first) {
  const auto after = [&](double s) { return began_ + std::chrono::nanoseconds(static_cast<int64_t>(s * 1e9)); };
  RawClient client(options_.port);
  for (size_t i = 0; !stop_; ++i) {
    std::this_thread::sleep_until(after(phase_seconds + period_seconds * static_cast<double>(i)));
    if (stop_) return;
    const Request& request = options_.requests[(first + i) % options_.requests.size()];
    const SteadyTime begin = RealClock().Now();
    Outcome outcome;
    if (kept) {
      outcome = client.Send(request.method, request.path, options_.token, request.body);
    } else {
      outcome = RawClient(options_.port).Send(request.method, request.path, options_.token, request.body);
    }
    const double ms = std::chrono::duration<double, std::milli>(RealClock().Now() - begin).count();
    const std::string failure = FailureOf(kept, outcome);
    std::lock_guard lock(mutex_);
    ++tally_.sent;
    if (failure.empty()) {
      tally_.latencies_ms.push_back(ms);
    } else if (outcome.status == 503) {
      ++tally_.shed;
    } else {
      ++tally_.failed;
      ++failed_;
      ++tally_.failures[failure];
    }
  }
}

void SteadyClients::Stop() {
  if (stop_.exchange(true)) return;
  for (auto& thread : threads_) thread.join();
  std::lock_guard lock(mutex_);
  ended_ = RealClock().Now();
}

SteadyClients::Tally SteadyClients::tally() const {
  std::lock_guard lock(mutex_);
  Tally tally = tally_;
  tally.seconds = std::chrono::duration<double>((stop_ ? ended_ : RealClock().Now()) - tally_began_).count();
  std::sort(tally.latencies_ms.begin(), tally.latencies_ms.end());
  return tally;
}

void SteadyClients::Restart() {
  std::lock_guard lock(mutex_);
  tally_ = {};
  tally_began_ = RealClock().Now();
}

double SteadyClients::Tally::Percentile(double percent) const {
  if (latencies_ms.empty()) return 0;
  const auto at = static_cast<size_t>(percent / 100 * static_cast<double>(latencies_ms.size()));
  return latencies_ms[std::min(at, latencies_ms.size() - 1)];
}

std::string SteadyClients::Tally::ToString() const {
  std::array<char, 200> text;
  std::snprintf(text.data(), text.size(),
                "%lu requests, %.0f/s, %lu failed, %lu shed; ms p50 %.2f, p99 %.2f, most %.2f",
                static_cast<unsigned long>(sent), Rate(), static_cast<unsigned long>(failed),
                static_cast<unsigned long>(shed), Percentile(50), Percentile(99), Percentile(100));
  std::string all = text.data();
  for (const auto& [failure, count] : failures) all += "\n  " + std::to_string(count) + " x " + failure;
  return all;
}

}  // namespace flyball::integration
