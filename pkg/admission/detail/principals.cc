#include "pkg/admission/detail/principals.h"

#include <bit>

#include "pkg/admission/detail/hash.h"
#include "pkg/base/check.h"

namespace flyball::admission {

Principals::Principals(size_t capacity, uint64_t seed)
    : capacity_(capacity), seed_(seed), index_(std::bit_ceil(2 * capacity), kNone) {
  Check(capacity >= 1 && capacity < kNone, "the set of principals needs a place");
}

uint64_t Principals::HashOf(uint32_t rule, std::string_view name) const { return Mix(Hash(seed_, name), rule); }

uint32_t Principals::Find(uint32_t rule, std::string_view name) const {
  const uint64_t hash = HashOf(rule, name);
  const size_t mask = index_.size() - 1;
  for (size_t i = hash & mask; index_[i] != kNone; i = (i + 1) & mask) {
    const Principal& p = slots_[index_[i]];
    if (p.hash == hash && p.rule->id == rule && p.name == name) return index_[i];
  }
  return kNone;
}

uint32_t Principals::PlaceOf(uint64_t handle) const {
  const uint32_t place = static_cast<uint32_t>(handle);
  if (place >= slots_.size() || slots_[place].generation != handle >> 32 || !slots_[place].rule) return kNone;
  return place;
}

uint32_t Principals::Add(const QuotaRule& rule, std::string_view name) {
  Check(!full(), "the set of principals is full");
  if (free_.empty()) {
    free_.push_back(static_cast<uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  const uint32_t place = free_.back();
  free_.pop_back();
  Principal& p = slots_[place];
  const uint32_t generation = p.generation + 1;
  p = Principal{};
  p.generation = generation;
  p.rule = &rule;
  p.name = name;
  p.hash = HashOf(rule.id, name);
  ++size_;
  Index(place);
  Link(place);
  return place;
}

void Principals::Remove(uint32_t place) {
  Unindex(place);
  Unlink(place);
  slots_[place].rule = nullptr;
  free_.push_back(place);
  --size_;
}

void Principals::Touch(uint32_t place, SteadyTime now) {
  slots_[place].used_at = now;
  if (place == newest_) return;
  Unlink(place);
  Link(place);
}

void Principals::Index(uint32_t place) {
  const size_t mask = index_.size() - 1;
  size_t i = slots_[place].hash & mask;
  while (index_[i] != kNone) i = (i + 1) & mask;
  index_[i] = place;
}

// Linear probing without tombstones: what stood behind and could stand here moves up (Knuth 6.4, algorithm R).
void Principals::Unindex(uint32_t place) {
  const size_t mask = index_.size() - 1;
  size_t hole = slots_[place].hash & mask;
  while (index_[hole] != place) hole = (hole + 1) & mask;
  for (size_t i = (hole + 1) & mask; index_[i] != kNone; i = (i + 1) & mask) {
    const size_t home = slots_[index_[i]].hash & mask;
    if (((i - home) & mask) < ((i - hole) & mask)) continue;
    index_[hole] = index_[i];
    hole = i;
  }
  index_[hole] = kNone;
}

void Principals::Link(uint32_t place) {
  slots_[place].older = newest_;
  slots_[place].newer = kNone;
  if (newest_ != kNone) slots_[newest_].newer = place;
  newest_ = place;
  if (oldest_ == kNone) oldest_ = place;
}

void Principals::Unlink(uint32_t place) {
  const Principal& p = slots_[place];
  (p.newer == kNone ? newest_ : slots_[p.newer].older) = p.older;
  (p.older == kNone ? oldest_ : slots_[p.older].newer) = p.newer;
}

}  // namespace flyball::admission
