#include "pkg/admission/quota_table.h"

#include <algorithm>
#include <cmath>
#include <deque>

#include "pkg/admission/detail/principals.h"
#include "pkg/base/check.h"

namespace flyball::admission {
namespace {

constexpr milliseconds kAskOften{200};
constexpr milliseconds kAskSeldom{2000};
constexpr nanoseconds kRefuseLeast = milliseconds(100);
constexpr nanoseconds kRefuseMost = milliseconds(1000);
constexpr int kIdleACall = 256;
constexpr int kEvictionsTried = 8;

int MaxBlock(const QuotaRule& rule) {
  if (rule.max_block > 0) return rule.max_block;
  return static_cast<int>(std::clamp(rule.Burst() / 20, 1.0, 100.0));
}

// The decision with its numbers, as far as the table knows them.
QuotaDecision Answer(const Principal& p, Verdict verdict, Cause cause) {
  QuotaDecision d;
  d.verdict = verdict;
  d.cause = cause;
  d.limit = std::max<int64_t>(1, std::llround(std::floor(p.rule->Burst() * p.factor)));
  const double left = p.local ? 0 : p.tokens + std::max(0.0, p.remaining);
  d.remaining = std::clamp<int64_t>(static_cast<int64_t>(left), 0, d.limit);
  d.reset = WaitFor(static_cast<double>(d.limit - d.remaining), p.rule->Rate() * p.factor);
  return d;
}

}  // namespace

QuotaRule MakeQuotaRule(const spec::Limit& limit, std::string_view role, uint32_t id) {
  QuotaRule rule;
  rule.id = id;
  rule.limit = limit.name;
  rule.window = limit.window;
  rule.burst = static_cast<double>(limit.burst);
  rule.adaptive = limit.adaptive;
  rule.when_store_down = limit.when_store_down;
  auto quota = limit.quota.find(std::string(role));
  if (quota == limit.quota.end()) quota = limit.quota.find("anonymous");
  if (quota != limit.quota.end()) rule.quota = static_cast<double>(quota->second);
  return rule;
}

class QuotaTable::Impl {
 public:
  explicit Impl(const Options& options) : options_(options), principals_(options.max_principals, options.seed) {}

  QuotaDecision Decide(const QuotaRule& rule, std::string_view name, double factor, int cost, uint64_t ticket,
                       SteadyTime now);
  void Cancel(uint64_t ticket);
  void TakeRequests(std::vector<QuotaLeaseRequest>& out);
  void OnLease(uint64_t handle, const QuotaLease& lease, SteadyTime now, std::vector<Settled>& settled);
  void OnLeaseFailed(uint64_t handle, SteadyTime now, std::vector<Settled>& settled);
  void Tick(SteadyTime now, std::vector<Settled>& settled);
  void SetStoreUp(bool up, SteadyTime now, std::vector<Settled>& settled);
  void ReturnAll();

  int shares = 1;
  size_t principals() const { return principals_.size(); }
  size_t waiting() const { return waiting_; }

 private:
  struct Deadline {
    SteadyTime at;
    uint64_t handle, ticket;
  };

  uint32_t Place(const QuotaRule& rule, std::string_view name);
  bool MakeRoom();
  QuotaDecision Allow(Principal& p, uint32_t place, int cost, SteadyTime now);
  QuotaDecision Refuse(Principal& p, int cost, SteadyTime now) const;
  QuotaDecision DecideDown(Principal& p, int cost, SteadyTime now) const;
  QuotaDecision NoRoom(const QuotaRule& rule) const;
  TokenBucket LocalBucket(const Principal& p, SteadyTime now) const;
  void Wait(Principal& p, uint32_t place, int cost, uint64_t ticket, SteadyTime now);
  void Ask(Principal& p, uint32_t place, SteadyTime now);
  QuotaLeaseRequest Request(Principal& p, uint64_t handle) const;
  void PopWaiting(Principal& p);
  void SettleDown(Principal& p, SteadyTime now, std::vector<Settled>& settled);
  void GiveBack(Principal& p);
  void Forget(uint32_t place);

  const Options options_;
  Principals principals_;
  bool up_ = true;
  std::vector<uint64_t> outbox_;            // handles
  std::vector<QuotaLeaseRequest> returns_;  // of principals that are gone
  std::deque<Deadline> deadlines_;          // every ticket that began to wait, oldest first; settled ones linger
  size_t waiting_ = 0;
};

QuotaDecision QuotaTable::Impl::Decide(const QuotaRule& rule, std::string_view name, double factor, int cost,
                                       uint64_t ticket, SteadyTime now) {
  const uint32_t place = Place(rule, name);
  if (place == Principals::kNone) return NoRoom(rule);
  Principal& p = principals_[place];
  principals_.Touch(place, now);
  p.factor = rule.adaptive ? std::clamp(factor, options_.factor_floor, 1.0) : 1.0;
  if (p.tokens >= cost && p.waiting.empty()) return Allow(p, place, cost, now);
  if (!up_) return DecideDown(p, cost, now);
  if (now < p.refused_until) return Refuse(p, cost, now);
  if (waiting_ >= options_.max_waiting) return DecideDown(p, cost, now);
  Wait(p, place, cost, ticket, now);
  QuotaDecision wait;
  wait.verdict = Verdict::kWait;
  return wait;
}

uint32_t QuotaTable::Impl::Place(const QuotaRule& rule, std::string_view name) {
  const uint32_t place = principals_.Find(rule.id, name);
  if (place != Principals::kNone) return place;
  if (principals_.full() && !MakeRoom()) return Principals::kNone;
  return principals_.Add(rule, name);
}

// Forgets one of the least recently used for whom no answer is due.
bool QuotaTable::Impl::MakeRoom() {
  uint32_t place = principals_.oldest();
  for (int i = 0; i < kEvictionsTried && place != Principals::kNone; ++i, place = principals_.NextNewer(place)) {
    if (principals_[place].asked || !principals_[place].waiting.empty()) continue;
    Forget(place);
    return true;
  }
  return false;
}

QuotaDecision QuotaTable::Impl::Allow(Principal& p, uint32_t place, int cost, SteadyTime now) {
  p.tokens -= cost;
  if (up_ && p.block > 1 && p.tokens <= p.block / 2 && now >= p.refused_until) Ask(p, place, now);
  return Answer(p, Verdict::kAllowed, Cause::kNone);
}

QuotaDecision QuotaTable::Impl::Refuse(Principal& p, int cost, SteadyTime now) const {
  const bool adaptive = p.rule->adaptive && p.factor < 1 && p.nominal_left >= cost;
  if (adaptive) {
    p.nominal_left -= cost;
    p.spent += cost;
  }
  QuotaDecision d = Answer(p, Verdict::kRefused, adaptive ? Cause::kAdaptive : Cause::kNominal);
  d.remaining = 0;
  d.retry_after = std::max({p.token_due, p.refused_until, now + kRefuseLeast}) - now;
  return d;
}

QuotaDecision QuotaTable::Impl::DecideDown(Principal& p, int cost, SteadyTime now) const {
  using Down = spec::Limit::WhenStoreDown;
  const Down mode = p.rule->when_store_down;
  if (mode == Down::kLocal && !p.local) p.local = LocalBucket(p, now);
  const bool allowed = mode == Down::kOpen || (mode == Down::kLocal && p.local->Take(cost, now));
  if (allowed) p.debt += cost;
  const Cause cause = allowed ? Cause::kNone : mode == Down::kClosed ? Cause::kStoreDown : Cause::kNominal;
  QuotaDecision d = Answer(p, allowed ? Verdict::kAllowed : Verdict::kRefused, cause);
  d.local = true;
  if (p.local) d.remaining = std::min(d.limit, static_cast<int64_t>(p.local->Tokens(now)));
  if (!allowed) d.retry_after = p.local ? std::max(kRefuseLeast, p.local->Until(cost, now)) : kRefuseMost;
  return d;
}

// This table's share of the quota; not more than its share of what was left when that was last known.
TokenBucket QuotaTable::Impl::LocalBucket(const Principal& p, SteadyTime now) const {
  const double share = p.factor / shares;
  const double burst = std::max(1.0, p.rule->Burst() * share);
  const double tokens = p.remaining < 0 ? burst : p.remaining / shares;
  return TokenBucket(p.rule->Rate() * share, burst, tokens, now);
}

// More principals than fit are waiting for the state at once: that is a flood of made-up ones.
QuotaDecision QuotaTable::Impl::NoRoom(const QuotaRule& rule) const {
  QuotaDecision d;
  const bool open = rule.when_store_down == spec::Limit::WhenStoreDown::kOpen;
  d.verdict = open ? Verdict::kAllowed : Verdict::kRefused;
  d.cause = open ? Cause::kNone : Cause::kStoreDown;
  d.local = true;
  d.limit = std::max<int64_t>(1, static_cast<int64_t>(rule.Burst()));
  if (!open) d.retry_after = kRefuseMost;
  return d;
}

void QuotaTable::Impl::Wait(Principal& p, uint32_t place, int cost, uint64_t ticket, SteadyTime now) {
  p.waiting.push_back({ticket, cost});
  p.needed += cost;
  ++waiting_;
  deadlines_.push_back({now + options_.wait, principals_.Handle(place), ticket});
  Ask(p, place, now);
}

void QuotaTable::Impl::Ask(Principal& p, uint32_t place, SteadyTime now) {
  if (p.asked || !up_) return;
  if (p.block == 0)
    p.block = 1;
  else if (now - p.asked_at < kAskOften)
    p.block = std::min(p.block * 2, MaxBlock(*p.rule));
  else if (now - p.asked_at > kAskSeldom)
    p.block = std::max(1, p.block / 2);
  p.asked = p.posted = true;
  p.asked_at = now;
  outbox_.push_back(principals_.Handle(place));
}

QuotaLeaseRequest QuotaTable::Impl::Request(Principal& p, uint64_t handle) const {
  QuotaLeaseRequest request;
  request.handle = handle;
  request.limit = p.rule->limit;
  request.principal = p.name;
  request.nominal_rate = p.rule->Rate();
  request.nominal_burst = p.rule->Burst();
  request.rate = request.nominal_rate * p.factor;
  request.burst = std::max(1.0, request.nominal_burst * p.factor);
  request.debt = std::exchange(p.debt, 0);
  request.spent = std::exchange(p.spent, 0);
  return request;
}

void QuotaTable::Impl::TakeRequests(std::vector<QuotaLeaseRequest>& out) {
  for (uint64_t handle : outbox_) {
    const uint32_t place = principals_.PlaceOf(handle);
    if (place == Principals::kNone || !principals_[place].posted) continue;
    Principal& p = principals_[place];
    p.posted = false;
    QuotaLeaseRequest request = Request(p, handle);
    request.need = p.asked_need = p.needed;
    request.want = std::max(p.needed, p.block);
    out.push_back(std::move(request));
  }
  outbox_.clear();
  std::move(returns_.begin(), returns_.end(), std::back_inserter(out));
  returns_.clear();
}

void QuotaTable::Impl::PopWaiting(Principal& p) {
  p.needed -= p.waiting.front().cost;
  p.waiting.erase(p.waiting.begin());
  --waiting_;
}

void QuotaTable::Impl::OnLease(uint64_t handle, const QuotaLease& lease, SteadyTime now,
                               std::vector<Settled>& settled) {
  const uint32_t place = principals_.PlaceOf(handle);
  if (place == Principals::kNone) return;
  Principal& p = principals_[place];
  p.asked = false;
  p.local.reset();
  p.tokens += lease.granted;
  p.remaining = lease.remaining;
  p.nominal_left = lease.nominal_remaining;
  const bool empty = lease.granted < std::max(1, p.asked_need);
  p.token_due = now + lease.retry_after;
  p.refused_until = empty ? now + std::clamp(lease.retry_after, kRefuseLeast, kRefuseMost) : now;
  while (!p.waiting.empty()) {
    const WaitingTicket first = p.waiting.front();
    if (p.tokens < first.cost && !empty) break;
    PopWaiting(p);
    if (p.tokens >= first.cost) {
      p.tokens -= first.cost;
      settled.push_back({first.ticket, Answer(p, Verdict::kAllowed, Cause::kNone)});
    } else {
      settled.push_back({first.ticket, Refuse(p, first.cost, now)});
    }
  }
  if (!p.waiting.empty()) Ask(p, place, now);
}

void QuotaTable::Impl::OnLeaseFailed(uint64_t handle, SteadyTime now, std::vector<Settled>& settled) {
  const uint32_t place = principals_.PlaceOf(handle);
  if (place == Principals::kNone) return;
  principals_[place].asked = false;
  SettleDown(principals_[place], now, settled);
}

void QuotaTable::Impl::SettleDown(Principal& p, SteadyTime now, std::vector<Settled>& settled) {
  while (!p.waiting.empty()) {
    const WaitingTicket first = p.waiting.front();
    PopWaiting(p);
    settled.push_back({first.ticket, DecideDown(p, first.cost, now)});
  }
}

void QuotaTable::Impl::Cancel(uint64_t ticket) {
  for (const Deadline& d : deadlines_) {
    if (d.ticket != ticket) continue;
    const uint32_t place = principals_.PlaceOf(d.handle);
    if (place == Principals::kNone) return;
    Principal& p = principals_[place];
    auto it = std::find_if(p.waiting.begin(), p.waiting.end(), [&](const auto& w) { return w.ticket == ticket; });
    if (it == p.waiting.end()) return;
    p.needed -= it->cost;
    p.waiting.erase(it);
    --waiting_;
    return;
  }
}

void QuotaTable::Impl::Tick(SteadyTime now, std::vector<Settled>& settled) {
  for (; !deadlines_.empty() && deadlines_.front().at <= now; deadlines_.pop_front()) {
    const Deadline due = deadlines_.front();
    const uint32_t place = principals_.PlaceOf(due.handle);
    if (place == Principals::kNone) continue;
    Principal& p = principals_[place];
    // Tickets of one principal wait in the order of their deadlines, so a due one that still waits is the first.
    if (p.waiting.empty() || p.waiting.front().ticket != due.ticket) continue;
    const int cost = p.waiting.front().cost;
    PopWaiting(p);
    settled.push_back({due.ticket, DecideDown(p, cost, now)});
  }
  if (!up_) return;  // nobody could be told what they used meanwhile
  for (int i = 0; i < kIdleACall; ++i) {
    const uint32_t place = principals_.oldest();
    if (place == Principals::kNone || now - principals_[place].used_at < options_.idle) return;
    const bool busy = principals_[place].asked || !principals_[place].waiting.empty();
    busy ? principals_.Touch(place, now) : Forget(place);
  }
}

void QuotaTable::Impl::SetStoreUp(bool up, SteadyTime now, std::vector<Settled>& settled) {
  up_ = up;
  if (up) return;
  for (const Deadline& d : deadlines_) {
    const uint32_t place = principals_.PlaceOf(d.handle);
    if (place != Principals::kNone) SettleDown(principals_[place], now, settled);
  }
  deadlines_.clear();
  for (uint64_t handle : outbox_) {
    const uint32_t place = principals_.PlaceOf(handle);
    if (place != Principals::kNone) principals_[place].asked = principals_[place].posted = false;
  }
  outbox_.clear();
}

// What the state must still be told of a principal, as a request nobody waits for.
void QuotaTable::Impl::GiveBack(Principal& p) {
  if (p.tokens < 1 && p.debt <= 0 && p.spent <= 0) return;
  if (returns_.size() >= options_.max_principals) return;  // nobody takes them; what is leased refills by itself
  QuotaLeaseRequest request = Request(p, 0);
  request.back = std::exchange(p.tokens, 0);
  returns_.push_back(std::move(request));
}

void QuotaTable::Impl::Forget(uint32_t place) {
  GiveBack(principals_[place]);
  principals_.Remove(place);
}

void QuotaTable::Impl::ReturnAll() {
  for (uint32_t place = principals_.oldest(); place != Principals::kNone; place = principals_.NextNewer(place))
    GiveBack(principals_[place]);
}

QuotaTable::QuotaTable(const Options& options) : impl_(std::make_unique<Impl>(options)) {}
QuotaTable::~QuotaTable() = default;

QuotaDecision QuotaTable::Decide(const QuotaRule& rule, std::string_view principal, double factor, int cost,
                                 uint64_t ticket, SteadyTime now) {
  Check(rule.quota > 0 && rule.window > milliseconds(0) && cost >= 1, "a quota needs a rate and a cost");
  return impl_->Decide(rule, principal, factor, cost, ticket, now);
}
void QuotaTable::Cancel(uint64_t ticket) { impl_->Cancel(ticket); }
void QuotaTable::TakeRequests(std::vector<QuotaLeaseRequest>& out) { impl_->TakeRequests(out); }
void QuotaTable::OnLease(uint64_t handle, const QuotaLease& lease, SteadyTime now, std::vector<Settled>& settled) {
  impl_->OnLease(handle, lease, now, settled);
}
void QuotaTable::OnLeaseFailed(uint64_t handle, SteadyTime now, std::vector<Settled>& settled) {
  impl_->OnLeaseFailed(handle, now, settled);
}
void QuotaTable::Tick(SteadyTime now, std::vector<Settled>& settled) { impl_->Tick(now, settled); }
void QuotaTable::SetStoreUp(bool up, SteadyTime now, std::vector<Settled>& settled) {
  impl_->SetStoreUp(up, now, settled);
}
void QuotaTable::SetShares(int tables) { impl_->shares = std::max(1, tables); }
void QuotaTable::ReturnAll() { impl_->ReturnAll(); }
size_t QuotaTable::principals() const { return impl_->principals(); }
size_t QuotaTable::waiting() const { return impl_->waiting(); }

}  // namespace flyball::admission
