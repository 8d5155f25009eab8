// flyballctl explain: why the governor decided as it did, in words and numbers.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cmd/flags/command_line.h"
#include "cmd/flyballctl/commands.h"
#include "cmd/flyballctl/output.h"
#include "cmd/flyballctl/refusal.h"
#include "cmd/flyballctl/running_fleet.h"

namespace flyball::ctl {
namespace {

using nlohmann::json;

constexpr size_t kMovesListed = 10;

struct Flags {
  std::string data = ".flyball";
  std::string output = "text";
  std::string governor;
  bool moves = false;
};

std::string GetText(const json& from, const char* name) {
  const auto found = from.find(name);
  return found != from.end() && found->is_string() ? found->get<std::string>() : "";
}

int GetNumber(const json& from, const char* name) {
  const auto found = from.find(name);
  return found != from.end() && found->is_number() ? found->get<int>() : 0;
}

// What the governor wrote about it; a decision without that still has its sentence.
std::string Words(const json& decision) {
  const std::string text = GetText(decision, "text");
  if (!text.empty()) return text;
  return std::to_string(GetNumber(decision, "ordered")) + " -> " + std::to_string(GetNumber(decision, "desired")) +
         " replicas: " + GetText(decision, "reason") + ".\n";
}

std::string Entry(const char* heading, const json& decision) {
  std::string text = Words(decision);
  if (!text.ends_with('\n')) text += '\n';
  return Paint(Tone::kBold, heading) + " " + GetText(decision, "at") + "\n" + text;
}

// A line for each of the last moves: when, and the sentence its explanation begins with.
std::string ListOf(const std::vector<const json*>& moves, size_t decisions) {
  const size_t listed = std::min(moves.size(), kMovesListed);
  std::string out = "Replicas moved " + std::to_string(moves.size()) + " times in the last " +
                    std::to_string(decisions) + " decisions" +
                    (listed < moves.size() ? "; the last " + std::to_string(listed) : std::string()) + ":\n";
  for (size_t i = moves.size() - listed; i < moves.size(); ++i) {
    const std::string words = Words(*moves[i]);
    out += "  " + GetText(*moves[i], "at") + "  " + words.substr(0, words.find('\n')) + "\n";
  }
  return out + "\n";
}

// The decisions that moved replicas - a line each, the last or all of them in full - and the latest decision.
std::string Describe(const json& governor, bool all_moves) {
  const std::string name = GetText(governor, "name");
  const auto decisions = governor.find("decisions");
  if (decisions == governor.end() || !decisions->is_array() || decisions->empty())
    return "Governor " + name + " has not decided anything yet.\n";
  std::vector<const json*> moves;
  for (const json& decision : *decisions) {
    if (GetNumber(decision, "ordered") != GetNumber(decision, "desired")) moves.push_back(&decision);
  }
  const json* latest = &decisions->back();
  const bool just_now = !moves.empty() && moves.back() == latest;
  std::string out;
  if (moves.empty()) {
    out = "Replicas have not moved in the last " + Number(static_cast<double>(decisions->size())) + " decisions.\n\n";
  }
  if (moves.size() > 1 && !all_moves) out = ListOf(moves, decisions->size());
  for (const json* move : moves) {
    if (move == latest || (move != moves.back() && !all_moves)) continue;
    out += Entry(move == moves.back() ? "Replicas last moved at" : "Replicas moved at", *move) + "\n";
  }
  return out + Entry(just_now ? "Replicas moved just now, at" : "The latest decision, at", *latest);
}

int Explain(const Flags& flags) {
  const auto fleet = FindFleet(flags.data);
  if (!fleet) return Failed("explain", fleet.error().message);
  const auto body = AskConsole(*fleet, "/api/explain");
  if (!body) return Failed("explain", body.error().message);
  const json answer = json::parse(*body, nullptr, false);
  if (!answer.is_object() || !answer.contains("governors") || !answer["governors"].is_array())
    return Failed("explain", "the console did not answer with a list of governors");
  if (const Format format = FormatOf(flags.output); format != Format::kText)
    return PrintStructured(*body, format) ? flags::kFine : flags::kFailed;

  int shown = 0;
  for (const json& governor : answer["governors"]) {
    if (!governor.is_object() || (!flags.governor.empty() && GetText(governor, "name") != flags.governor)) continue;
    std::fputs(((shown++ > 0 ? "\n" : "") + Describe(governor, flags.moves)).c_str(), stdout);
  }
  if (shown > 0) return flags::kFine;
  return Failed("explain", flags.governor.empty() ? "no governor has reported a decision yet: try again in a moment"
                                                  : "there is no governor '" + flags.governor + "' here");
}

}  // namespace

void AddExplain(flags::CommandLine& line) {
  const auto flags = std::make_shared<Flags>();
  flags::Command& explain = line.Add("explain", "Explain why replicas and limits are what they are, number by number.");
  explain.Option("--data", &flags->data, "data folder of the fleet");
  explain.Option("--governor", &flags->governor, "only this one");
  explain.Flag("--moves", &flags->moves, "every decision that moved replicas, in full");
  OutputOption(explain, &flags->output);
  explain.Runs([flags] { return Explain(*flags); });
}

}  // namespace flyball::ctl
