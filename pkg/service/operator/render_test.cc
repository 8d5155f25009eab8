#include "pkg/service/operator/render.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "pkg/service/operator/pod_contract.h"
#include "pkg/spec/reader.h"

namespace flyball::service::app_operator {
namespace {

using Json = nlohmann::json;

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// testdata/app.json and governor.json as the API server gives them, with changes.
class Objects {
 public:
  Objects() : app(Load("app.json")), governor(Load("governor.json")) {}

  // All objects, or the reason why there are none.
  Result<std::vector<Desired>> Render(const Defaults& defaults = Defaults{.image = "flyball:1"}) {
    if (const auto read = Read(); !read) return Fail(read.error());
    return app_operator::Render(World(), defaults);
  }
  Json Deployment(const Defaults& defaults = Defaults{.image = "flyball:1"}) {
    const auto all = Render(defaults);
    EXPECT_TRUE(all) << (all ? "" : all.error().message);
    return all ? Json::parse(all->at(1).json) : Json();
  }
  Json Container(const Defaults& defaults = Defaults{.image = "flyball:1"}) {
    return Deployment(defaults)["spec"]["template"]["spec"]["containers"][0];
  }
  std::string Sum() {
    EXPECT_TRUE(Read());
    return Checksum(World());
  }
  std::string Documents() {
    EXPECT_TRUE(Read());
    return PodDocument(World());
  }
  std::string Caveats(const Defaults& defaults) {
    EXPECT_TRUE(Read());
    return app_operator::Caveats(World(), defaults);
  }

  Json app, governor;
  bool governed = true;

 private:
  static Json Load(const char* name) { return Json::parse(ReadFile(std::string(FLYBALL_TESTDATA) + "/" + name)); }

  Result<void> Read() {
    app_resource_ = ReadResource(app.dump()).value();
    governor_resource_ = ReadResource(governor.dump()).value();
    auto read_app = ReadApp(app_resource_);
    if (!read_app) return Fail(read_app.error());
    app_ = std::move(*read_app);
    auto read_governor = ReadGovernor(governor_resource_);
    if (!read_governor) return Fail(read_governor.error());
    governor_ = std::move(*read_governor);
    return {};
  }
  AppWorld World() {
    return {app_resource_, app_, governed ? &governor_resource_ : nullptr, governed ? &governor_ : nullptr};
  }

  Resource app_resource_, governor_resource_;
  spec::App app_;
  spec::Governor governor_;
};

Json Env(const Json& container) {
  Json by_name;
  for (const Json& entry : container["env"])
    by_name[entry["name"].get<std::string>()] = entry.contains("value") ? entry["value"] : entry["valueFrom"];
  return by_name;
}

TEST(Render, AnAppBecomesTheseObjects) {
  const auto all = Objects().Render();
  ASSERT_TRUE(all) << all.error().message;
  Json objects = Json::array();
  for (const Desired& desired : *all) objects.push_back(Json::parse(desired.json));
  const std::string rendered = objects.dump(2) + "\n", golden = std::string(FLYBALL_TESTDATA) + "/objects.golden.json";
  if (std::getenv("FLYBALL_WRITE_GOLDEN") != nullptr) std::ofstream(golden) << rendered;
  EXPECT_EQ(rendered, ReadFile(golden)) << "FLYBALL_WRITE_GOLDEN=1 writes it anew";
}

TEST(Render, TheSameInputGivesTheSameBytes) {
  const auto one = Objects().Render(), two = Objects().Render();
  ASSERT_TRUE(one && two);
  for (size_t i = 0; i < one->size(); ++i) {
    EXPECT_EQ((*one)[i].json, (*two)[i].json);
    EXPECT_EQ((*one)[i].applied, (*two)[i].applied);
  }
}

TEST(Render, ReplicasAreNotTheOperatorsToApply) {
  Objects objects;
  EXPECT_FALSE(objects.Deployment()["spec"].contains("replicas"));
  objects.governed = false;
  objects.app["spec"]["deploy"]["replicas"] = 3;
  EXPECT_FALSE(objects.Deployment()["spec"].contains("replicas"));
}

// The Pod Security Standard "restricted".
TEST(Render, PodsAreRestricted) {
  const Json pod = Objects().Deployment()["spec"]["template"]["spec"];
  EXPECT_EQ(pod["securityContext"]["runAsNonRoot"], true);
  EXPECT_EQ(pod["securityContext"]["runAsUser"], 65532);
  EXPECT_EQ(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
  for (const Json& container : pod["containers"]) {
    EXPECT_EQ(container["securityContext"]["allowPrivilegeEscalation"], false);
    EXPECT_EQ(container["securityContext"]["readOnlyRootFilesystem"], true);
    EXPECT_EQ(container["securityContext"]["capabilities"]["drop"], Json::array({"ALL"}));
  }
}

TEST(Render, APodHasLongerToEndThanItsDrainTakes) {
  const Json pod = Objects().Deployment()["spec"]["template"]["spec"];
  EXPECT_GT(pod["terminationGracePeriodSeconds"].get<int>(), kDrainDelaySeconds + kDrainTimeoutSeconds);
}

TEST(Render, WhatTheDocumentSaysComesBeforeTheDefaults) {
  Objects objects;
  const Defaults defaults{.image = "flyball:default",
                          .image_pull_policy = "Never",
                          .database = spec::SecretRef{.name = "trial-db"},
                          .redis = spec::SecretRef{.name = "trial-redis", .key = "address"}};
  objects.app["spec"].erase("deploy");
  Json container = objects.Container(defaults);
  EXPECT_EQ(container["image"], "flyball:default");
  EXPECT_EQ(container["imagePullPolicy"], "Never");
  EXPECT_EQ(Env(container)["FLYBALL_DATABASE"]["secretKeyRef"], (Json{{"name", "trial-db"}, {"key", "url"}}));
  EXPECT_EQ(Env(container)["FLYBALL_REDIS"]["secretKeyRef"], (Json{{"name", "trial-redis"}, {"key", "address"}}));
  objects.app["spec"]["deploy"] = {{"image", "mine:2"},
                                   {"imagePullPolicy", "Always"},
                                   {"database", {{"secretRef", {{"name", "own-db"}}}}},
                                   {"redis", {{"secretRef", {{"name", "own-redis"}}}}}};
  container = objects.Container(defaults);
  EXPECT_EQ(container["image"], "mine:2");
  EXPECT_EQ(container["imagePullPolicy"], "Always");
  EXPECT_EQ(Env(container)["FLYBALL_DATABASE"]["secretKeyRef"]["name"], "own-db");
  EXPECT_EQ(Env(container)["FLYBALL_REDIS"]["secretKeyRef"]["name"], "own-redis");
}

// pkg/spec refuses in deploy.env exactly what stands here.
TEST(Render, TheDocumentCannotSetWhatTheOperatorSets) {
  Objects objects;
  objects.app["spec"]["deploy"].erase("env");
  const Json env = Env(objects.Container());
  for (const auto& [name, value] : env.items()) {
    EXPECT_NE(std::find(std::begin(spec::kOperatorEnv), std::end(spec::kOperatorEnv), name),
              std::end(spec::kOperatorEnv))
        << name;
    objects.app["spec"]["deploy"]["env"] = {{name, "x"}};
    EXPECT_FALSE(objects.Render()) << name;
  }
}

TEST(Render, WithoutRedisEachPodIsAlone) {
  Objects objects;
  objects.app["spec"]["deploy"].erase("redis");
  EXPECT_EQ(Env(objects.Container())["FLYBALL_REDIS"], "none");
  EXPECT_NE(objects.Caveats({}).find("name a Redis"), std::string::npos);
}

TEST(Render, NoImageIsAClearError) {
  Objects objects;
  objects.app["spec"]["deploy"].erase("image");
  const auto refused = objects.Render(Defaults{});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "no image: write spec.deploy.image, or start flyball-autoscaler with --image for all Apps");
}

TEST(Render, SqliteIsForOneReplica) {
  Objects objects;
  objects.app["spec"]["deploy"].erase("database");
  const auto refused = objects.Render();
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("up to 10 replicas cannot share an SQLite file"), std::string::npos);
  EXPECT_NE(refused.error().message.find("replicas.max be 1"), std::string::npos);
  objects.governor["spec"]["replicas"] = {{"min", 1}, {"max", 1}};
  EXPECT_FALSE(Env(objects.Container()).contains("FLYBALL_DATABASE"));
  EXPECT_FALSE(HasSharedDatabase(objects.Deployment().dump()));
  EXPECT_TRUE(HasSharedDatabase(Objects().Deployment().dump()));
  EXPECT_FALSE(HasSharedDatabase("{}"));
  EXPECT_NE(objects.Caveats({}).find("The data is in the pod and goes with it"), std::string::npos);
  objects.governed = false;
  objects.app["spec"]["deploy"]["replicas"] = 2;
  EXPECT_FALSE(objects.Render());
}

TEST(Checksum, ChangesWithWhatPodsReadAndWithNothingElse) {
  const std::string before = Objects().Sum();
  Objects objects;
  objects.governor["spec"]["replicas"]["max"] = 20;
  objects.governor["spec"]["paused"] = true;
  objects.app["spec"]["deploy"]["image"] = "other:3";
  objects.app["spec"]["deploy"]["replicas"] = 4;
  EXPECT_EQ(objects.Sum(), before);
  objects.governor["spec"]["capacity"]["workers"] = 4;
  EXPECT_NE(objects.Sum(), before);
  Objects others;
  others.app["spec"]["resources"]["tasks"]["fields"]["title"]["maxLength"] = 100;
  EXPECT_NE(others.Sum(), before);
  Objects proxied;
  proxied.app["spec"]["deploy"]["trustedProxies"] = {"10.0.0.0/8"};
  EXPECT_NE(proxied.Sum(), before);
}

// The pod reads what the operator wrote, by the same reader.
TEST(PodDocument, IsADocument) {
  const spec::Documents read = spec::Read({{"app.yaml", Objects().Documents()}});
  for (const spec::Problem& problem : read.problems) ADD_FAILURE() << spec::Format(problem);
  ASSERT_EQ(read.apps.size(), 1u);
  ASSERT_EQ(read.governors.size(), 1u);
  EXPECT_EQ(read.governors[0].workers, 8);
  EXPECT_EQ(read.apps[0].deploy.image, "");
}

TEST(ReadApp, AWrongDocumentIsToldWithItsPlaces) {
  Json app = Json::parse(ReadFile(std::string(FLYBALL_TESTDATA) + "/app.json"));
  app["spec"]["base"] = "api";
  app["spec"]["jobs"] = Json::object();
  const Resource resource = ReadResource(app.dump()).value();
  const auto read = ReadApp(resource);
  ASSERT_FALSE(read);
  EXPECT_EQ(
      read.error().message.substr(0, read.error().message.find('\n')),
      "App load:29:13: spec.base must be a path such as /api/v1, not the text 'api'; begin with '/', end without, "
      "use lower-case letters, digits, '-', '_' and '.'");
  EXPECT_NE(read.error().message.find("spec.jobs is not built yet"), std::string::npos) << read.error().message;
  EXPECT_FALSE(ReadResource("[]"));
  EXPECT_FALSE(ReadResource("no"));
}

TEST(GovernorsOf, TheOldestOfSeveralGoverns) {
  Json one = Json::parse(ReadFile(std::string(FLYBALL_TESTDATA) + "/governor.json")), two = one, other = one;
  one["metadata"]["name"] = "b";
  two["metadata"]["name"] = "a";
  two["metadata"]["creationTimestamp"] = "2026-11-27T11:00:00Z";
  other["spec"]["targetRef"] = {{"kind", "StatefulSet"}, {"name", "load"}};
  const std::vector<Resource> all = {ReadResource(two.dump()).value(), ReadResource(other.dump()).value(),
                                     ReadResource(one.dump()).value()};
  const auto found = GovernorsOf(all, "App", "load");
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0]->name, "b");
  EXPECT_EQ(found[1]->name, "a");
  EXPECT_EQ(TargetOf(all[1])->api_version, "apps/v1");
}

TEST(IsApplied, SeesWhatMovedAndOverlooksWhatTheServerAdds) {
  const auto all = Objects().Render();
  ASSERT_TRUE(all);
  const Desired& deployment = all->at(1);
  Json live = Json::parse(deployment.json);
  live["metadata"]["resourceVersion"] = "7";
  live["spec"]["replicas"] = 4;
  live["spec"]["template"]["spec"]["dnsPolicy"] = "ClusterFirst";
  live["spec"]["template"]["spec"]["containers"][0]["terminationMessagePath"] = "/dev/termination-log";
  live["status"]["readyReplicas"] = 4;
  EXPECT_TRUE(IsApplied(deployment, live.dump()));
  Json moved = live;
  moved["spec"]["template"]["spec"]["containers"][0]["image"] = "other:1";
  EXPECT_FALSE(IsApplied(deployment, moved.dump()));
  moved = live;
  moved["metadata"]["annotations"][std::string(kAppliedAnnotation)] = "older";
  EXPECT_FALSE(IsApplied(deployment, moved.dump()));
  moved = live;
  moved["spec"]["template"]["spec"]["containers"].push_back({{"name", "sidecar"}});
  EXPECT_FALSE(IsApplied(deployment, moved.dump()));
  EXPECT_FALSE(IsApplied(deployment, ""));
}

TEST(IsOwnedBy, OnlyTheControllerCounts) {
  const auto all = Objects().Render();
  ASSERT_TRUE(all);
  std::string other;
  EXPECT_TRUE(IsOwnedBy(all->at(0).json, "5e1f0000-0000-4000-8000-00000000a001", other));
  EXPECT_FALSE(IsOwnedBy(all->at(0).json, "another", other));
  EXPECT_EQ(other, "App load");
  EXPECT_FALSE(IsOwnedBy("{}", "another", other));
  EXPECT_EQ(other, "nobody");
}

TEST(KeySecret, HoldsTheKeyAndNoDigestOfIt) {
  Objects objects;
  const Resource app = ReadResource(objects.app.dump()).value();
  const Json secret = Json::parse(KeySecret(app, "00ff").json);
  EXPECT_EQ(secret["metadata"]["name"], "load-jwt");
  EXPECT_EQ(secret["stringData"]["key"], "00ff");
  EXPECT_EQ(secret["metadata"]["ownerReferences"][0]["uid"], app.uid);
  EXPECT_FALSE(secret["metadata"].contains("annotations"));
}

}  // namespace
}  // namespace flyball::service::app_operator
