#include "pkg/service/load/tally.h"

#include <algorithm>

#include "pkg/base/clock.h"
#include "pkg/base/json_writer.h"

namespace flyball::load {
namespace {

uint64_t Micros(nanoseconds from, nanoseconds to) {
  return to <= from ? 0 : static_cast<uint64_t>((to - from).count() / 1000);
}

double Millis(uint64_t micros) { return static_cast<double>(micros) / 1000; }

Latency Summarize(const Histogram& histogram) {
  return {Millis(histogram.QuantileMicros(0.50)), Millis(histogram.QuantileMicros(0.95)),
          Millis(histogram.QuantileMicros(0.99)), Millis(histogram.max_micros())};
}

bool IsShed(int status) { return status == 503 || status == 429; }
bool IsOk(int status) { return status >= 200 && status < 400; }

void Write(JsonWriter& json, const Latency& latency) {
  json.BeginObject();
  json.Key("p50"), json.Value(latency.p50_ms);
  json.Key("p95"), json.Value(latency.p95_ms);
  json.Key("p99"), json.Value(latency.p99_ms);
  json.Key("max"), json.Value(latency.max_ms);
  json.EndObject();
}

void Write(JsonWriter& json, const Second& second) {
  json.BeginObject();
  json.Key("t"), json.Value(second.t);
  json.Key("offered"), json.Value(second.offered);
  json.Key("sent"), json.Value(second.sent);
  json.Key("answered"), json.Value(second.answered);
  json.Key("ok"), json.Value(second.ok);
  json.Key("shed"), json.Value(second.shed);
  json.Key("failed"), json.Value(second.failed);
  json.Key("first"), json.Value(second.first);
  json.Key("good"), json.Value(second.good);
  json.Key("p50Ms"), second.measured == 0 ? json.Null() : json.Value(second.p50_ms);
  json.Key("p99Ms"), second.measured == 0 ? json.Null() : json.Value(second.p99_ms);
  json.EndObject();
}

}  // namespace

std::string ToJson(const Report& report) {
  std::string out;
  JsonWriter json(out);
  json.BeginObject();
  json.Key("sent"), json.Value(report.sent);
  json.Key("answered"), json.Value(report.answered);
  json.Key("byStatus"), json.BeginObject();
  for (const auto& [status, count] : report.by_status) json.Key(std::to_string(status)), json.Value(count);
  json.EndObject();
  json.Key("resets"), json.Value(report.resets);
  json.Key("timeouts"), json.Value(report.timeouts);
  json.Key("latencyMs"), Write(json, report.latency);
  json.Key("goodputRps"), json.Value(report.goodput_rps);
  json.Key("offered"), json.Value(report.offered);
  json.Key("notSent"), json.Value(report.not_sent);
  json.Key("malformed"), json.Value(report.malformed);
  json.Key("retries"), json.Value(report.retries);
  json.Key("missingRetryAfter"), json.Value(report.missing_retry_after);
  json.Key("reconnects"), json.Value(report.reconnects);
  json.Key("connectFailures"), json.Value(report.connect_failures);
  json.Key("violatedSeconds"), json.Value(static_cast<int64_t>(report.ViolatedSeconds()));
  json.Key("waitMs"), Write(json, report.wait);
  json.Key("durationSeconds"), json.Value(report.duration_s);
  json.Key("series"), json.BeginArray();
  for (const Second& second : report.series) Write(json, second);
  json.EndArray();
  json.EndObject();
  return out;
}

int Report::ViolatedSeconds() const {
  return static_cast<int>(std::count_if(series.begin(), series.end(), [](const Second& second) {
    return static_cast<double>(second.good) < 0.95 * static_cast<double>(second.first);
  }));
}

// Counts that belong to a second already closed go into it; only its latencies are final.
Second& Tally::At(Offset time) {
  const auto index = static_cast<size_t>(std::max<int64_t>(0, time.count() / 1'000'000'000));
  while (report_.series.size() <= index) {
    Second second;
    second.t = static_cast<int>(report_.series.size());
    report_.series.push_back(second);
  }
  return report_.series[index];
}

void Tally::OnOffered(Offset due, int attempt) {
  ++report_.offered;
  ++At(due).offered;
  if (attempt == 1) ++At(due).first;
}

void Tally::OnSent(Offset due, Offset now, int attempt) {
  ++report_.sent;
  ++At(now).sent;
  if (attempt > 1) ++report_.retries;
  wait_.Record(Micros(due, now));
}

void Tally::OnAnswered(Offset due, Offset now, const Answered& answer) {
  Tick(now);
  Second& second = At(now);
  ++report_.answered;
  ++second.answered;
  ++report_.by_status[answer.status];
  if (answer.status == 503 && answer.attempt == 1 && !answer.has_retry_after) ++report_.missing_retry_after;
  if (IsOk(answer.status)) ++second.ok, ++ok_;
  if (IsOk(answer.status) && answer.attempt == 1 && now - due <= objective_) ++At(due).good;
  if (IsShed(answer.status)) {
    ++second.shed;
    return;
  }
  all_.Record(Micros(due, now));
  this_second_.Record(Micros(due, now));
}

void Tally::OnReset(Offset now, bool malformed) {
  ++report_.resets;
  ++At(now).failed;
  if (malformed) ++report_.malformed;
}

void Tally::OnTimeout(Offset now) {
  ++report_.timeouts;
  ++At(now).failed;
}

void Tally::OnNotSent(Offset now) {
  ++report_.not_sent;
  ++At(now).failed;
}

void Tally::OnConnected(bool first) {
  if (!first) ++report_.reconnects;
}

void Tally::OnConnectFailure() { ++report_.connect_failures; }

void Tally::Tick(Offset now) {
  const auto ended = static_cast<size_t>(std::max<int64_t>(0, now.count() / 1'000'000'000));
  if (ended <= closed_) return;
  At(now);  // no gaps
  // Answers are recorded in time order, so all that this_second_ holds belongs to the first second still open.
  Second& open = report_.series[closed_];
  open.measured = this_second_.count();
  open.p50_ms = Millis(this_second_.QuantileMicros(0.50));
  open.p99_ms = Millis(this_second_.QuantileMicros(0.99));
  this_second_.Clear();
  closed_ = ended;
}

Report Tally::Finish(Offset now, nanoseconds duration) {
  At(now);
  Tick(nanoseconds((now.count() / 1'000'000'000 + 1) * 1'000'000'000));
  while (report_.series.size() > closed_) report_.series.pop_back();
  report_.duration_s = ToSeconds(duration);
  report_.latency = Summarize(all_);
  report_.wait = Summarize(wait_);
  report_.goodput_rps = duration.count() > 0 ? static_cast<double>(ok_) / report_.duration_s : 0;
  return std::move(report_);
}

}  // namespace flyball::load
