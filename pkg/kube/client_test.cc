#include "pkg/kube/client.h"

#include <gtest/gtest.h>

#include <thread>

#include "pkg/base/clock.h"
#include "pkg/kube/testing/eventually.h"
#include "pkg/kube/testing/fake_api_server.h"
#include "pkg/kube/testing/temp_folder.h"

namespace flyball::kube {
namespace {

using testing::Eventually;
using testing::FakeAnswer;
using testing::FakeApiServer;
using testing::FakeRequest;
using testing::json;
using testing::StatusObject;
using testing::TempFolder;
using namespace std::chrono_literals;

const ResourcePath kDeployments{.group = "apps", .version = "v1", .plural = "deployments", .name_space = "shop"};
const ResourcePath kApi = kDeployments.Named("api");

class KubeClient : public ::testing::Test {
 protected:
  FakeApiServer server;
  std::unique_ptr<Client> client = *Client::Open(server.ClientConfig(), {.timeout = 60s});

  json Stored(const ResourcePath& path = kApi) { return server.Get(path).value_or(json()); }
  std::string Version() { return Stored()["metadata"]["resourceVersion"]; }
  FakeRequest LastRequest() { return server.requests().back(); }
  // The next `count` requests are answered so.
  void AnswerNext(int count, FakeAnswer answer) {
    server.OnRequest(
        [count, answer](const FakeRequest&) mutable { return count-- > 0 ? std::optional(answer) : std::nullopt; });
  }
};

template <typename T>
std::string_view FailureOf(const Answer<T>& answer) {
  return answer ? "none" : Name(answer.error().failure);
}

TEST_F(KubeClient, CreatesReadsUpdatesDeletes) {
  const auto created = client->Create(kDeployments, R"({"metadata":{"name":"api"},"spec":{"replicas":2}})");
  ASSERT_TRUE(created) << created.error().message;
  json object = json::parse(*client->Get(kApi));
  EXPECT_EQ(object["spec"]["replicas"], 2);
  object["spec"]["replicas"] = 3;
  ASSERT_TRUE(client->Update(kApi, object.dump()));
  EXPECT_EQ(Stored()["spec"]["replicas"], 3);
  ASSERT_TRUE(client->Delete(kApi));
  EXPECT_EQ(FailureOf(client->Get(kApi)), "not-found");
  EXPECT_EQ(FailureOf(client->Delete(kApi)), "not-found");
}

TEST_F(KubeClient, ASecondCreateIsToldApartFromAConflict) {
  server.Put(kApi, {});
  EXPECT_EQ(FailureOf(client->Create(kDeployments, R"({"metadata":{"name":"api"}})")), "already-exists");
}

TEST_F(KubeClient, AnUpdateOverAnOldVersionIsAConflict) {
  server.Put(kApi, {});
  const std::string read = *client->Get(kApi);
  server.Put(kApi, {{"spec", 1}});
  EXPECT_EQ(FailureOf(client->Update(kApi, read)), "conflict");
  EXPECT_EQ(Stored()["spec"], 1);
}

TEST_F(KubeClient, AnUpdateWithoutAVersionIsNotSent) {
  server.Put(kApi, {});
  const auto answer = client->Update(kApi, R"({"metadata":{"name":"api"}})");
  EXPECT_EQ(answer.error().message,
            "update deployments.apps shop/api: metadata.resourceVersion is missing; expected the one that was read");
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(KubeClient, StatusIsWrittenApart) {
  server.Put(kApi, {{"spec", 1}});
  json object = json::parse(*client->Get(kApi));
  object["spec"] = 2;
  object["status"] = {{"ready", true}};
  ASSERT_TRUE(client->Update(kApi.Sub("status"), object.dump()));
  EXPECT_EQ(Stored()["spec"], 1);
  EXPECT_EQ(Stored()["status"]["ready"], true);
}

TEST_F(KubeClient, ADeleteMayHavePreconditions) {
  server.Put(kApi, {});
  EXPECT_EQ(FailureOf(client->Delete(kApi, {.uid = "another"})), "conflict");
  EXPECT_EQ(FailureOf(client->Delete(kApi, {.resource_version = "1"})), "conflict");
  EXPECT_TRUE(client->Delete(
      kApi, {.uid = Stored()["metadata"]["uid"], .resource_version = Version(), .propagation = "Foreground"}));
  EXPECT_EQ(json::parse(LastRequest().body)["propagationPolicy"], "Foreground");
}

TEST_F(KubeClient, ADeleteOfACollectionIsRefused) {
  EXPECT_EQ(FailureOf(client->Delete(kDeployments)), "invalid");
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(KubeClient, PatchesByMergeAndByApply) {
  server.Put(kApi, {{"spec", {{"replicas", 2}, {"paused", true}}}});
  ASSERT_TRUE(client->Patch(kApi, R"({"spec":{"paused":null}})", {}));
  EXPECT_EQ(LastRequest().Header("content-type"), "application/merge-patch+json");
  EXPECT_EQ(Stored()["spec"], json({{"replicas", 2}}));
  ASSERT_TRUE(client->Patch(kApi, R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"api"}})",
                            {.type = PatchType::kApply, .field_manager = "flyball-operator", .force = true}));
  EXPECT_EQ(LastRequest().Header("content-type"), "application/apply-patch+yaml");
  EXPECT_EQ(LastRequest().Query("fieldManager"), "flyball-operator");
  EXPECT_EQ(LastRequest().Query("force"), "true");
}

TEST_F(KubeClient, ApplyCreatesWhatIsNotThere) {
  ASSERT_TRUE(client->Patch(kApi, R"({"spec":{"replicas":1}})", {.type = PatchType::kApply}));
  EXPECT_EQ(Stored()["spec"]["replicas"], 1);
}

TEST_F(KubeClient, ReadsAndWritesTheScale) {
  server.Put(kApi, {{"spec", {{"replicas", 2}}}, {"status", {{"replicas", 1}}}});
  const auto scale = client->GetScale(kApi);
  ASSERT_TRUE(scale) << scale.error().message;
  EXPECT_EQ(scale->replicas, 2);
  EXPECT_EQ(scale->status_replicas, 1);
  EXPECT_EQ(scale->selector, "app=x");
  const auto written = client->SetScale(kApi, 5, scale->resource_version);
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(written->replicas, 5);
  EXPECT_EQ(Stored()["spec"]["replicas"], 5);
  EXPECT_EQ(FailureOf(client->SetScale(kApi, 9, scale->resource_version)), "conflict") << "someone wrote meanwhile: we";
  EXPECT_EQ(Stored()["spec"]["replicas"], 5);
}

TEST_F(KubeClient, ListsAllPages) {
  for (int i = 0; i < 10; ++i) server.Put(kDeployments.Named("d" + std::to_string(i)), {});
  server.Put(kDeployments.In("other").Named("x"), {});
  const auto list = client->List(kDeployments, {.label_selector = "app in (a, b)", .page_size = 3});
  ASSERT_TRUE(list) << list.error().message;
  ASSERT_EQ(list->items.size(), 10u);
  EXPECT_EQ(list->items[9]->Key(), "shop/d9");
  EXPECT_EQ(list->resource_version, std::to_string(server.version()));
  EXPECT_EQ(server.requests().size(), 4u);
  EXPECT_EQ(LastRequest().Query("labelSelector"), "app in (a, b)");
}

TEST_F(KubeClient, AListWhosePagesExpireIsBegunAnew) {
  for (int i = 0; i < 10; ++i) server.Put(kDeployments.Named("d" + std::to_string(i)), {});
  server.OnRequest([&](const FakeRequest& request) -> std::optional<FakeAnswer> {
    if (request.Query("continue").empty()) return std::nullopt;
    return FakeAnswer{.status = 410, .body = StatusObject(410, "Expired", "too old").dump()};
  });
  const auto list = client->List(kDeployments, {.page_size = 3});
  ASSERT_TRUE(list) << list.error().message;
  EXPECT_EQ(list->items.size(), 10u);
}

TEST_F(KubeClient, ForbiddenSaysWhatIsMissing) {
  AnswerNext(1, {.status = 403, .body = StatusObject(403, "Forbidden", "no").dump()});
  EXPECT_EQ(client->GetScale(kApi).error().message,
            "get deployments.apps shop/api/scale: no; the role needs {apiGroups: [\"apps\"], resources: "
            "[\"deployments/scale\"], verbs: [\"get\"]} in namespace shop");
}

TEST_F(KubeClient, WaitsAsLongAsA429Asks) {
  server.Put(kApi, {});
  AnswerNext(2, {.status = 429,
                 .body = StatusObject(429, "TooManyRequests", "slow down").dump(),
                 .headers = "Retry-After: 1\r\n"});
  const SteadyTime begin = RealClock().Now();
  EXPECT_TRUE(client->Get(kApi));
  EXPECT_GE(RealClock().Now() - begin, 2s);
  EXPECT_EQ(server.requests().size(), 3u);
}

TEST_F(KubeClient, DoesNotWaitBeyondTheCallsTime) {
  AnswerNext(9, {.status = 429,
                 .body = StatusObject(429, "TooManyRequests", "slow down").dump(),
                 .headers = "Retry-After: 3600\r\n"});
  const auto answer = client->Get(kApi, {.timeout = 20s});
  EXPECT_EQ(FailureOf(answer), "too-many-requests");
  EXPECT_EQ(answer.error().retry_after, 60s) << "more is not passed on";
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST_F(KubeClient, AServerErrorIsOnlyRepeatedWhenTheServerAsksForIt) {
  server.Put(kApi, {});
  AnswerNext(1, {.status = 500, .body = StatusObject(500, "InternalError", "etcd").dump()});
  EXPECT_EQ(FailureOf(client->Get(kApi)), "server-error");
  AnswerNext(1, {.status = 503, .body = "starting", .headers = "Retry-After: 1\r\n"});
  EXPECT_TRUE(client->Get(kApi));
}

TEST_F(KubeClient, ACallEndsAtItsDeadline) {
  AnswerNext(1, {.never = true});
  const auto answer = client->Get(kApi, {.timeout = 50ms});
  EXPECT_EQ(FailureOf(answer), "timeout");
  EXPECT_TRUE(answer.error().message.starts_with("get deployments.apps shop/api: http://127.0.0.1:"));
  server.Put(kApi, {});
  EXPECT_TRUE(client->Get(kApi)) << "on another connection";
}

TEST_F(KubeClient, ACallEndsWhenAskedToStop) {
  AnswerNext(1, {.never = true});
  std::stop_source stop;
  std::jthread stopper([&] {
    Eventually([&] { return !server.requests().empty(); });
    stop.request_stop();
  });
  EXPECT_EQ(FailureOf(client->Get(kApi, {.timeout = std::chrono::hours(1), .stop = stop.get_token()})), "stopped");
}

TEST_F(KubeClient, AnAnswerCutShortIsNone) {
  server.Put(kApi, {});
  AnswerNext(1, {.body = R"({"kind":"Deployment","spec":{}})", .cut = true});
  EXPECT_EQ(FailureOf(client->Get(kApi)), "unavailable");
}

TEST_F(KubeClient, AServerThatIsNotThereIsSaid) {
  auto nowhere = *Client::Open({.server = "http://127.0.0.1:1"});
  const auto answer = nowhere->Get(kApi);
  EXPECT_EQ(FailureOf(answer), "unavailable");
  EXPECT_NE(answer.error().message.find("127.0.0.1"), std::string::npos) << answer.error().message;
}

TEST_F(KubeClient, AnAnswerThatIsTooLargeIsRefused) {
  auto small = *Client::Open(server.ClientConfig(), {.max_body_bytes = 1000});
  AnswerNext(1, {.body = std::string(2000, ' ')});
  EXPECT_EQ(FailureOf(small->Get(kApi)), "corrupt");
}

TEST_F(KubeClient, AListThatIsNoListIsRefused) {
  for (const char* body : {"", "{}x", "[]", R"({"items":5})", R"({"items":[{}]})", R"({"items":[5]})"}) {
    AnswerNext(1, {.body = body});
    const auto list = client->List(kDeployments);
    EXPECT_TRUE(FailureOf(list) == "corrupt" || (list && list->items.empty())) << body;
  }
}

TEST_F(KubeClient, ATokenThatIsNoLongerBelievedIsReadAnew) {
  TempFolder folder;
  Config config = server.ClientConfig();
  config.token_file = folder.Write("token", "old");
  auto rotating = *Client::Open(config);
  server.Put(kApi, {});
  server.OnRequest([](const FakeRequest& request) -> std::optional<FakeAnswer> {
    if (request.Header("authorization") == "Bearer new") return std::nullopt;
    return FakeAnswer{.status = 401, .body = StatusObject(401, "Unauthorized", "Unauthorized").dump()};
  });
  EXPECT_EQ(FailureOf(rotating->Get(kApi)), "unauthorized");
  folder.Write("token", "new");
  EXPECT_TRUE(rotating->Get(kApi));
}

TEST_F(KubeClient, CallsShareAConnection) {
  server.Put(kApi, {});
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(client->Get(kApi));
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(KubeClient, ManyThreadsMayCall) {
  server.Put(kApi, {});
  std::atomic<int> good{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 25; ++i) good += client->Get(kApi) ? 1 : 0;
      });
    }
  }
  EXPECT_EQ(good, 200);
  EXPECT_LE(server.connections(), 8);
}

TEST_F(KubeClient, FindsTheResourceOfAKind) {
  int asked = 0;
  server.OnRequest([&](const FakeRequest& request) -> std::optional<FakeAnswer> {
    if (request.path == "/apis/apps/v1") {
      ++asked;
      return FakeAnswer{.body = R"({"kind":"APIResourceList","resources":[
        {"name":"deployments","kind":"Deployment","namespaced":true},
        {"name":"deployments/scale","kind":"Scale","namespaced":true},
        {"name":"deployments/status","kind":"Deployment","namespaced":true}]})"};
    }
    if (request.path == "/api/v1")
      return FakeAnswer{.body = R"({"resources":[{"name":"nodes","kind":"Node","namespaced":false}]})"};
    return FakeAnswer{.status = 404, .body = "404 page not found"};
  });
  const auto deployment = client->Resolve("apps/v1", "Deployment");
  ASSERT_TRUE(deployment) << deployment.error().message;
  EXPECT_EQ(deployment->collection, kDeployments.In(""));
  EXPECT_TRUE(deployment->namespaced && deployment->has_scale && deployment->has_status);
  EXPECT_TRUE(client->Resolve("apps/v1", "Deployment"));
  EXPECT_EQ(asked, 1) << "remembered";
  EXPECT_FALSE(client->Resolve("v1", "Node")->namespaced);
  EXPECT_EQ(FailureOf(client->Resolve("apps/v1", "Deploymint")), "not-found");
  EXPECT_EQ(FailureOf(client->Resolve("none.io/v1", "App")), "not-found");
  EXPECT_EQ(FailureOf(client->Resolve("../v1", "App")), "invalid");
}

TEST_F(KubeClient, WhatCannotBeUsedIsRefusedBeforeTheFirstCall) {
  EXPECT_EQ(Client::Open({.server = "ftp://h"}).error().message, "server \"ftp://h\": expected https://HOST[:PORT]");
  EXPECT_EQ(Client::Open({.server = "https://h", .ca = {.file = "/no/such"}, .source = "test"}).error().message,
            "test: /no/such: no such file");
}

TEST_F(KubeClient, AWatchLineLongerThanIsAcceptedEndsIt) {
  server.Put(kApi, {{"spec", std::string(5000, 'x')}});
  const auto end = client->Watch(kDeployments, {.resource_version = "1000", .max_line_bytes = 1000}, {},
                                 [](std::string_view) { return true; });
  EXPECT_EQ(FailureOf(end), "corrupt");
}

}  // namespace
}  // namespace flyball::kube
