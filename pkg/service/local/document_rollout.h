// From a saved document to pods that run it: notices, reads and judges what was saved, keeps copies of what may run,
// and tells people what became of it. Which revision the pods should be of is Rollout's to say.
#pragma once

#include <cstdint>
#include <string>

#include "pkg/base/clock.h"
#include "pkg/base/result.h"
#include "pkg/service/local/data_dir.h"
#include "pkg/service/local/document_watch.h"
#include "pkg/service/local/narration.h"
#include "pkg/service/local/options.h"
#include "pkg/service/local/rollout.h"

namespace flyball::local {

// Used from the supervisor's thread only; borrows what it is given.
class DocumentRollout {
 public:
  // `first` was just read from options.documents and runs from now on. kIo when its copies cannot be written.
  static Result<DocumentRollout> Open(const Options& options, const DataDir& data, Narration& narration,
                                      Blueprint first);

  const Rollout& rollout() const { return rollout_; }

  // Looks whether documents were saved, and begins, refuses or takes back a change.
  void Look(SteadyTime now);
  // Gives a change up that makes no progress.
  void CheckDeadline(SteadyTime now);

  void PodReady(uint64_t revision, SteadyTime now) { rollout_.PodReady(revision, now); }
  // A pod of that revision ended before it was Ready; `how` names it and its end, `words` are its last. True: it was of
  // a change, which is abandoned now, and that was said.
  bool PodFailed(uint64_t revision, const std::string& how, const std::string& words);
  // All pods are Ready and of the target. True: that completed a change.
  bool Settled();

  // What a pod said, with the place in the document when it is about a field of one: "tasks.yaml:31:9: tasks.due is
  // new and required, but ...".
  std::string Explain(uint64_t revision, const std::string& words) const;

 private:
  DocumentRollout(const Options& options, const DataDir& data, Narration& narration, Revision first);

  void Refuse(const Blueprint& fresh);
  void TakeBack();
  void Begin(Blueprint fresh, SteadyTime now);
  void KeepWhatMayRun() const;

  const Options* options_;
  const DataDir* data_;
  Narration* narration_;
  DocumentWatch watch_;
  Rollout rollout_;
  uint64_t last_number_;
};

}  // namespace flyball::local
