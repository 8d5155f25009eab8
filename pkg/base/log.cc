#include "pkg/base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

#include "pkg/base/clock.h"
#include "pkg/base/json_writer.h"
#include "pkg/base/time_format.h"

namespace flyball {
namespace {

struct State {
  LogOptions options;
  std::shared_ptr<spdlog::logger> logger;
};

State& TheLog() {
  static State state{{}, [] {
                       auto logger = std::make_shared<spdlog::logger>(
                           "flyball", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
                       logger->set_pattern("%H:%M:%S.%e %^%-5l%$ %v");
                       return logger;
                     }()};
  return state;
}

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

std::string_view LevelName(LogLevel level) {
  constexpr std::string_view kNames[] = {"debug", "info", "warn", "error"};
  return kNames[static_cast<int>(level)];
}

void WriteValue(JsonWriter& json, const LogValue& value) {
  std::visit([&](const auto& v) { json.Value(v); }, value);
}

}  // namespace

void StartLog(const LogOptions& options) {
  State& state = TheLog();
  state.options = options;
  if (options.format == LogFormat::kJson) {
    state.logger = std::make_shared<spdlog::logger>("flyball", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    state.logger->set_pattern("%v");
  }
  state.logger->set_level(ToSpdlog(options.level));
}

void Log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
  const State& state = TheLog();
  if (!state.logger->should_log(ToSpdlog(level))) return;
  std::string line;
  if (state.options.format == LogFormat::kJson) {
    JsonWriter json(line);
    json.BeginObject();
    json.Key("time"), json.Value(FormatRfc3339(RealClock().WallNow()));
    json.Key("level"), json.Value(LevelName(level));
    if (!state.options.program.empty()) json.Key("program"), json.Value(state.options.program);
    if (!state.options.pod.empty()) json.Key("pod"), json.Value(state.options.pod);
    json.Key("msg"), json.Value(message);
    for (const LogField& field : fields) json.Key(field.name), WriteValue(json, field.value);
    json.EndObject();
  } else {
    line = message;
    for (const LogField& field : fields) {
      line.append("  ").append(field.name).append("=");
      if (const auto* text = std::get_if<std::string_view>(&field.value)) {
        line.append(*text);
      } else {
        JsonWriter json(line);
        WriteValue(json, field.value);
      }
    }
  }
  state.logger->log(ToSpdlog(level), "{}", line);
}

}  // namespace flyball
