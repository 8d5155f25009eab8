#include "pkg/service/local/last_words.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <vector>

namespace flyball::local {
namespace {

constexpr size_t kMostBytes = 500;
constexpr std::streamoff kTailBytes = 16 * 1024;

// "opening the database: file is not a database  file=/x/y.db"
std::string Sentence(const nlohmann::ordered_json& line) {
  std::string text = line.value("msg", "");
  for (const auto& [name, value] : line.items()) {
    if (name == "time" || name == "level" || name == "program" || name == "pod" || name == "msg") continue;
    text += "  " + name + "=" + (value.is_string() ? value.get<std::string>() : value.dump());
  }
  return text;
}

// Newest first, empty ones and hints ("Try '... --help'.") left out.
std::vector<std::string_view> LinesFromTheEnd(std::string_view log) {
  std::vector<std::string_view> lines;
  while (!log.empty()) {
    const size_t start = log.rfind('\n');
    const std::string_view line = start == std::string_view::npos ? log : log.substr(start + 1);
    if (!line.empty() && !line.starts_with("Try '")) lines.push_back(line);
    log = start == std::string_view::npos ? std::string_view() : log.substr(0, start);
  }
  return lines;
}

}  // namespace

std::string LastWords(std::string_view log) {
  const auto lines = LinesFromTheEnd(log);
  std::string words(lines.empty() ? "" : lines.front());
  for (const char* level : {"error", "warn"}) {
    const auto said = std::find_if(lines.begin(), lines.end(), [&](std::string_view line) {
      const auto json = nlohmann::ordered_json::parse(line, nullptr, false);
      return json.is_object() && json.contains("level") && json["level"] == level && json.contains("msg") &&
             json["msg"].is_string();
    });
    if (said == lines.end()) continue;
    words = Sentence(nlohmann::ordered_json::parse(*said));
    break;
  }
  if (words.size() > kMostBytes) words.resize(kMostBytes);
  return words;
}

std::string LastWordsOf(const std::string& log_file) {
  std::ifstream in(log_file, std::ios::binary | std::ios::ate);
  if (!in) return {};
  const std::streamoff size = in.tellg();
  in.seekg(std::max<std::streamoff>(0, size - kTailBytes));
  std::ostringstream tail;
  tail << in.rdbuf();
  return LastWords(tail.str());
}

}  // namespace flyball::local
