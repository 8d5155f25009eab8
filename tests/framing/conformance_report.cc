#include "tests/framing/conformance_report.h"

#include <atomic>
#include <thread>

namespace flyball::framing {
namespace {

constexpr int kAtATime = 16;

// At most `limit` characters, on one line, safe inside a table's back-ticks.
std::string Shown(std::string_view message, size_t limit) {
  std::string text;
  for (const char c : message) {
    if (c == '\r') {
      text += "\\r";
    } else if (c == '\n') {
      text += "\\n";
    } else if (c == '|') {
      text += "\\|";
    } else if (c == '`' || c < ' ' || c > '~') {
      static constexpr char kHex[] = "0123456789abcdef";
      const auto byte = static_cast<unsigned char>(c);
      text += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    } else {
      text += c;
    }
    if (text.size() > limit) return text.substr(0, limit) + "...";
  }
  return text;
}

std::vector<std::string> SectionsOf(const std::vector<FramingCase>& cases) {
  std::vector<std::string> sections;
  for (const FramingCase& one : cases) {
    if (sections.empty() || sections.back() != one.section) sections.push_back(one.section);
  }
  return sections;
}

std::string Row(const std::string& title, const std::string& section, const std::vector<FramingCase>& cases,
                const std::vector<ServerRun>& runs) {
  size_t all = 0;
  for (const FramingCase& one : cases) all += section.empty() || one.section == section ? 1 : 0;
  std::string row = "| " + title + " | " + std::to_string(all) + " |";
  for (const ServerRun& run : runs) {
    size_t exact = 0, safe = 0;
    for (size_t i = 0; i < cases.size(); ++i) {
      if (!section.empty() && cases[i].section != section) continue;
      const Verdict verdict = Judge(cases[i], run.behaviours[i]);
      exact += verdict == Verdict::kExact ? 1 : 0;
      safe += verdict != Verdict::kDiffers ? 1 : 0;
    }
    row += " " + std::to_string(exact) + " | " + std::to_string(safe) + " |";
  }
  return row + "\n";
}

std::string Wanted(const FramingCase& one) {
  Behaviour wanted;
  for (const auto& answer : one.answers) wanted.statuses.push_back(answer.status);
  wanted.end = one.closes ? Behaviour::End::kCloses : Behaviour::End::kServesOn;
  return wanted.ToString();
}

std::string Differences(const std::vector<FramingCase>& cases, const ServerRun& run) {
  std::string text = "\n## Where " + run.name + " differs\n\n";
  if (CountOf(Verdict::kDiffers, cases, run) == 0) return text + "Nowhere.\n";
  text += "| case | RFC | wanted | what it does | message |\n|---|---|---|---|---|\n";
  for (size_t i = 0; i < cases.size(); ++i) {
    if (Judge(cases[i], run.behaviours[i]) != Verdict::kDiffers) continue;
    text += "| " + cases[i].name + " | " + cases[i].clause + " | " + Wanted(cases[i]) + " | " +
            run.behaviours[i].ToString() + " | `" + Shown(cases[i].message, 100) + "` |\n";
  }
  return text;
}

}  // namespace

ServerRun ObserveAll(const std::string& name, uint16_t port, const std::vector<FramingCase>& cases) {
  ServerRun run{name, std::vector<Behaviour>(cases.size())};
  std::atomic<size_t> next = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kAtATime; ++i) {
    threads.emplace_back([&] {
      for (size_t at; (at = next++) < cases.size();) run.behaviours[at] = Observe(cases[at], port);
    });
  }
  for (auto& thread : threads) thread.join();
  return run;
}

size_t CountOf(Verdict verdict, const std::vector<FramingCase>& cases, const ServerRun& run) {
  size_t count = 0;
  for (size_t i = 0; i < cases.size(); ++i) count += Judge(cases[i], run.behaviours[i]) == verdict ? 1 : 0;
  return count;
}

std::string Report(const std::vector<FramingCase>& cases, const std::vector<ServerRun>& runs) {
  std::string text =
      "# HTTP conformance\n\n"
      "How many of the " +
      std::to_string(cases.size()) +
      " raw messages of `tests/framing/cases.txt` each server holds. nginx and haproxy as Debian packages\n"
      "them, started by the test, get the same bytes and the same judgement. Each case names the RFC clause that "
      "decides\n"
      "it; none was taken from what Flyball answers. Written by `make http-conformance`; `ctest -R framing_proxies` "
      "fails\n"
      "when it is out of date for the versions named here.\n\n"
      "- **exact**: the statuses of the corpus, and the connection ends or serves on as it says.\n"
      "- **as safe**: the same, but a refusal may have another number, and any refusal may end the connection.\n"
      "- Otherwise the server accepts a message that two programs can understand differently, or refuses a valid "
      "one.\n\n"
      "The limits (target 8 KiB, head 16 KiB, 100 fields, body 1 MiB) are ours, set in the others where they can be.\n"
      "nginx and haproxy are told to answer once they have the whole body, so that chunks count (haproxy may still "
      "answer\n"
      "before it has looked at the trailers: a case or two vary from run to run). Where the RFC leaves a choice, the\n"
      "corpus asks for the one that cannot be misread; a server that chose otherwise is not wrong by the RFC.\n\n"
      "The same corpus goes *through* both, each as it comes and as lenient as it can be told to be, to a Flyball "
      "server:\n"
      "`ctest -R framing_proxies` compares the ids that the proxy gave to what it forwarded with the requests that\n"
      "arrived, and every request that follows on the proxy's connections must get its own answer. No request arrives\n"
      "that the proxy did not see.\n\n"
      "| section | cases |";
  std::string rule = "|---|---|";
  for (const ServerRun& run : runs) {
    text += " " + run.name + " exact | as safe |";
    rule += "---|---|";
  }
  text += "\n" + rule + "\n";
  for (const std::string& section : SectionsOf(cases)) text += Row(section, section, cases, runs);
  text += Row("**all**", "", cases, runs);
  for (const ServerRun& run : runs) text += Differences(cases, run);
  return text;
}

}  // namespace flyball::framing
