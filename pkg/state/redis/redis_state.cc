#include "pkg/state/redis/redis_state.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "pkg/base/check.h"
#include "pkg/state/redis/redis_link.h"

namespace flyball::state {
namespace {

using Elements = std::vector<std::string>;

std::string Text(double number) { return fmt::format("{}", std::isfinite(number) ? number : 0.0); }
std::string Text(uint64_t number) { return fmt::format("{}", number); }

// Reads the elements of an answer one after the other; what is missing or no number makes ok() false.
class Reading {
 public:
  Reading(const Elements& elements, size_t from) : elements_(elements), next_(from) {}

  double Double() {
    double value = 0;
    Parse(value);
    if (!std::isfinite(value)) ok_ = false;
    return value;
  }
  int64_t Integer() {
    int64_t value = 0;
    Parse(value);
    return value;
  }
  bool ok() const { return ok_; }

 private:
  template <typename T>
  void Parse(T& value) {
    if (next_ >= elements_.size()) {
      ok_ = false;
      return;
    }
    const std::string& text = elements_[next_++];
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) ok_ = false;
  }

  const Elements& elements_;
  size_t next_;
  bool ok_ = true;
};

tl::unexpected<Error> Senseless(std::string_view what) {
  return Fail(ErrorCode::kCorrupt, fmt::format("Redis gave an answer that is no {}", what));
}

Result<QuotaLease> ReadQuotaLease(const QuotaLeaseRequest& request, const Elements& elements) {
  Reading reading(elements, 0);
  QuotaLease lease;
  const int64_t granted = reading.Integer();
  lease.remaining = reading.Double();
  lease.nominal_remaining = reading.Double();
  lease.retry_after = microseconds(reading.Integer());
  if (!reading.ok() || granted < 0 || granted > request.want) return Senseless("quota lease");
  lease.granted = static_cast<int>(granted);
  return lease;
}

Result<RateLease> ReadRateLease(const Elements& elements) {
  Reading reading(elements, 0);
  RateLease lease;
  lease.published = reading.Integer() == 1;
  if (!lease.published) return reading.ok() ? Result<RateLease>(lease) : Senseless("rate lease");
  for (double& rate : lease.rates) rate = reading.Double();
  lease.spare = reading.Double();
  if (!reading.ok()) return Senseless("rate lease");
  return lease;
}

Result<void> ReadPublished(const Elements& elements) {
  Reading reading(elements, 0);
  const bool published = reading.Integer() == 1;
  if (!reading.ok()) return Senseless("outcome of publishing");
  if (published) return {};
  const int64_t epoch = reading.Integer(), seq = reading.Integer();
  return Fail(ErrorCode::kConflict, fmt::format("a newer governor record was published: epoch {}, seq {}", epoch, seq));
}

Result<GovernorReading> ReadReading(const Elements& elements) {
  Reading reading(elements, 0);
  const bool published = reading.Integer() == 1;
  if (!published) return reading.ok() ? Result<GovernorReading>(GovernorReading{}) : Senseless("governor record");
  GovernorReading result;
  GovernorRecord record;
  result.ttl = milliseconds(reading.Integer());
  record.epoch = static_cast<uint64_t>(reading.Integer());
  record.seq = static_cast<uint64_t>(reading.Integer());
  record.ceiling = reading.Integer() == 1;
  for (double& rate : record.rates) rate = reading.Double();
  record.quota_factor = reading.Double();
  record.ready = static_cast<int>(reading.Integer());
  record.mean_connections = reading.Double();
  record.capacity_per_pod = reading.Double();
  if (!reading.ok()) return Senseless("governor record");
  result.record = record;
  return result;
}

// The results of a batch, in the order of its requests; handed over when the last one is there.
struct QuotaBatch {
  std::vector<Result<QuotaLease>> results;
  size_t open = 0;
  SharedState::QuotaDone done;

  void Set(size_t i, Result<QuotaLease> result) {
    results[i] = std::move(result);
    if (--open == 0) done(std::move(results));
  }
};

class RedisState final : public SharedState {
 public:
  RedisState(const RedisOptions& options, const Clock& clock)
      : app_(options.app), fleet_("fb:{" + options.app + "}:"), link_(options, clock) {}

  bool LeaseQuota(std::vector<QuotaLeaseRequest> requests, QuotaDone done) override {
    auto batch = std::make_shared<QuotaBatch>();
    batch->results.resize(requests.size());
    batch->open = requests.size();
    batch->done = std::move(done);
    std::vector<RedisCommand> commands;
    for (size_t i = 0; i < requests.size(); ++i) commands.push_back(QuotaCommand(std::move(requests[i]), i, batch));
    if (commands.empty()) commands.push_back(Nothing(batch));
    return link_.Send(std::move(commands));
  }

  bool LeaseRate(RateDemand demand, RateDone done) override {
    RedisCommand command{Script::kRateLease, {fleet_ + "rate", fleet_ + "gov"}, {std::move(demand.holder)}, {}};
    for (double arrivals : demand.arrivals) command.args.push_back(Text(std::max(0.0, arrivals)));
    command.done = [done = std::move(done)](Result<Elements> answer) { done(answer.and_then(ReadRateLease)); };
    return SendOne(std::move(command));
  }

  bool Publish(GovernorRecord record, PublishDone done) override {
    RedisCommand command{Script::kGovernorPublish, {fleet_ + "gov", fleet_ + "epoch"}, {}, {}};
    command.args = {Text(static_cast<uint64_t>(milliseconds(admission::kRecordTtl).count())),
                    Text(record.epoch),
                    Text(record.seq),
                    record.ceiling ? "1" : "0",
                    Text(record.rates[0]),
                    Text(record.rates[1]),
                    Text(record.rates[2]),
                    Text(record.quota_factor),
                    std::to_string(record.ready),
                    Text(record.mean_connections),
                    Text(record.capacity_per_pod)};
    command.done = [done = std::move(done)](Result<Elements> answer) { done(answer.and_then(ReadPublished)); };
    return SendOne(std::move(command));
  }

  bool ReadRecord(ReadDone done) override {
    RedisCommand command{Script::kGovernorRead, {fleet_ + "gov"}, {}, {}};
    command.done = [done = std::move(done)](Result<Elements> answer) { done(answer.and_then(ReadReading)); };
    return SendOne(std::move(command));
  }

  Health health() const override { return link_.health(); }
  Counters counters() const override { return link_.counters(); }

 private:
  bool SendOne(RedisCommand command) {
    std::vector<RedisCommand> commands;
    commands.push_back(std::move(command));
    return link_.Send(std::move(commands));
  }

  // What an empty batch sends, so that it is done on the right thread.
  static RedisCommand Nothing(std::shared_ptr<QuotaBatch> batch) {
    RedisCommand command{Script::kQuotaLease, {}, {}, {}};
    command.done = [batch](Result<Elements>) { batch->done({}); };
    command.refused = Error{ErrorCode::kInvalid, "nothing was asked"};
    return command;
  }

  RedisCommand QuotaCommand(QuotaLeaseRequest q, size_t i, std::shared_ptr<QuotaBatch> batch) const {
    RedisCommand command{Script::kQuotaLease, {"fb:{" + app_ + ":q:" + q.limit + ":" + q.principal + "}"}, {}, {}};
    if (auto ok = CheckRequest(q); !ok) command.refused = ok.error();
    command.args = {Text(q.rate),          Text(q.burst),          Text(q.nominal_rate),
                    Text(q.nominal_burst), std::to_string(q.need), std::to_string(q.want),
                    Text(q.back),          Text(q.debt),           Text(q.spent)};
    command.done = [batch, i, q = std::move(q)](Result<Elements> answer) {
      batch->Set(i, answer.and_then([&](const Elements& elements) { return ReadQuotaLease(q, elements); }));
    };
    return command;
  }

  const std::string app_, fleet_;
  RedisLink link_;
};

}  // namespace

std::unique_ptr<SharedState> MakeRedisState(const RedisOptions& options, const Clock& clock) {
  Check(options.app.find_first_of("{}:") == std::string::npos, "an app's name has none of {}:");
  return std::make_unique<RedisState>(options, clock);
}

}  // namespace flyball::state
