#include "pkg/state/memory/memory_state.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <thread>
#include <unordered_map>

#include "pkg/admission/rate_share.h"
#include "pkg/admission/token_bucket.h"
#include "pkg/base/mailbox.h"

namespace flyball::state {
namespace {

using admission::PerCriticality;
using admission::TokenBucket;

constexpr size_t kMaxWaiting = 65'536;
constexpr seconds kHolderLife{2};
constexpr size_t kSweepAbove = 10'000;

struct QuotaBucket {
  TokenBucket tokens, nominal;

  QuotaLease Lease(const QuotaLeaseRequest& q, SteadyTime now) {
    tokens.SetRate(q.rate, q.burst, now);
    nominal.SetRate(q.nominal_rate, q.nominal_burst, now);
    tokens.Put(q.back, now);
    nominal.Put(q.back, now);
    Charge(tokens, q.debt, now);
    Charge(nominal, q.debt + q.spent, now);
    const int left = static_cast<int>(std::min(tokens.Tokens(now) + 1e-6, 1e9));
    QuotaLease lease;
    lease.granted = std::min(left, std::max(q.need, std::min(q.want, left / 2)));
    Charge(tokens, lease.granted, now);
    Charge(nominal, lease.granted, now);
    lease.remaining = tokens.Tokens(now);
    lease.nominal_remaining = nominal.Tokens(now);
    lease.retry_after = tokens.Until(1, now);
    return lease;
  }

  bool Full(SteadyTime now) { return tokens.Tokens(now) >= tokens.burst() && nominal.Tokens(now) >= nominal.burst(); }

 private:
  static void Charge(TokenBucket& bucket, double cost, SteadyTime now) {
    bucket.Take(std::min(cost, bucket.Tokens(now)), now);
  }
};

// All buckets; a full one need not be kept.
class QuotaBuckets {
 public:
  Result<QuotaLease> Lease(const QuotaLeaseRequest& q, SteadyTime now) {
    if (auto ok = CheckRequest(q); !ok) return Fail(ok.error());
    Sweep(now);
    const QuotaBucket full{TokenBucket(q.rate, q.burst, q.burst, now),
                           TokenBucket(q.nominal_rate, q.nominal_burst, q.nominal_burst, now)};
    return buckets_.try_emplace(q.limit + ':' + q.principal, full).first->second.Lease(q, now);
  }

 private:
  void Sweep(SteadyTime now) {
    if (buckets_.size() < sweep_above_) return;
    for (auto it = buckets_.begin(); it != buckets_.end();) it->second.Full(now) ? it = buckets_.erase(it) : ++it;
    sweep_above_ = std::max(kSweepAbove, 2 * buckets_.size());
  }

  std::unordered_map<std::string, QuotaBucket> buckets_;
  size_t sweep_above_ = kSweepAbove;
};

class PublishedRecord {
 public:
  Result<void> Publish(const GovernorRecord& record, SteadyTime now) {
    if (newest_ && std::pair(record.epoch, record.seq) <= std::pair(newest_->epoch, newest_->seq))
      return Fail(ErrorCode::kConflict, "a newer governor record was published: epoch " +
                                            std::to_string(newest_->epoch) + ", seq " + std::to_string(newest_->seq));
    newest_ = record;
    at_ = now;
    return {};
  }

  GovernorReading Read(SteadyTime now) const {
    if (!newest_ || now - at_ >= admission::kRecordTtl) return {};
    return {newest_, admission::kRecordTtl - (now - at_)};
  }

 private:
  std::optional<GovernorRecord> newest_;
  SteadyTime at_;
};

class Holders {
 public:
  RateLease Lease(const RateDemand& demand, const GovernorReading& reading, SteadyTime now) {
    seen_[demand.holder] = {demand.arrivals, now};
    std::erase_if(seen_, [&](const auto& holder) { return now - holder.second.at > kHolderLife; });
    if (!reading.record || !reading.record->ceiling) return {};
    std::vector<PerCriticality> demands;
    size_t mine = 0;
    for (const auto& [name, holder] : seen_) {
      if (name == demand.holder) mine = demands.size();
      demands.push_back(holder.arrivals);
    }
    return admission::ShareRates(reading.record->rates, demands, mine);
  }

 private:
  struct Seen {
    PerCriticality arrivals;
    SteadyTime at;
  };
  std::map<std::string, Seen> seen_;
};

class MemoryState final : public SharedState {
 public:
  explicit MemoryState(const Clock& clock) : clock_(clock), since_(clock.Now()), thread_([this] { Run(); }) {}

  ~MemoryState() override {
    inbox_.Close();
    thread_.join();
  }

  bool LeaseQuota(std::vector<QuotaLeaseRequest> requests, QuotaDone done) override {
    const size_t n = requests.size();
    return Accept(n, [this, requests = std::move(requests), done = std::move(done)] {
      std::vector<Result<QuotaLease>> results;
      for (const auto& request : requests) results.push_back(buckets_.Lease(request, clock_.Now()));
      answered_ += requests.size();
      done(std::move(results));
    });
  }

  bool LeaseRate(RateDemand demand, RateDone done) override {
    return Accept(1, [this, demand = std::move(demand), done = std::move(done)] {
      const SteadyTime now = clock_.Now();
      ++answered_;
      done(holders_.Lease(demand, record_.Read(now), now));
    });
  }

  bool Publish(GovernorRecord record, PublishDone done) override {
    return Accept(1, [this, record, done = std::move(done)] {
      ++answered_;
      done(record_.Publish(record, clock_.Now()));
    });
  }

  bool ReadRecord(ReadDone done) override {
    return Accept(1, [this, done = std::move(done)] {
      ++answered_;
      done(record_.Read(clock_.Now()));
    });
  }

  Health health() const override { return {Mode::kMemory, true, since_, ""}; }

  Counters counters() const override {
    Counters c;
    c.operations = operations_;
    c.answered = answered_;
    return c;
  }

 private:
  bool Accept(size_t operations, std::function<void()> task) {
    const auto sent = inbox_.Send(std::move(task));
    if (sent == Mailbox<std::function<void()>>::Sent::kFull || sent == Mailbox<std::function<void()>>::Sent::kClosed)
      return false;
    operations_ += operations;
    return true;
  }

  void Run() {
    for (;;) {
      const bool last = inbox_.closed();
      for (auto& task : inbox_.WaitAll(seconds(1))) task();
      if (last) return;
    }
  }

  const Clock& clock_;
  const SteadyTime since_;
  Mailbox<std::function<void()>> inbox_{kMaxWaiting};
  std::atomic<uint64_t> operations_{0}, answered_{0};

  // Only the thread's.
  QuotaBuckets buckets_;
  PublishedRecord record_;
  Holders holders_;

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace

std::unique_ptr<SharedState> MakeMemoryState(const Clock& clock) { return std::make_unique<MemoryState>(clock); }

}  // namespace flyball::state
