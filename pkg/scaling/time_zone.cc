#include "pkg/scaling/time_zone.h"

#include <algorithm>
#include <cstddef>

namespace flyball::scaling {
namespace {

constexpr size_t kHeader = 44;
constexpr size_t kMost = 100'000;  // entries of any kind; real files have some hundreds

// Big-endian, of `size` bytes, sign extended.
int64_t Number(std::string_view bytes, size_t at, size_t size) {
  uint64_t value = static_cast<unsigned char>(bytes[at]) >= 128 ? ~uint64_t{0} : 0;
  for (size_t i = 0; i < size; ++i) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return static_cast<int64_t>(value);
}

struct Header {
  char version = 0;
  size_t is_ut = 0, is_std = 0, leaps = 0, times = 0, types = 0, letters = 0;
  size_t Body(size_t time_size) const {
    return times * (time_size + 1) + types * 6 + letters + leaps * (time_size + 4) + is_std + is_ut;
  }
};

Result<Header> ReadHeader(std::string_view bytes, size_t at) {
  if (bytes.size() < at + kHeader || bytes.substr(at, 4) != "TZif") {
    return Fail(ErrorCode::kCorrupt, "no zoneinfo file");
  }
  Header header;
  header.version = bytes[at + 4];
  size_t* const counts[] = {&header.is_ut, &header.is_std, &header.leaps,
                            &header.times, &header.types,  &header.letters};
  for (size_t i = 0; i < 6; ++i) {
    *counts[i] = static_cast<size_t>(static_cast<uint32_t>(Number(bytes, at + 20 + 4 * i, 4)));
    if (*counts[i] > kMost) return Fail(ErrorCode::kCorrupt, "a zoneinfo file with absurd counts");
  }
  return header;
}

}  // namespace

Result<TimeZone> TimeZone::Parse(std::string_view bytes) {
  const auto old = ReadHeader(bytes, 0);
  if (!old) return Fail(old.error());
  if (old->version < '2') return Fail(ErrorCode::kCorrupt, "a zoneinfo file of version 1");
  const size_t second = kHeader + old->Body(4);
  const auto header = ReadHeader(bytes, second);
  if (!header) return Fail(header.error());
  const size_t times = second + kHeader, kinds = times + header->times * 8, types = kinds + header->times;
  if (bytes.size() < times + header->Body(8) || header->types == 0) {
    return Fail(ErrorCode::kCorrupt, "a zoneinfo file that is cut off");
  }
  const auto offset = [&](size_t type) { return static_cast<int>(Number(bytes, types + 6 * type, 4)); };
  TimeZone zone;
  zone.before_ = offset(0);
  for (size_t i = 0; i < header->times; ++i) {
    const auto type = static_cast<size_t>(static_cast<unsigned char>(bytes[kinds + i]));
    if (type >= header->types) return Fail(ErrorCode::kCorrupt, "a zoneinfo file with a type that it does not have");
    zone.transitions_.push_back({Number(bytes, times + 8 * i, 8), offset(type)});
  }
  const auto later = [](const Transition& a, const Transition& b) { return a.at < b.at; };
  if (!std::is_sorted(zone.transitions_.begin(), zone.transitions_.end(), later)) {
    return Fail(ErrorCode::kCorrupt, "a zoneinfo file whose times go back");
  }
  return zone;
}

int TimeZone::OffsetAt(int64_t unix_seconds) const {
  const auto after = std::upper_bound(transitions_.begin(), transitions_.end(), unix_seconds,
                                      [](int64_t at, const Transition& transition) { return at < transition.at; });
  return after == transitions_.begin() ? before_ : (after - 1)->offset;
}

}  // namespace flyball::scaling
