#include "pkg/service/load/principals.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <set>

#include "pkg/http/testing/raw_server.h"
#include "pkg/identity/signing_key.h"
#include "pkg/identity/token.h"
#include "pkg/resource/model.h"
#include "pkg/spec/reader.h"
#include "pkg/store/sqlite/sqlite_store.h"

namespace flyball::load {
namespace {

using http::testing::RawPeer;
using http::testing::RawServer;

constexpr const char* kShop = R"(apiVersion: flyball.io/v1alpha1
kind: App
metadata: {name: shop}
spec:
  auth:
    accounts: users
    roles: {buyer: {signup: true}, admin: {includes: [buyer]}}
  resources:
    users:
      fields:
        email: {type: string, format: email, unique: true}
        name: {type: string, maxLength: 40}
        level: {type: integer, minimum: 3}
        news: {type: boolean, default: true}
      required: [email, name, level]
)";

class PrincipalsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "principals_test." + std::to_string(getpid());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directory(folder_);
    const auto documents = spec::Read({{"shop.yaml", kShop}});
    for (const auto& problem : documents.problems) ADD_FAILURE() << spec::Format(problem);
    app_ = documents.apps.front();
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // What a fleet that ran once left in its folder.
  void RunOnce() {
    ASSERT_TRUE(identity::LoadOrCreateKey(Files().key));
    auto store = store::OpenSqlite({.path = Files().database});
    ASSERT_TRUE(store) << store.error().message;
    ASSERT_TRUE((*store)->Migrate(resource::Tables(app_)));
  }
  LocalFiles Files() const { return {folder_ + "/shop.db", folder_ + "/signing.key"}; }

  std::string folder_;
  spec::App app_;
};

TEST_F(PrincipalsTest, AreRowsWithTokensThatVerify) {
  RunOnce();
  const WallTime now = RealClock().WallNow();
  const auto tokens = MintPrincipals(app_, Files(), 5, std::chrono::hours(1), now);
  ASSERT_TRUE(tokens) << tokens.error().message;
  ASSERT_EQ(tokens->size(), 5u);

  const identity::KeySet keys{*identity::LoadKey(Files().key)};
  auto store = store::OpenSqlite({.path = Files().database});
  ASSERT_TRUE(store);
  auto reader = (*store)->OpenReader();
  ASSERT_TRUE(reader);
  const resource::Model users(app_, *app_.Find("users"));
  std::set<std::string> ids;
  for (const std::string& token : *tokens) {
    const auto principal =
        identity::VerifyToken(token, keys, {app_.auth.issuer, app_.name}, now + std::chrono::minutes(50));
    ASSERT_TRUE(principal) << principal.error().message;
    EXPECT_EQ(principal->role, "buyer");
    ids.insert(principal->id);
    const auto row = (*reader)->Get(users.table(), principal->id, {});
    ASSERT_TRUE(row && *row) << principal->id;
    EXPECT_GE(std::get<int64_t>((**row)[static_cast<size_t>(users.Find("level"))]), 3);
    EXPECT_TRUE(std::get<bool>((**row)[static_cast<size_t>(users.Find("news"))]));
  }
  EXPECT_EQ(ids.size(), 5u);
}

TEST_F(PrincipalsTest, AreFoundAgainTheNextTime) {
  RunOnce();
  const WallTime now = RealClock().WallNow();
  const auto ids = [&](int count) {
    const identity::KeySet keys{*identity::LoadKey(Files().key)};
    std::vector<std::string> found;
    const auto tokens = MintPrincipals(app_, Files(), count, std::chrono::hours(1), now);
    if (!tokens) ADD_FAILURE() << tokens.error().message;
    if (!tokens) return found;
    for (const auto& token : *tokens)
      found.push_back(identity::VerifyToken(token, keys, {app_.auth.issuer, app_.name}, now)->id);
    return found;
  };
  const auto first = ids(2), second = ids(3);
  ASSERT_EQ(second.size(), 3u);
  EXPECT_EQ(first, std::vector<std::string>(second.begin(), second.begin() + 2));
}

TEST_F(PrincipalsTest, NeedAFolderThatAFleetHasUsed) {
  const auto tokens = MintPrincipals(app_, Files(), 1, std::chrono::hours(1), RealClock().WallNow());
  ASSERT_FALSE(tokens);
  EXPECT_EQ(tokens.error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(Files().database)) << "asking must not create a database";
}

TEST_F(PrincipalsTest, NeedAnAppWithAccounts) {
  app_.auth.accounts.clear();
  const auto tokens = MintPrincipals(app_, Files(), 1, std::chrono::hours(1), RealClock().WallNow());
  ASSERT_FALSE(tokens);
  EXPECT_EQ(tokens.error().code, ErrorCode::kInvalid);
}

TEST_F(PrincipalsTest, RegisterThroughTheApi) {
  std::atomic<int> registered{0};
  RawServer server([&](RawPeer& peer) {
    while (auto request = peer.ReadRequest()) {
      if (request->starts_with("POST /api/auth/register ") && registered < 3) {
        peer.Answer(201, "{\"accessToken\":\"t" + std::to_string(registered.fetch_add(1)) + "\"}");
      } else {
        peer.Answer(422, R"({"title":"Unprocessable Content","detail":"name is required"})");
      }
    }
  });
  http::Client client;
  const Target target = *ParseTarget(server.Url("/api"));
  const auto tokens = RegisterPrincipals(target, client, 3);
  ASSERT_TRUE(tokens) << tokens.error().message;
  EXPECT_EQ(*tokens, (std::vector<std::string>{"t0", "t1", "t2"}));

  const auto refused = RegisterPrincipals(target, client, 1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kDenied);
  EXPECT_NE(refused.error().message.find("name is required"), std::string::npos) << refused.error().message;
}

TEST_F(PrincipalsTest, GivesANameWhereOneIsWanted) {
  RawServer server([&](RawPeer& peer) {
    while (auto request = peer.ReadRequest()) {
      if (request->find("\"name\"") != std::string::npos) {
        peer.Answer(201, R"({"accessToken":"t"})");
      } else {
        peer.Answer(422, R"({"errors":[{"pointer":"/name","message":"is required"}]})");
      }
    }
  });
  http::Client client;
  const auto tokens = RegisterPrincipals(*ParseTarget(server.Url("/api")), client, 1);
  ASSERT_TRUE(tokens) << tokens.error().message;
  EXPECT_EQ(*tokens, std::vector<std::string>{"t"});
}

}  // namespace
}  // namespace flyball::load
