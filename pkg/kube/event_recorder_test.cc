#include "pkg/kube/event_recorder.h"

#include <gtest/gtest.h>

#include "pkg/kube/testing/eventually.h"
#include "pkg/kube/testing/fake_api_server.h"

namespace flyball::kube {
namespace {

using testing::Eventually;
using testing::FakeAnswer;
using testing::FakeApiServer;
using testing::FakeRequest;
using testing::json;
using testing::StatusObject;

const ResourcePath kEvents{.version = "v1", .plural = "events", .name_space = "shop"};

EventNote Note(const std::string& message, const std::string& name_space = "shop") {
  return {.about = {.api_version = "flyball.io/v1alpha1",
                    .kind = "Governor",
                    .name_space = name_space,
                    .name = "api",
                    .uid = "u7"},
          .type = EventType::kWarning,
          .reason = "ScalingLimited",
          .message = message};
}

class Recorder : public ::testing::Test {
 protected:
  FakeApiServer server;
  std::unique_ptr<Client> client = *Client::Open(server.ClientConfig());
  EventRecorder recorder{*client, {.component = "flyball-autoscaler", .instance = "pod-1"}};

  json Only() {
    const auto state = server.State(kEvents);
    EXPECT_EQ(state.size(), 1u);
    const std::string key = state.begin()->first;
    return *server.Get(kEvents.Named(key.substr(key.find('/') + 1)));
  }
  bool Wrote(uint64_t count) {
    return Eventually([&] { return recorder.counts().written >= count; });
  }
};

TEST_F(Recorder, WritesAnEventOfItsObject) {
  recorder.Record(Note("at the maximum"));
  ASSERT_TRUE(Wrote(1));
  const json event = Only();
  EXPECT_EQ(event["involvedObject"]["kind"], "Governor");
  EXPECT_EQ(event["involvedObject"]["uid"], "u7");
  EXPECT_EQ(event["type"], "Warning");
  EXPECT_EQ(event["reason"], "ScalingLimited");
  EXPECT_EQ(event["message"], "at the maximum");
  EXPECT_EQ(event["source"]["component"], "flyball-autoscaler");
  EXPECT_EQ(event["reportingInstance"], "pod-1");
  EXPECT_EQ(event["count"], 1);
}

TEST_F(Recorder, TheSameAgainIsCountedInTheSameEvent) {
  for (int i = 0; i < 3; ++i) recorder.Record(Note("at the maximum"));
  ASSERT_TRUE(Wrote(3));
  EXPECT_EQ(Only()["count"], 3);
}

TEST_F(Recorder, AnEventThatExpiredMeanwhileIsWrittenAgain) {
  recorder.Record(Note("m"));
  ASSERT_TRUE(Wrote(1));
  const std::string name = Only()["metadata"]["name"];
  server.Remove(kEvents.Named(name));
  recorder.Record(Note("m"));
  ASSERT_TRUE(Wrote(2));
  EXPECT_EQ(Only()["count"], 2);
}

TEST_F(Recorder, AnObjectWithoutNamespaceHasItsEventsInDefault) {
  recorder.Record(Note("m", ""));
  ASSERT_TRUE(Wrote(1));
  EXPECT_EQ(server.State(kEvents).begin()->first.substr(0, 8), "default/");
}

TEST_F(Recorder, WhatTheServerRefusesIsCountedAndNotRepeated) {
  server.OnRequest([](const FakeRequest&) -> std::optional<FakeAnswer> {
    return FakeAnswer{.status = 403, .body = StatusObject(403, "Forbidden", "no").dump()};
  });
  recorder.Record(Note("m"));
  ASSERT_TRUE(Eventually([&] { return recorder.counts().failed == 1; }));
  server.OnRequest(nullptr);
  recorder.Record(Note("m"));
  ASSERT_TRUE(Wrote(1));
  EXPECT_EQ(Only()["count"], 1);
}

TEST(RecorderAtTheEnd, WhatWaitsIsWritten) {
  FakeApiServer server;
  auto client = *Client::Open(server.ClientConfig());
  {
    EventRecorder recorder(*client);
    for (const char* message : {"a", "b", "c"}) recorder.Record(Note(message));
  }
  EXPECT_EQ(server.State(kEvents).size(), 3u);
}

TEST(RecorderAtTheEnd, AServerThatDoesNotAnswerDoesNotHoldItUp) {
  FakeApiServer server;
  server.OnRequest([](const FakeRequest&) { return std::optional(FakeAnswer{.never = true}); });
  auto client = *Client::Open(server.ClientConfig());
  EventRecorder recorder(*client, {.queue = 2});
  for (int i = 0; i < 100; ++i) recorder.Record(Note(std::to_string(i)));
  EXPECT_GT(recorder.counts().dropped, 0u);
}

}  // namespace
}  // namespace flyball::kube
