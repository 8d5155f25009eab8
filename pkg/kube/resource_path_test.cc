#include "pkg/kube/resource_path.h"

#include <gtest/gtest.h>

namespace flyball::kube {
namespace {

const ResourcePath kDeployments{.group = "apps", .version = "v1", .plural = "deployments"};

TEST(ResourcePath, IsThePathThatTheServerServes) {
  EXPECT_EQ(kDeployments.ToString(), "/apis/apps/v1/deployments");
  EXPECT_EQ(kDeployments.In("shop").ToString(), "/apis/apps/v1/namespaces/shop/deployments");
  EXPECT_EQ(kDeployments.In("shop").Named("api").Sub("scale").ToString(),
            "/apis/apps/v1/namespaces/shop/deployments/api/scale");
  EXPECT_EQ((ResourcePath{.plural = "pods", .name_space = "shop"}.ToString()), "/api/v1/namespaces/shop/pods");
  EXPECT_EQ((ResourcePath{.plural = "nodes", .name = "n1"}.ToString()), "/api/v1/nodes/n1");
}

TEST(ResourcePath, NoPartLeavesItsPlace) {
  EXPECT_EQ(kDeployments.Named("a?b=c d").ToString(), "/apis/apps/v1/deployments/a%3Fb%3Dc%20d");
  EXPECT_EQ((ResourcePath{.plural = "clusterroles", .name = "system:node"}.ToString()),
            "/api/v1/clusterroles/system:node");
}

TEST(ResourcePath, SaysItselfToPeople) {
  EXPECT_EQ(kDeployments.In("shop").Named("api").Sub("scale").ForPeople(), "deployments.apps shop/api/scale");
  EXPECT_EQ(kDeployments.In("shop").ForPeople(), "deployments.apps shop/*");
  EXPECT_EQ(kDeployments.ForPeople(), "deployments.apps");
}

TEST(ResourcePath, WhatNoServerHasIsRefused) {
  EXPECT_TRUE(CheckPath(kDeployments));
  EXPECT_FALSE(CheckPath(ResourcePath{}));
  EXPECT_FALSE(CheckPath(kDeployments.In("..")));
  EXPECT_FALSE(CheckPath(kDeployments.Named("../secrets")));
  EXPECT_FALSE(CheckPath(kDeployments.Named("%2e%2e")));
  EXPECT_FALSE(CheckPath(kDeployments.Sub("scale"))) << "of which object?";
}

}  // namespace
}  // namespace flyball::kube
