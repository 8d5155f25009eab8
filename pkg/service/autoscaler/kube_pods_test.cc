#include "pkg/service/autoscaler/kube_pods.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace flyball::service::autoscaler {
namespace {

using Json = nlohmann::json;
using std::chrono::minutes;

Json OwnedBy(const std::string& kind, const std::string& uid) {
  return Json::array({{{"apiVersion", "apps/v1"}, {"kind", kind}, {"name", "x"}, {"uid", uid}, {"controller", true}}});
}

// A namespace with a Deployment "web" (uid "d") and its ReplicaSet (uid "rs").
class Cluster {
 public:
  Cluster() { Put(objects.replica_sets, "ReplicaSet", "web-1", "rs", OwnedBy("Deployment", "d"), Json::object()); }

  Json& Pod(const std::string& name, const std::string& owner_kind = "ReplicaSet", const std::string& owner = "rs") {
    pods_.push_back(
        {{"apiVersion", "v1"},
         {"kind", "Pod"},
         {"metadata", {{"name", name}, {"namespace", "shop"}, {"uid", "uid-" + name}, {"labels", {{"app", "web"}}}}},
         {"spec",
          {{"containers", Json::array({{{"name", "c"},
                                        {"ports", Json::array({{{"name", "http"}, {"containerPort", 8080}},
                                                               {{"name", "admin"}, {"containerPort", 9090}}})},
                                        {"resources", {{"requests", {{"cpu", "250m"}}}}}}})}}},
         {"status",
          {{"phase", "Running"},
           {"podIP", "10.0.0." + std::to_string(pods_.size() + 1)},
           {"conditions", Json::array({{{"type", "Ready"}, {"status", "True"}}})}}}});
    if (!owner.empty()) pods_.back()["metadata"]["ownerReferences"] = OwnedBy(owner_kind, owner);
    return pods_.back();
  }

  TargetView View(KubePods& reader, const Workload& workload = {"apps/v1", "Deployment", "shop", "web", "d"}) {
    objects.pods.clear();
    for (Json& pod : pods_) {
      pod["metadata"]["resourceVersion"] = std::to_string(++version_);
      objects.pods.push_back(kube::ReadObject(pod.dump()).value());
    }
    return reader.View(workload, objects, now);
  }

  void Put(std::vector<kube::ObjectPtr>& all, const std::string& kind, const std::string& name, const std::string& uid,
           const Json& owners, const Json& more) {
    Json object = {{"kind", kind},
                   {"metadata",
                    {{"name", name},
                     {"namespace", "shop"},
                     {"uid", uid},
                     {"resourceVersion", std::to_string(++version_)},
                     {"ownerReferences", owners}}}};
    object.update(more);
    all.push_back(kube::ReadObject(object.dump()).value());
  }

  ClusterObjects objects;
  SteadyTime now{std::chrono::hours(1)};

 private:
  std::vector<Json> pods_;
  int version_ = 0;
};

KubePods Flyball() { return KubePods({}, true, seconds(10)); }

TEST(KubePods, ArePickedByTheirOwnersAndNotByLabel) {
  Cluster cluster;
  cluster.Pod("of-the-set");
  cluster.Pod("of-the-deployment-itself", "Deployment", "d");
  cluster.Pod("of-another-set", "ReplicaSet", "another");
  cluster.Pod("of-nobody", "", "");
  KubePods reader = Flyball();
  const TargetView view = cluster.View(reader);
  ASSERT_EQ(view.pods.size(), 2u);
  EXPECT_EQ(view.pods[0].name, "of-the-set");
  EXPECT_EQ(view.pods[1].name, "of-the-deployment-itself");
  EXPECT_EQ(view.cpu_request_cores, 0.25);
  EXPECT_EQ(cluster.View(reader, {"apps/v1", "StatefulSet", "shop", "web", "s"}).pods.size(), 0u);
}

TEST(KubePods, HaveTheMemoryLimitOfTheirFirstContainer) {
  const std::pair<Json, double> limits[] = {{"256Mi", 0x1p28}, {128974848, 128974848}, {"", 0}, {"much", 0}};
  for (const auto& [text, bytes] : limits) {
    Cluster cluster;
    Json& pod = cluster.Pod("one");
    pod["spec"]["containers"] = {{{"resources", {{"limits", {{"memory", text}}}}}},
                                 {{"resources", {{"limits", {{"memory", "8Gi"}}}}}}};
    KubePods reader = Flyball();
    EXPECT_EQ(cluster.View(reader).memory_limit_bytes, bytes) << text;
  }
  Cluster cluster;
  cluster.Pod("without");
  KubePods reader = Flyball();
  EXPECT_EQ(cluster.View(reader).memory_limit_bytes, 0);
}

TEST(KubePods, SayWhetherTheyServe) {
  Cluster cluster;
  cluster.Pod("ready");
  cluster.Pod("starting")["status"]["conditions"][0]["status"] = "False";
  cluster.Pod("going")["metadata"]["deletionTimestamp"] = "2026-11-27T12:00:00Z";
  cluster.Pod("crashed")["status"]["phase"] = "Failed";
  cluster.Pod("evicted")["status"]["phase"] = "Succeeded";
  Json& fresh = cluster.Pod("fresh");
  fresh["status"] = {{"phase", "Pending"}};
  KubePods reader = Flyball();
  const TargetView view = cluster.View(reader);
  ASSERT_EQ(view.pods.size(), 4u);
  EXPECT_TRUE(view.pods[0].ready && !view.pods[0].terminating);
  EXPECT_FALSE(view.pods[1].ready);
  EXPECT_TRUE(view.pods[2].terminating);
  EXPECT_EQ(view.pods[3].name, "fresh");
  EXPECT_EQ(view.pods[3].metrics_url, "");
}

TEST(KubePods, TellWhereTheirMetricsAre) {
  struct Case {
    const char* name;
    spec::MetricsSource metrics;
    bool flyball;
    Json ports;
    const char* url;
  };
  const Json two =
      Json::array({{{"name", "http"}, {"containerPort", 80}}, {{"name", "metrics"}, {"containerPort", 81}}});
  const Json one = Json::array({{{"containerPort", 8000}}});
  spec::MetricsSource at_82;
  at_82.port = 82;
  at_82.path = "/stats";
  const Json none = Json::array({{{"name", "http"}, {"containerPort", 80}}, {{"name", "grpc"}, {"containerPort", 81}}});
  for (const Case& test : {Case{"a port that is named", {}, false, two, "http://10.0.0.1:81/metrics"},
                           Case{"the document's port", at_82, false, two, "http://10.0.0.1:82/stats"},
                           Case{"the only port", {}, false, one, "http://10.0.0.1:8000/metrics"},
                           Case{"none of two", {}, false, none, ""}, Case{"none of Flyball's", {}, true, two, ""}}) {
    Cluster cluster;
    cluster.Pod("p")["spec"]["containers"][0]["ports"] = test.ports;
    KubePods reader(test.metrics, test.flyball, seconds(10));
    EXPECT_EQ(cluster.View(reader).pods.at(0).metrics_url, test.url) << test.name;
  }
  Cluster cluster;
  Json& pod = cluster.Pod("p");
  pod["status"]["podIP"] = "fd00::7";
  pod["metadata"]["annotations"] = {{"prometheus.io/port", "9100"}};
  pod["spec"]["containers"][0]["ports"] = none;
  KubePods reader({}, false, seconds(10));
  EXPECT_EQ(cluster.View(reader).pods.at(0).metrics_url, "http://[fd00::7]:9100/metrics");
}

TEST(KubePods, AChangedPodIsReadAnew) {
  Cluster cluster;
  Json& pod = cluster.Pod("p");
  pod["status"]["conditions"][0]["status"] = "False";
  KubePods reader = Flyball();
  EXPECT_FALSE(cluster.View(reader).pods.at(0).ready);
  pod["status"]["conditions"][0]["status"] = "True";
  EXPECT_TRUE(cluster.View(reader).pods.at(0).ready);
}

TEST(KubePods, UnschedulableForTwiceTheStartUpLimitsScaling) {
  Cluster cluster;
  Json& pod = cluster.Pod("p");
  pod["status"] = {{"phase", "Pending"},
                   {"conditions", Json::array({{{"type", "PodScheduled"},
                                                {"status", "False"},
                                                {"reason", "Unschedulable"},
                                                {"message", "0/3 nodes are available: 3 Insufficient cpu."}}})}};
  KubePods reader = Flyball();
  EXPECT_EQ(cluster.View(reader).scaling_limited, "");
  cluster.now += seconds(21);
  EXPECT_EQ(cluster.View(reader).scaling_limited, "0/3 nodes are available: 3 Insufficient cpu.");
  pod["status"]["conditions"][0]["status"] = "True";
  EXPECT_EQ(cluster.View(reader).scaling_limited, "");
}

TEST(KubePods, AnExhaustedQuotaLimitsScaling) {
  Cluster cluster;
  cluster.objects.replica_sets.clear();
  cluster.Put(
      cluster.objects.replica_sets, "ReplicaSet", "web-1", "rs", OwnedBy("Deployment", "d"),
      {{"status",
        {{"conditions",
          Json::array({{{"type", "ReplicaFailure"}, {"status", "True"}, {"message", "exceeded quota: pods=10"}}})}}}});
  KubePods reader = Flyball();
  EXPECT_EQ(cluster.View(reader).scaling_limited, "exceeded quota: pods=10");
}

TEST(OtherOwner, IsAnAutoscalerOfTheSameTarget) {
  Cluster cluster;
  const auto hpa = [&](const std::string& kind, const std::string& name, const Json& owners = Json::array()) {
    cluster.objects.autoscalers.clear();
    cluster.Put(cluster.objects.autoscalers, "HorizontalPodAutoscaler", "scaler", "h", owners,
                {{"spec", {{"scaleTargetRef", {{"apiVersion", "apps/v1"}, {"kind", kind}, {"name", name}}}}}});
    return cluster.objects.autoscalers;
  };
  const Workload web{"apps/v1", "Deployment", "shop", "web", "d"};
  EXPECT_EQ(OtherOwner(web, false, hpa("Deployment", "web")), "HorizontalPodAutoscaler/scaler");
  EXPECT_EQ(OtherOwner(web, false, hpa("Deployment", "other")), "");
  EXPECT_EQ(OtherOwner(web, false, hpa("StatefulSet", "web")), "");
  EXPECT_EQ(OtherOwner(web, false, hpa("App", "web")), "");
  EXPECT_EQ(OtherOwner(web, true, hpa("App", "web")), "HorizontalPodAutoscaler/scaler");
  const Json keda = Json::array({{{"kind", "ScaledObject"}, {"name", "web"}, {"uid", "k"}}});
  EXPECT_EQ(OtherOwner(web, false, hpa("Deployment", "web", keda)), "ScaledObject/web");
}

}  // namespace
}  // namespace flyball::service::autoscaler
