#include "tests/framing/judgement.h"

#include "pkg/http/testing/raw_client.h"

namespace flyball::framing {
namespace {

constexpr milliseconds kPatience{1000};
constexpr size_t kEverything = 1 << 20;

std::vector<FramingCase::Answer> FinalAnswers(const FramingCase& one) {
  std::vector<FramingCase::Answer> answers;
  for (const auto& answer : one.answers) {
    if (answer.status >= 200) answers.push_back(answer);
  }
  return answers;
}

std::optional<http::testing::RawAnswer> ReadFinal(http::testing::RawClient& client, bool to_head) {
  for (;;) {
    auto answer = client.Read(to_head, kPatience);
    if (!answer || answer->status >= 200) return answer;
  }
}

// Whether an answer to another request comes, or the end. Who has said close and is silent then does close, later.
Behaviour::End EndOf(http::testing::RawClient& client, bool said_close) {
  client.ReadRaw(kEverything, milliseconds(1));  // HTTP/0.9 has no head
  if (client.Ends(milliseconds(1))) return Behaviour::End::kCloses;
  if (client.Send("GET /probe HTTP/1.1\r\nHost: probe\r\n\r\n")) {
    const auto answer = ReadFinal(client, false);
    if (answer && answer->status == 200) return Behaviour::End::kServesOn;
    if (answer) return Behaviour::End::kCloses;  // it took the probe for something else and says so
  }
  client.ReadRaw(kEverything, milliseconds(1));
  return said_close || client.Ends(milliseconds(1)) ? Behaviour::End::kCloses : Behaviour::End::kSilent;
}

}  // namespace

std::string Behaviour::ToString() const {
  std::string text;
  for (const int status : statuses) text += std::to_string(status) + " ";
  if (text.empty()) text = "no answer ";
  text.back() = ',';
  return text + (end == End::kServesOn ? " serves on" : end == End::kCloses ? " closes" : " waits");
}

Behaviour Observe(const FramingCase& one, uint16_t port) {
  http::testing::RawClient client(port);
  client.Send(one.message);
  Behaviour behaviour;
  bool said_close = false;
  for (const auto& wanted : FinalAnswers(one)) {
    const auto answer = ReadFinal(client, wanted.to_head);
    if (!answer) break;
    behaviour.statuses.push_back(answer->status);
    said_close = answer->SaysClose();
  }
  if (one.closes) {  // is there one answer more than there should be?
    if (const auto more = ReadFinal(client, false)) behaviour.statuses.push_back(more->status);
  }
  behaviour.end = EndOf(client, said_close);
  return behaviour;
}

Verdict Judge(const FramingCase& one, const Behaviour& behaviour) {
  const auto wanted = FinalAnswers(one);
  if (wanted.size() != behaviour.statuses.size()) return Verdict::kDiffers;
  bool exact = true, refused = false;
  for (size_t i = 0; i < wanted.size(); ++i) {
    refused = wanted[i].status >= 400;
    if (refused != (behaviour.statuses[i] >= 400)) return Verdict::kDiffers;
    exact = exact && wanted[i].status == behaviour.statuses[i];
  }
  const bool closes = behaviour.end == Behaviour::End::kCloses;
  if (closes == one.closes && behaviour.end != Behaviour::End::kSilent) {
    return exact ? Verdict::kExact : Verdict::kAsSafe;
  }
  return closes && refused ? Verdict::kAsSafe : Verdict::kDiffers;
}

}  // namespace flyball::framing
