#include "cmd/flyballctl/output.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

namespace flyball::ctl {
namespace {

using Json = nlohmann::ordered_json;

// A key that YAML reads as that very text without quotes.
bool PlainKey(const std::string& key) {
  const bool word = !key.empty() && std::all_of(key.begin(), key.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '_' || c == '-';
  });
  return word && std::isalpha(static_cast<unsigned char>(key.front())) && key != "null" && key != "true" &&
         key != "false" && key != "yes" && key != "no" && key != "on" && key != "off" && key != "y" && key != "n";
}

std::string Quoted(const std::string& text) { return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace); }

// Block style; texts are quoted as in JSON, which YAML 1.2 reads the same.
void AppendYaml(std::string& out, const Json& value, int indent) {
  const std::string margin(static_cast<size_t>(indent), ' ');
  const auto nested = [](const Json& member) { return member.is_structured() && !member.empty(); };
  if (value.is_object() && !value.empty()) {
    for (const auto& [key, member] : value.items()) {
      out += margin + (PlainKey(key) ? key : Quoted(key)) + ":";
      if (nested(member)) {
        out += "\n";
        AppendYaml(out, member, indent + 2);
      } else {
        out += " ";
        AppendYaml(out, member, 0);
      }
    }
  } else if (value.is_array() && !value.empty()) {
    for (const Json& member : value) {
      std::string item;
      AppendYaml(item, member, indent + 2);
      if (nested(member))
        item.erase(0, static_cast<size_t>(indent) + 2);  // its first line follows the dash
      else
        item.erase(0, item.find_first_not_of(' '));
      out += margin + "- " + item;
    }
  } else {
    out += value.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  }
}

bool LooksNumeric(const std::string& cell) {
  return !cell.empty() && cell.find_first_not_of("0123456789.,-% ") == std::string::npos;
}

}  // namespace

void OutputOption(flags::Command& command, std::string* into) {
  command.Choice("-o,--output", into, {"text", "json", "yaml"}, "text for people, or a whole document for programs");
}

Format FormatOf(const std::string& output) {
  if (output == "json") return Format::kJson;
  return output == "yaml" ? Format::kYaml : Format::kText;
}

bool PrintStructured(std::string_view json, Format format) {
  const Json value = Json::parse(json, nullptr, false);
  if (value.is_discarded()) return false;
  std::string text;
  if (format == Format::kYaml) {
    AppendYaml(text, value, 0);
  } else {
    text = value.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  }
  std::fwrite(text.data(), 1, text.size(), stdout);
  return true;
}

bool OnTerminal() { return isatty(STDOUT_FILENO) == 1; }

bool Coloured() {
  static const bool coloured = [] {
    const char* refused = std::getenv("NO_COLOR");
    return OnTerminal() && (refused == nullptr || *refused == '\0');
  }();
  return coloured;
}

std::string Paint(Tone tone, std::string_view text) {
  static constexpr const char* kCodes[] = {"", "1", "2", "32", "33", "31"};
  if (tone == Tone::kPlain || !Coloured()) return std::string(text);
  return std::string("\x1b[") + kCodes[static_cast<int>(tone)] + "m" + std::string(text) + "\x1b[0m";
}

std::string Number(double value) {
  char digits[64];
  const bool small = std::abs(value) < 10 && value != std::floor(value);
  std::snprintf(digits, sizeof(digits), small ? "%.1f" : "%.0f", value);
  std::string text = digits;
  if (small) return text;
  for (size_t at = text.size(); at > 3 + (text[0] == '-' ? 1u : 0u);) text.insert(at -= 3, ",");
  return text;
}

std::string Table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (size_t r = 0; r < rows.size(); ++r) {
    std::string line;
    for (size_t i = 0; i < rows[r].size(); ++i) {
      const std::string padding(widths[i] - rows[r][i].size(), ' ');
      const bool right =
          r > 0 ? LooksNumeric(rows[r][i]) : rows.size() > 1 && i < rows[1].size() && LooksNumeric(rows[1][i]);
      line += (i == 0 ? "" : "  ") + (right ? padding + rows[r][i] : rows[r][i] + padding);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += (r == 0 ? Paint(Tone::kBold, line) : line) + "\n";
  }
  return out;
}

}  // namespace flyball::ctl
