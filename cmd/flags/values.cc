#include "cmd/flags/values.h"

#include <algorithm>
#include <cctype>
#include <fstream>

#include "pkg/base/net_syntax.h"
#include "pkg/base/time_format.h"
#include "pkg/state/redis/redis_state.h"
#include "pkg/store/database/database.h"

namespace flyball::flags {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kShortestFault{1}, kLongestFault{60'000};

bool IsNumber(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
}

}  // namespace

Result<milliseconds> DurationBetween(std::string_view text, milliseconds least, milliseconds most) {
  const auto duration = ParseDuration(text);
  if (!duration) {
    const std::string example = IsNumber(text) && text.size() < 6 ? std::string(text) + "s" : "30s";
    return Fail(ErrorCode::kInvalid, "must be a number with its unit (ms, s, m, h, d), such as " + example);
  }
  if (*duration < least) return Fail(ErrorCode::kInvalid, "must be at least " + FormatDuration(least));
  if (*duration > most) return Fail(ErrorCode::kInvalid, "must be at most " + FormatDuration(most));
  return *duration;
}

Result<Fault> ReadFault(std::string_view text) {
  constexpr std::string_view kDelay = "delay=", kFile = "delay-file=";
  if (text.starts_with(kFile)) {
    const std::string file(text.substr(kFile.size()));
    if (auto readable = CheckReadable(file); !readable) return Fail(readable.error());
    return Fault{milliseconds(0), file};
  }
  if (!text.starts_with(kDelay)) {
    return Fail(ErrorCode::kInvalid, "the faults are delay=DURATION, such as delay=20ms, and delay-file=FILE");
  }
  const auto delay = DurationBetween(text.substr(kDelay.size()), kShortestFault, kLongestFault);
  if (!delay) return Fail(ErrorCode::kInvalid, "the delay " + delay.error().message);
  return Fault{*delay, ""};
}

Result<void> CheckDatabase(const std::string& text) { return store::CheckDatabase(text); }

Result<void> CheckRedis(const std::string& text) {
  if (text.empty() || text == "none") return {};
  const auto address = state::ParseRedisAddress(text);
  if (!address) return Fail(ErrorCode::kInvalid, address.error().message + ", or none for one pod without");
  return {};
}

Result<std::vector<std::string>> Networks(const std::string& text) {
  std::vector<std::string> networks;
  for (size_t at = 0; at <= text.size();) {
    const size_t comma = std::min(text.find(',', at), text.size());
    networks.push_back(text.substr(at, comma - at));
    if (const auto network = ParseIpNetwork(networks.back()); !network) return Fail(network.error());
    at = comma + 1;
  }
  return networks;
}

Result<void> CheckReadable(const std::string& text) {
  if (!std::ifstream(text)) return FailErrno("cannot read it");
  return {};
}

Result<void> CheckFolder(const std::string& text) {
  if (text.empty()) return Fail(ErrorCode::kInvalid, "expected the name of a folder, such as .flyball");
  return {};
}

std::string WithoutPassword(const std::string& text) {
  std::string shown = text;
  const size_t scheme = text.find("://"), at = text.rfind('@');
  if (scheme != std::string::npos && at != std::string::npos && at > scheme) {
    shown = text.substr(0, scheme + 3) + "***" + text.substr(at);
  }
  constexpr std::string_view kParameter = "password=";
  for (size_t i = shown.find(kParameter); i != std::string::npos; i = shown.find(kParameter, i)) {
    i += kParameter.size();
    shown.replace(i, std::min(shown.find_first_of("& ", i), shown.size()) - i, "***");
  }
  return shown;
}

}  // namespace flyball::flags
