// The rules of an election as transcripts (testdata/election/*.txt), and a crowd of candidates on a bad day.
#include "pkg/kube/leader_election.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <sstream>

#include "pkg/base/ids.h"
#include "pkg/base/random.h"

namespace flyball::kube {
namespace {

constexpr ElectionTimes kTimes{};
const SteadyTime kStart{seconds(1000)};
const WallTime kWall{};

std::string Seconds(nanoseconds time) {
  std::ostringstream out;
  out << ToSeconds(time) << "s";
  return out.str();
}

// Reads one transcript: each line that is not indented is something that happens, the indented ones below are what the
// candidate makes of it. Gives it back with what it really made of it.
class Transcript {
 public:
  std::string Play(const std::string& text) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with("  ")) continue;
      out_ += line + "\n";
      if (!line.empty() && line[0] != '#') Happens(line);
    }
    return out_;
  }

 private:
  // "1.5 read b @7 transitions 3", "1.5 read none", "1.5 written @8", "1.5 failed", "1.5", "1.5 release"
  void Happens(const std::string& line) {
    std::istringstream words(line);
    double at = 0;
    std::string what;
    words >> at >> what;
    const SteadyTime now = kStart + std::chrono::round<milliseconds>(std::chrono::duration<double>(at));
    if (what == "read") {
      Read(now, words);
    } else if (what == "written") {
      std::string version;
      words >> version;
      election_.OnWritten(now, {ordered_.record, version.substr(1)});
    } else if (what == "failed") {
      election_.OnFailed(now);
    } else if (what == "release") {
      if (const auto action = election_.Release(now, kWall)) Say(*action);
      return Say("given up");
    }
    ordered_ = election_.Next(now, kWall, 0.5);
    Say(ordered_);
    if (election_.leading(now))
      Say("leads, epoch " + std::to_string(election_.fence().epoch) + ", until " +
          Seconds(election_.fence().leads_until - kStart));
  }

  void Read(SteadyTime now, std::istringstream& words) {
    std::string holder, version, word;
    int64_t transitions = 0;
    words >> holder;
    if (holder == "none") return election_.OnRead(now, std::nullopt);
    words >> version >> word >> transitions;
    if (holder == "nobody") holder.clear();
    election_.OnRead(
        now, ObservedLease{{.holder = holder, .duration_seconds = 15, .transitions = transitions}, version.substr(1)});
  }

  void Say(const LeaderElection::Action& action) {
    const std::string record = (action.record.holder.empty() ? "nobody" : action.record.holder) + ", transitions " +
                               std::to_string(action.record.transitions);
    if (action.what == LeaderElection::Do::kWait) Say("waits until " + Seconds(action.at - kStart));
    if (action.what == LeaderElection::Do::kRead) Say("reads");
    if (action.what == LeaderElection::Do::kCreate) Say("creates " + record);
    if (action.what == LeaderElection::Do::kUpdate) Say("writes " + record + " over @" + action.resource_version);
  }
  void Say(const std::string& what) { out_ += "  " + what + "\n"; }

  LeaderElection election_{"me", kTimes};
  LeaderElection::Action ordered_;
  std::string out_;
};

TEST(LeaderElection, Transcripts) {
  int played = 0;
  for (const auto& file : std::filesystem::directory_iterator(std::string(FLYBALL_TESTDATA) + "/election")) {
    std::ifstream in(file.path());
    const std::string text(std::istreambuf_iterator<char>(in), {});
    const std::string played_text = Transcript().Play(text);
    if (std::getenv("FLYBALL_REWRITE") != nullptr) std::ofstream(file.path()) << played_text;
    EXPECT_EQ(played_text, text) << file.path();
    ++played;
  }
  EXPECT_GE(played, 6);
}

// The Lease on the server, and candidates that are slow, deaf, asleep and have clocks of their own.
class Crowd {
 public:
  Crowd(uint64_t seed, int size) : random_(seed) {
    for (int i = 0; i < size; ++i) {
      auto& one = candidates_.emplace_back("c" + std::to_string(i));
      one.rate = 0.98 + 0.04 * random_.Uniform();  // its clock gains or loses two percent
      one.offset = seconds(random_.Below(100'000));
    }
  }

  // `trouble`: the share of calls that fail. True time in steps of 100 ms.
  void Run(nanoseconds time, double trouble) {
    for (const nanoseconds end = now_ + time; now_ < end; now_ += milliseconds(100)) {
      for (Candidate& one : candidates_) Turn(one, trouble);
      Judge();
    }
  }
  const std::string& wrong() const { return wrong_; }
  int leaders() const { return leaders_; }
  bool led_now() const { return led_now_; }

 private:
  struct Candidate {
    explicit Candidate(const std::string& name) : election(name, kTimes) {}
    LeaderElection election;
    double rate = 1;
    nanoseconds offset{0};
    nanoseconds busy_until{0};  // true time: a call under way, or stopped by SIGSTOP
    std::function<void()> arrives{}, answered{};
    nanoseconds arrives_at{0};
  };

  SteadyTime ClockOf(const Candidate& one) const {
    return SteadyTime(one.offset) + std::chrono::duration_cast<nanoseconds>(now_ * one.rate);
  }

  void Turn(Candidate& one, double trouble) {
    if (one.arrives && now_ >= one.arrives_at) std::exchange(one.arrives, nullptr)();
    if (now_ < one.busy_until) return;
    if (random_.Below(2000) == 0) {
      one.busy_until = now_ + seconds(random_.Below(40));  // stopped, maybe just before a write
      return;
    }
    if (one.answered) return std::exchange(one.answered, nullptr)();
    const auto action = one.election.Next(ClockOf(one), kWall, random_.Uniform());
    if (action.what == LeaderElection::Do::kWait) return;
    // A call of up to 3 s; the request, the answer or both may be lost.
    const auto length = milliseconds(random_.Below(10) == 0 ? random_.Below(3000) : random_.Below(100));
    const bool request_lost = random_.Uniform() < trouble, answer_lost = random_.Uniform() < trouble;
    one.busy_until = now_ + length;
    one.arrives_at = now_ + length / 2;
    Candidate* me = &one;
    const SteadyTime sent = ClockOf(one);
    auto result = std::make_shared<std::optional<ObservedLease>>();
    auto done = std::make_shared<bool>(false);
    if (!request_lost) one.arrives = [=, this] { *done = Carry(action, *result); };
    one.answered = [=, this] {
      if (me->arrives) std::exchange(me->arrives, nullptr)();
      if (request_lost || answer_lost || !*done) return me->election.OnFailed(ClockOf(*me));
      if (action.what == LeaderElection::Do::kRead) return me->election.OnRead(ClockOf(*me), *result);
      me->election.OnWritten(sent, **result);
    };
  }

  // As the server does; false: refused.
  bool Carry(const LeaderElection::Action& action, std::optional<ObservedLease>& result) {
    if (action.what == LeaderElection::Do::kCreate && lease_) return false;
    if (action.what == LeaderElection::Do::kUpdate && (!lease_ || lease_->resource_version != action.resource_version))
      return false;
    if (action.what != LeaderElection::Do::kRead) lease_ = ObservedLease{action.record, std::to_string(++version_)};
    result = lease_;
    return true;
  }

  void Judge() {
    int leading = 0;
    for (const Candidate& one : candidates_) {
      if (!one.election.leading(ClockOf(one))) continue;
      ++leading;
      const uint64_t epoch = one.election.fence().epoch;
      if (epoch < newest_epoch_) wrong_ = "an older epoch leads at " + Seconds(now_);
      if (epoch > newest_epoch_) ++leaders_;
      newest_epoch_ = epoch;
    }
    if (leading > 1) wrong_ = std::to_string(leading) + " lead at " + Seconds(now_);
    led_now_ = leading == 1;
  }

  Random random_;
  std::deque<Candidate> candidates_;
  std::optional<ObservedLease> lease_;
  int64_t version_ = 0;
  nanoseconds now_{0};
  uint64_t newest_epoch_ = 0;
  int leaders_ = 0;
  bool led_now_ = false;
  std::string wrong_;
};

TEST(LeaderElection, NeverTwoAndEpochsOnlyGrow) {
  const char* given = std::getenv("FLYBALL_SEED");
  const uint64_t seed = given != nullptr ? std::stoull(given) : RandomUint64() >> 16;
  std::cout << "seed " << seed << " (FLYBALL_SEED repeats it)\n";
  int leaders = 0;
  for (uint64_t i = 0; i < 60; ++i) {
    Crowd crowd(seed + i, 3);
    crowd.Run(std::chrono::minutes(10), 0.1 + 0.2 * static_cast<double>(i % 3));
    ASSERT_EQ(crowd.wrong(), "") << "seed " << seed + i;
    leaders += crowd.leaders();
  }
  EXPECT_GT(leaders, 120) << "the bad days did change leaders";
}

TEST(LeaderElection, WhenTheTroubleIsOverOneLeads) {
  int led = 0;
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    Crowd crowd(seed, 3);
    crowd.Run(std::chrono::minutes(2), 0.9);
    crowd.Run(std::chrono::minutes(2), 0);
    ASSERT_EQ(crowd.wrong(), "") << "seed " << seed;
    led += crowd.led_now() ? 1 : 0;
  }
  EXPECT_GE(led, 24) << "in some a stopped leader was just being waited for";
}

}  // namespace
}  // namespace flyball::kube
