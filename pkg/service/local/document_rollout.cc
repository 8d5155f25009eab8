#include "pkg/service/local/document_rollout.h"

#include <algorithm>
#include <cctype>
#include <utility>
#include <vector>

#include "pkg/spec/locate.h"

namespace flyball::local {
namespace {

bool IsName(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '-'; });
}

// "tasks" and "due" when `words` begin with "tasks.due "; two empty ones otherwise.
std::pair<std::string_view, std::string_view> SubjectOf(std::string_view words) {
  const std::string_view subject = words.substr(0, words.find(' '));
  const size_t dot = subject.find('.');
  if (dot == std::string_view::npos) return {};
  const std::string_view resource = subject.substr(0, dot), field = subject.substr(dot + 1);
  if (!IsName(resource) || !IsName(field)) return {};
  return {resource, field};
}

}  // namespace

DocumentRollout::DocumentRollout(const Options& options, const DataDir& data, Narration& narration, Revision first)
    : options_(&options),
      data_(&data),
      narration_(&narration),
      watch_(options.documents),
      rollout_(std::move(first)),
      last_number_(rollout_.stable().number) {}

Result<DocumentRollout> DocumentRollout::Open(const Options& options, const DataDir& data, Narration& narration,
                                              Blueprint first) {
  constexpr uint64_t kFirst = 1;
  auto copies = data.SaveDocuments(kFirst, first.files);
  if (!copies) return Fail(copies.error());
  DocumentRollout documents(options, data, narration, Revision{kFirst, std::move(first), std::move(*copies)});
  documents.KeepWhatMayRun();
  return documents;
}

void DocumentRollout::KeepWhatMayRun() const {
  data_->KeepDocuments({rollout_.stable().number, rollout_.target().number});
}

void DocumentRollout::Look(SteadyTime now) {
  if (!watch_.Changed()) return;
  Blueprint fresh = ReadBlueprint(*options_);
  const std::string& name = rollout_.stable().blueprint.app;
  if (fresh.problems.empty() && fresh.app != name) {
    fresh.problems.push_back("the App is named '" + fresh.app + "' now, and '" + name +
                             "' runs: another name has data of its own; stop this fleet to run the other, or keep the "
                             "name");
  }
  if (!fresh.problems.empty()) {
    Refuse(fresh);
  } else if (fresh.files == rollout_.target().blueprint.files) {
    if (!rollout_.rejected().empty()) narration_->Say("documents", "what is saved is what runs again");
    rollout_.Accept();
  } else if (fresh.files == rollout_.stable().blueprint.files) {
    TakeBack();
  } else {
    Begin(std::move(fresh), now);
  }
}

void DocumentRollout::Refuse(const Blueprint& fresh) {
  narration_->DocumentProblems(fresh.problems);
  narration_->Warn("documents", "the change has problems; what ran before goes on");
  const size_t more = fresh.problems.size() - 1;
  rollout_.Refuse(
      fresh.problems.front() +
      (more == 0 ? "" : " (and " + std::to_string(more) + (more == 1 ? " more problem)" : " more problems)")));
}

void DocumentRollout::TakeBack() {
  narration_->Say("documents", "put back; the pods that were replaced are replaced again");
  rollout_.Abandon("");
  KeepWhatMayRun();
}

void DocumentRollout::Begin(Blueprint fresh, SteadyTime now) {
  auto copies = data_->SaveDocuments(last_number_ + 1, fresh.files);
  if (!copies) {
    narration_->Warn("documents", copies.error().message + "; what ran before goes on");
    rollout_.Refuse(copies.error().message);
    return;
  }
  narration_->Say("documents", "changed; one new pod first, then the others one by one");
  rollout_.Begin(Revision{++last_number_, std::move(fresh), std::move(*copies)}, now);
  KeepWhatMayRun();
}

bool DocumentRollout::PodFailed(uint64_t revision, const std::string& how, const std::string& words) {
  if (!rollout_.under_way() || revision != rollout_.target().number) return false;
  const std::string explained = Explain(revision, words);
  const bool has_place = explained != words;
  const std::string why = has_place ? explained : how + (words.empty() ? "" : ": " + words);
  if (has_place) narration_->DocumentProblem(explained);
  narration_->Warn("documents", (has_place ? "the change does not fit what is stored" : "the change failed: " + why) +
                                    "; what ran before goes on");
  rollout_.Abandon(why);
  KeepWhatMayRun();
  return true;
}

void DocumentRollout::CheckDeadline(SteadyTime now) {
  if (!rollout_.Overdue(now)) return;
  narration_->Warn("documents", "no pod of the change became Ready in time; what ran before goes on");
  rollout_.Abandon("no pod of the change became Ready in time");
  KeepWhatMayRun();
}

bool DocumentRollout::Settled() {
  if (!rollout_.Settled()) return false;
  narration_->Say("documents", "all pods run the change");
  KeepWhatMayRun();
  return true;
}

std::string DocumentRollout::Explain(uint64_t revision, const std::string& words) const {
  const Revision* documents = rollout_.Find(revision);
  const auto [resource, field] = SubjectOf(words);
  if (documents == nullptr || resource.empty()) return words;
  std::vector<spec::Source> sources;
  for (size_t i = 0; i < documents->blueprint.files.size(); ++i) {
    sources.push_back({options_->documents.at(i), documents->blueprint.files[i].second});
  }
  const auto problem = spec::ProblemAt(sources, resource, field, words);
  return problem ? spec::Format(*problem) : words;
}

}  // namespace flyball::local
