// Structured log lines: readable on a terminal, one JSON object a line in pods. Thread-safe. Never on the request path
// except for sampled access lines.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace flyball {

enum class LogLevel { kDebug, kInfo, kWarn, kError };
enum class LogFormat { kText, kJson };

struct LogOptions {
  LogFormat format = LogFormat::kText;
  LogLevel level = LogLevel::kInfo;
  std::string program;  // "flyball-api", goes into every line
  std::string pod;      // empty = omitted
};

// Call once in main before threads start. Lines go to standard error. Without it: text, info.
void StartLog(const LogOptions& options);

using LogValue = std::variant<std::string_view, int64_t, double, bool>;
struct LogField {
  std::string_view name;
  LogValue value;
  LogField(std::string_view n, std::string_view v) : name(n), value(v) {}
  LogField(std::string_view n, const char* v) : name(n), value(std::string_view(v)) {}
  LogField(std::string_view n, const std::string& v) : name(n), value(std::string_view(v)) {}
  LogField(std::string_view n, bool v) : name(n), value(v) {}
  LogField(std::string_view n, double v) : name(n), value(v) {}
  LogField(std::string_view n, int v) : name(n), value(static_cast<int64_t>(v)) {}
  LogField(std::string_view n, long v) : name(n), value(static_cast<int64_t>(v)) {}
  LogField(std::string_view n, unsigned long v) : name(n), value(static_cast<int64_t>(v)) {}
};

// Log(LogLevel::kInfo, "pod started", {{"pod", name}, {"pid", pid}});
void Log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {});

}  // namespace flyball
