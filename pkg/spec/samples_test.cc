#include <gtest/gtest.h>

#include "pkg/spec/reader.h"

namespace flyball::spec {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

Documents Sample(const std::string& name) {
  Documents documents = ReadFiles({std::string(FLYBALL_SOURCE_DIR) + "/manifests/samples/" + name});
  for (const Problem& problem : documents.problems) ADD_FAILURE() << Format(problem);
  return documents;
}

TEST(Samples, Tasks) {
  const Documents documents = Sample("tasks.yaml");
  ASSERT_EQ(documents.apps.size(), 1u);
  ASSERT_EQ(documents.governors.size(), 1u);
  const App& app = documents.apps[0];
  EXPECT_EQ(app.name, "tasks");
  EXPECT_EQ(app.base, "/api/v1");
  ASSERT_EQ(app.resources.size(), 2u);
  ASSERT_EQ(app.limits.size(), 3u);
  EXPECT_EQ(app.limits[0].quota, (std::map<std::string, int64_t>{{"anonymous", 100}, {"user", 100}, {"admin", 1000}}));
  EXPECT_EQ(app.limits[0].window, minutes(15));
  EXPECT_TRUE(app.limits[0].adaptive);
  EXPECT_EQ(app.limits[1].quota.at("anonymous"), 5);
  EXPECT_EQ(app.limits[1].apply, std::vector<std::string>{"auth.login"});
  EXPECT_EQ(app.limits[1].when_store_down, Limit::WhenStoreDown::kClosed);
  EXPECT_EQ(app.seed.size(), 6u);
  EXPECT_EQ(app.seed[0].resource, "users");
  EXPECT_EQ(documents.governors[0].replicas.max, 10);
  EXPECT_DOUBLE_EQ(documents.governors[0].cpu_target.value(), 0.7);
}

TEST(Samples, LoadIsTasksWithoutQuotas) {
  const Documents load = Sample("load.yaml"), tasks = Sample("tasks.yaml");
  ASSERT_EQ(load.apps.size(), 1u);
  const App &app = load.apps[0], &other = tasks.apps[0];
  EXPECT_EQ(app.name, "load");
  EXPECT_TRUE(app.limits.empty());
  ASSERT_EQ(app.resources.size(), other.resources.size());
  for (size_t i = 0; i < app.resources.size(); ++i) {
    const Resource &a = app.resources[i], &b = other.resources[i];
    EXPECT_EQ(a.name, b.name);
    EXPECT_EQ(a.access.list.text(), b.access.list.text());
    ASSERT_EQ(a.fields.size(), b.fields.size());
    for (size_t f = 0; f < a.fields.size(); ++f) EXPECT_EQ(a.fields[f].name, b.fields[f].name);
  }
  const Governor& governor = load.governors[0];
  EXPECT_EQ(governor.slo.latency, milliseconds(250));
  EXPECT_EQ(governor.slo.percentile, 99);
  EXPECT_EQ(governor.replicas.min, 2);
  EXPECT_EQ(governor.replicas.max, 10);
  EXPECT_EQ(governor.replicas.startup, seconds(2));
  EXPECT_EQ(governor.workers, 8);
}

}  // namespace
}  // namespace flyball::spec
