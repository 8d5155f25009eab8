// pkg/kube against a real kube-apiserver with etcd: what the fake one only claims. Starts a control plane of its own,
// or uses the one in the folder FLYBALL_CONTROL_PLANE.
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "pkg/base/ids.h"
#include "pkg/kube/client.h"
#include "pkg/kube/event_recorder.h"
#include "pkg/kube/leader_elector.h"
#include "pkg/kube/testing/eventually.h"
#include "pkg/kube/watcher.h"

namespace flyball::kube {
namespace {

using nlohmann::json;
using testing::Eventually;
using namespace std::chrono_literals;

// The control plane of all tests here.
class ControlPlane : public ::testing::Environment {
 public:
  void SetUp() override {
    if (const char* given = getenv("FLYBALL_CONTROL_PLANE")) {
      folder = given;
      return;
    }
    std::string pattern = ::testing::TempDir() + "control_plane.XXXXXX";
    folder = mkdtemp(pattern.data());
    own_ = true;
    ASSERT_TRUE(Script("start")) << "see " << folder;
  }
  void TearDown() override {
    if (!own_) return;
    EXPECT_TRUE(Script("stop"));
    std::filesystem::remove_all(folder);
  }

  static bool Script(const std::string& what) {
    return system((FLYBALL_SOURCE_DIR "/tests/cluster/control_plane.sh " + what + " " + folder).c_str()) == 0;
  }
  static void SignalServer(int signal) {
    std::ifstream file(folder + "/kube-apiserver.pid");
    pid_t pid = 0;
    ASSERT_TRUE(file >> pid);
    ASSERT_EQ(kill(pid, signal), 0);
  }
  // Killed without warning, and started on the same port with the same data.
  static void Restart() {
    SignalServer(SIGKILL);
    std::ifstream file(folder + "/server");
    std::string url;
    ASSERT_TRUE(file >> url);
    setenv("CONTROL_PLANE_PORT", url.substr(url.rfind(':') + 1).c_str(), 1);
    ASSERT_TRUE(Script("stop"));
    ASSERT_TRUE(Script("start"));
  }
  static std::unique_ptr<Client> Connect(const std::string& kubeconfig = "kubeconfig") {
    auto config = ReadKubeconfig(folder + "/" + kubeconfig);
    EXPECT_TRUE(config) << config.error().message;
    return *Client::Open(*config, {.timeout = 60s});
  }

  static std::string folder;

 private:
  bool own_ = false;
};
std::string ControlPlane::folder;
const auto* const kControlPlane = ::testing::AddGlobalTestEnvironment(new ControlPlane);

template <typename T>
std::string FailureOf(const Answer<T>& answer) {
  return answer ? "none" : std::string(Name(answer.error().failure));
}

// Each test has a namespace of its own.
class RealServer : public ::testing::Test {
 protected:
  void SetUp() override {
    name_space = "kube-" + RandomHex(4);
    const auto made =
        client->Create({.version = "v1", .plural = "namespaces"}, json({{"metadata", {{"name", name_space}}}}).dump());
    ASSERT_TRUE(made) << made.error().message;
    // The admission of pods and tokens needs it; the controller manager makes it.
    ASSERT_TRUE(Eventually([&] { return client->Get(Path("serviceaccounts").Named("default")).has_value(); }));
  }
  void TearDown() override {
    EXPECT_TRUE(client->Delete({.version = "v1", .plural = "namespaces", .name = name_space}));
  }

  ResourcePath Path(const std::string& plural, const std::string& group = "", const std::string& version = "v1") const {
    return {.group = group, .version = version, .plural = plural, .name_space = name_space};
  }
  ResourcePath Maps() const { return Path("configmaps"); }
  static json Map(const std::string& name, const std::string& value = "1") {
    return {{"apiVersion", "v1"},
            {"kind", "ConfigMap"},
            {"metadata", {{"name", name}, {"labels", {{"test", "yes"}}}}},
            {"data", {{"key", value}}}};
  }
  json Read(const ResourcePath& path) {
    const auto answer = client->Get(path);
    EXPECT_TRUE(answer) << answer.error().message;
    return answer ? json::parse(*answer) : json();
  }
  void MakeDeployment(int replicas) {
    const json labels = {{"app", "api"}};
    const json object = {
        {"apiVersion", "apps/v1"},
        {"kind", "Deployment"},
        {"metadata", {{"name", "api"}}},
        {"spec",
         {{"replicas", replicas},
          {"selector", {{"matchLabels", labels}}},
          {"template",
           {{"metadata", {{"labels", labels}}}, {"spec", {{"containers", {{{"name", "a"}, {"image", "a"}}}}}}}}}}};
    const auto made = client->Create(Path("deployments", "apps"), object.dump());
    ASSERT_TRUE(made) << made.error().message;
  }

  std::unique_ptr<Client> client = ControlPlane::Connect();
  std::string name_space;
};

TEST_F(RealServer, BelievesCertificateAndToken) {
  EXPECT_TRUE(client->GetRaw("/version"));
  const auto by_token = ControlPlane::Connect("kubeconfig.token")->GetRaw("/version");
  ASSERT_TRUE(by_token) << by_token.error().message;
  EXPECT_EQ(json::parse(*by_token)["major"], "1");
  Config nobody = client->config();
  nobody.client_certificate = nobody.client_key = {};
  nobody.token = "made-up";
  EXPECT_EQ(FailureOf((*Client::Open(nobody))->Get(Maps())), "unauthorized");
}

TEST_F(RealServer, CreatesUpdatesAndDeletesUnderPreconditions) {
  ASSERT_TRUE(client->Create(Maps(), Map("a").dump()));
  EXPECT_EQ(FailureOf(client->Create(Maps(), Map("a").dump())), "already-exists");
  json object = Read(Maps().Named("a"));
  object["data"]["key"] = "2";
  const auto updated = client->Update(Maps().Named("a"), object.dump());
  ASSERT_TRUE(updated) << updated.error().message;
  object["data"]["key"] = "3";
  EXPECT_EQ(FailureOf(client->Update(Maps().Named("a"), object.dump())), "conflict");
  EXPECT_EQ(FailureOf(client->Delete(Maps().Named("a"), {.uid = "another"})), "conflict");
  EXPECT_EQ(FailureOf(client->Delete(Maps().Named("a"), {.resource_version = "1"})), "conflict");
  const std::string version = json::parse(*updated)["metadata"]["resourceVersion"];
  EXPECT_TRUE(client->Delete(Maps().Named("a"), {.resource_version = version}));
  EXPECT_EQ(FailureOf(client->Get(Maps().Named("a"))), "not-found");
  EXPECT_EQ(FailureOf(client->Get(Path("nothings"))), "not-found");
  EXPECT_EQ(FailureOf(client->Create(Maps(), R"({"metadata":{"name":"Not A Name"}})")), "invalid");
  EXPECT_EQ(FailureOf(client->Create(Maps(), "{")), "invalid");
}

TEST_F(RealServer, AppliesAndTellsWhoOwnsAField) {
  const PatchOptions mine{.type = PatchType::kApply, .field_manager = "one"};
  const auto applied = client->Patch(Maps().Named("a"), Map("a", "1").dump(), mine);
  ASSERT_TRUE(applied) << applied.error().message;
  const auto again = client->Patch(Maps().Named("a"), Map("a", "1").dump(), mine);
  EXPECT_EQ(json::parse(*again)["metadata"]["resourceVersion"], json::parse(*applied)["metadata"]["resourceVersion"])
      << "nothing changed, nothing was written";
  PatchOptions other{.type = PatchType::kApply, .field_manager = "two"};
  EXPECT_EQ(FailureOf(client->Patch(Maps().Named("a"), Map("a", "2").dump(), other)), "conflict");
  other.force = true;
  EXPECT_TRUE(client->Patch(Maps().Named("a"), Map("a", "2").dump(), other));
  EXPECT_TRUE(client->Patch(Maps().Named("a"), R"({"data":{"more":"x"}})", {}));
  EXPECT_TRUE(client->Patch(Maps().Named("a"), R"([{"op":"remove","path":"/data/more"}])", {.type = PatchType::kJson}));
  EXPECT_EQ(Read(Maps().Named("a"))["data"], json({{"key", "2"}}));
}

TEST_F(RealServer, ListsInPagesBySelector) {
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(client->Create(Maps(), Map("m" + std::to_string(i)).dump()));
  const auto list = client->List(Maps(), {.label_selector = "test=yes", .page_size = 3});
  ASSERT_TRUE(list) << list.error().message;
  EXPECT_EQ(list->items.size(), 10u);
  EXPECT_EQ(json::parse(list->items[0]->json)["kind"], "ConfigMap");
  EXPECT_FALSE(list->resource_version.empty());
  const auto one = client->List(Maps(), {.field_selector = "metadata.name=m3"});
  ASSERT_TRUE(one) << one.error().message;
  EXPECT_EQ(one->items.size(), 1u);
}

TEST_F(RealServer, ScalesUnderAPrecondition) {
  MakeDeployment(2);
  const ResourcePath api = Path("deployments", "apps").Named("api");
  auto scale = client->GetScale(api);
  ASSERT_TRUE(scale) << scale.error().message;
  EXPECT_EQ(scale->replicas, 2);
  EXPECT_EQ(scale->selector, "app=api");
  // The deployment controller writes too, so a version may be old by the time it is used.
  ASSERT_TRUE(Eventually([&] {
    scale = client->GetScale(api);
    return client->SetScale(api, 5, scale->resource_version).has_value();
  }));
  EXPECT_EQ(client->GetScale(api)->replicas, 5);
  EXPECT_EQ(FailureOf(client->SetScale(api, 9, scale->resource_version)), "conflict");
  EXPECT_TRUE(client->SetScale(api, 3, ""));
  EXPECT_EQ(FailureOf(client->SetScale(api, -1, "")), "invalid");
  const ResourcePath pods = Path("pods");
  EXPECT_TRUE(Eventually([&] {
    const auto list = client->List(pods, {.label_selector = "app=api"});
    return list && list->items.size() == 3;
  })) << "the controllers made the pods";
}

TEST_F(RealServer, SaysWhichRuleARoleIsMissing) {
  const auto token = client->Create(Path("serviceaccounts").Named("default").Sub("token"),
                                    R"({"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{}})");
  ASSERT_TRUE(token) << token.error().message;
  Config config = client->config();
  config.client_certificate = config.client_key = {};
  config.token = json::parse(*token)["status"]["token"];
  auto pod = *Client::Open(config);
  const auto answer = pod->GetScale(Path("deployments", "apps").Named("api"));
  EXPECT_EQ(FailureOf(answer), "forbidden");
  EXPECT_TRUE(
      answer.error().message.ends_with("; the role needs {apiGroups: [\"apps\"], resources: "
                                       "[\"deployments/scale\"], verbs: [\"get\"]} in namespace " +
                                       name_space))
      << answer.error().message;
}

TEST_F(RealServer, KnowsItsKinds) {
  const auto deployment = client->Resolve("apps/v1", "Deployment");
  ASSERT_TRUE(deployment) << deployment.error().message;
  EXPECT_EQ(deployment->collection.ToString(), "/apis/apps/v1/deployments");
  EXPECT_TRUE(deployment->has_scale && deployment->has_status && deployment->namespaced);
  const auto node = client->Resolve("v1", "Node");
  ASSERT_TRUE(node) << node.error().message;
  EXPECT_FALSE(node->namespaced || node->has_scale);
  EXPECT_EQ(FailureOf(client->Resolve("flyball.io/v9", "App")), "not-found");
}

class RealWatch : public RealServer {
 protected:
  void Start(WatcherOptions options) {
    options.collection = Maps();
    options.label_selector = "test=yes";
    watcher = std::make_unique<Watcher>(*client, options, nullptr);
    ASSERT_TRUE(watcher->WaitSynced(60s)) << watcher->trouble();
  }
  void Change(int turn) {
    const std::string name = "m" + std::to_string(turn % 7);
    if (turn % 3 == 2) {
      (void)client->Delete(Maps().Named(name));
    } else {
      ASSERT_TRUE(client->Patch(Maps().Named(name), Map(name, std::to_string(turn)).dump(),
                                {.type = PatchType::kApply, .force = true}));
    }
  }
  bool Converges() {
    return Eventually([&] {
      const auto list = client->List(Maps(), {.label_selector = "test=yes"}, {.timeout = 5s});
      if (!list) return false;
      std::map<std::string, std::string> expected, cached;
      for (const ObjectPtr& object : list->items) expected[object->name] = object->resource_version;
      for (const ObjectPtr& object : watcher->All()) cached[object->name] = object->resource_version;
      return cached == expected;
    });
  }
  std::unique_ptr<Watcher> watcher;
};

TEST_F(RealWatch, FollowsThroughShortWatches) {
  Start({.shortest_watch = 1s, .longest_watch = 1s});
  for (int turn = 0; turn < 60; ++turn) Change(turn);
  EXPECT_TRUE(Converges()) << watcher->trouble();
  EXPECT_TRUE(Eventually([&] { return watcher->counts().watches >= 3; }));
  EXPECT_EQ(watcher->counts().lists, 1u);
  EXPECT_EQ(watcher->counts().failures, 0u) << watcher->trouble();
}

TEST_F(RealWatch, GoesOnAfterAServerThatStoodStill) {
  Start({.idle = 2s, .first_backoff = 10ms, .longest_backoff = 200ms});
  Change(0);
  ASSERT_TRUE(Converges());
  ControlPlane::SignalServer(SIGSTOP);
  EXPECT_TRUE(Eventually([&] { return watcher->counts().silent >= 1; }));
  ControlPlane::SignalServer(SIGCONT);
  Change(1);
  Change(3);
  EXPECT_TRUE(Converges()) << watcher->trouble();
}

TEST_F(RealWatch, GoesOnWithAServerThatStartedAnew) {
  Start({.first_backoff = 10ms, .longest_backoff = 200ms});
  for (int turn = 0; turn < 5; ++turn) Change(turn);
  ControlPlane::Restart();
  ASSERT_TRUE(Eventually([&] { return client->GetRaw("/readyz").has_value(); }));
  for (int turn = 5; turn < 20; ++turn) Change(turn);
  EXPECT_TRUE(Converges()) << watcher->trouble();
  EXPECT_GE(watcher->counts().failures, 1u);
  // Its watch cache begins at the start: it does not know what was before.
  bool told = false;
  const auto end = client->Watch(Maps(), {.resource_version = "1"}, {}, [&](std::string_view line) {
    told = line.find("\"code\":410") != std::string_view::npos;
    return false;
  });
  EXPECT_TRUE(told || FailureOf(end) == "gone") << FailureOf(end);
}

TEST_F(RealServer, ElectsOneLeaderAndPassesTheLeaseOn) {
  const LeaderElectorOptions options{.name_space = name_space,
                                     .name = "autoscaler",
                                     .identity = "pod",
                                     .times = {.lease = 6s, .renew = 4s, .retry = 200ms}};
  auto a = std::make_unique<LeaderElector>(*client, options);
  ASSERT_TRUE(Eventually([&] { return a->leading(); })) << a->trouble();
  LeaderElector b(*client, options);
  ASSERT_TRUE(Eventually([&] { return b.holder() == a->identity(); })) << b.trouble();
  EXPECT_FALSE(b.leading());
  const json spec = Read(Path("leases", "coordination.k8s.io").Named("autoscaler"))["spec"];
  EXPECT_EQ(spec["holderIdentity"], a->identity());
  const uint64_t epoch = a->fence().epoch;
  a.reset();
  ASSERT_TRUE(Eventually([&] { return b.leading(); })) << b.trouble();
  EXPECT_GT(b.fence().epoch, epoch);
}

TEST_F(RealServer, KeepsEventsOfAnObject) {
  MakeDeployment(0);
  const json deployment = Read(Path("deployments", "apps").Named("api"));
  EventRecorder recorder(*client, {.component = "flyball-autoscaler", .instance = "pod-1"});
  for (int i = 0; i < 3; ++i) {
    recorder.Record({.about = {.api_version = "apps/v1",
                               .kind = "Deployment",
                               .name_space = name_space,
                               .name = "api",
                               .uid = deployment["metadata"]["uid"]},
                     .reason = "ScaledUp",
                     .message = "2 -> 3"});
  }
  ASSERT_TRUE(Eventually([&] { return recorder.counts().written == 3; })) << recorder.counts().failed << " failed";
  const auto events = client->List(Path("events"), {.field_selector = "involvedObject.name=api,reason=ScaledUp"});
  ASSERT_TRUE(events) << events.error().message;
  ASSERT_EQ(events->items.size(), 1u);
  EXPECT_EQ(json::parse(events->items[0]->json)["count"], 3);
}

}  // namespace
}  // namespace flyball::kube
