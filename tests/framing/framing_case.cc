#include "tests/framing/framing_case.h"

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

namespace flyball::framing {
namespace {

constexpr std::string_view kSeparator = " || ";

Result<std::string> Unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '~') {
      out += "\r\n";
    } else if (c == '{' && i + 2 < text.size() && text[i + 2] == '*') {
      const size_t end = text.find('}', i);
      if (end == std::string_view::npos) return Fail(ErrorCode::kInvalid, "a repetition without '}'");
      out.append(std::stoul(std::string(text.substr(i + 3, end - i - 3))), text[i + 1]);
      i = end;
    } else if (c == '\\' && i + 1 < text.size()) {
      const char kind = text[++i];
      if (kind == 'x' && i + 2 < text.size()) {
        out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
        i += 2;
      } else if (const size_t at = std::string_view("rnt\\").find(kind); at != std::string_view::npos) {
        out += "\r\n\t\\"[at];
      } else {
        return Fail(ErrorCode::kInvalid, "an unknown escape");
      }
    } else {
      out += c;
    }
  }
  return out;
}

Result<void> ReadAnswers(std::string text, FramingCase& one) {
  if (const size_t echo = text.find('='); echo != std::string::npos) {
    auto unescaped = Unescape(text.substr(echo + 1));
    if (!unescaped) return Fail(unescaped.error());
    one.has_echo = true;
    one.echo = std::move(*unescaped);
    text.resize(echo);
  }
  std::istringstream words(text);
  std::string word, last;
  while (words >> word) {
    last = word;
    if (word != "keep" && word != "close") one.answers.push_back({std::stoi(word), word.back() == 'H'});
  }
  one.closes = last == "close";
  if (one.answers.empty() || (last != "keep" && last != "close")) {
    return Fail(ErrorCode::kInvalid, "answers are statuses, then keep or close");
  }
  return {};
}

Result<FramingCase> ReadCase(std::string_view line) {
  std::vector<std::string_view> columns;
  for (size_t at; (at = line.find(kSeparator)) != std::string_view::npos;) {
    columns.push_back(line.substr(0, at));
    line.remove_prefix(at + kSeparator.size());
  }
  columns.push_back(line);
  if (columns.size() != 4) return Fail(ErrorCode::kInvalid, "not four columns");
  FramingCase one;
  one.name = columns[0];
  one.clause = columns[1];
  auto message = Unescape(columns[2]);
  if (!message) return Fail(message.error());
  one.message = std::move(*message);
  if (auto answers = ReadAnswers(std::string(columns[3]), one); !answers) return Fail(answers.error());
  return one;
}

}  // namespace

Result<std::vector<FramingCase>> ReadFramingCases(const std::string& path) {
  std::ifstream file(path);
  if (!file) return Fail(ErrorCode::kNotFound, path + " cannot be read");
  std::vector<FramingCase> cases;
  std::set<std::string> names;
  std::string line, section;
  for (int number = 1; std::getline(file, line); ++number) {
    if (line.rfind("# --- ", 0) == 0) section = line.substr(6, std::min(line.find(" (", 6), line.find(" ---", 6)) - 6);
    if (line.empty() || line[0] == '#') continue;
    auto one = ReadCase(line);
    if (!one) return Fail(ErrorCode::kInvalid, path + ":" + std::to_string(number) + ": " + one.error().message);
    if (!names.insert(one->name).second) {
      return Fail(ErrorCode::kInvalid, path + ":" + std::to_string(number) + ": the name stands there twice");
    }
    one->section = section;
    one->line = number;
    cases.push_back(std::move(*one));
  }
  return cases;
}

}  // namespace flyball::framing
