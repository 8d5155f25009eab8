#include "pkg/resource/accounts.h"

#include <gtest/gtest.h>

#include "pkg/identity/token.h"
#include "pkg/resource/testing/tasks_world.h"

namespace flyball::resource {
namespace {

using testing::Member;
using testing::Summary;
using testing::TasksWorld;

constexpr char kAda[] = R"({"email":"Ada@Example.org","name":"Ada","password":"correct horse"})";

class AccountsTest : public ::testing::Test {
 protected:
  Result<identity::Principal> Verify(const std::string& body) {
    const Accounts& accounts = world_.accounts();
    return identity::VerifyToken(Member(body, "accessToken"), accounts.keys(), accounts.token_options(), world_.now());
  }
  TasksWorld world_;
};

TEST_F(AccountsTest, RegisterSignsIn) {
  const Answer answer = world_.Register(kAda);
  ASSERT_EQ(Summary(answer), "201") << answer.detail;
  EXPECT_EQ(Member(answer.body, "email"), "ada@example.org");
  EXPECT_EQ(Member(answer.body, "role"), "user");
  EXPECT_EQ(Member(answer.body, "tokenType"), "Bearer");
  EXPECT_EQ(Member(answer.body, "expiresIn"), "900");
  EXPECT_EQ(answer.location, "/api/v1/users/" + Member(answer.body, "id"));
  EXPECT_EQ(answer.body.find("$2b$"), std::string::npos);
  EXPECT_EQ(answer.body.find("correct horse"), std::string::npos);
  const auto principal = Verify(answer.body);
  ASSERT_TRUE(principal) << principal.error().message;
  EXPECT_EQ(principal->id, Member(answer.body, "id"));
  EXPECT_EQ(principal->role, "user");
}

TEST_F(AccountsTest, LoginWithAnyCaseOfTheAddress) {
  ASSERT_EQ(world_.Register(kAda).status, 201);
  for (const char* email : {"ada@example.org", "ADA@EXAMPLE.ORG"}) {
    const Answer answer = world_.Login(R"({"email":")" + std::string(email) + R"(","password":"correct horse"})");
    EXPECT_EQ(Summary(answer), "200");
    EXPECT_TRUE(Verify(answer.body));
  }
}

TEST_F(AccountsTest, UnknownAccountAndWrongPasswordLookTheSame) {
  ASSERT_EQ(world_.Register(kAda).status, 201);
  const Answer unknown = world_.Login(R"({"email":"eve@example.org","password":"correct horse"})");
  const std::string bodies[] = {
      R"({"email":"ada@example.org","password":"wrong horse"})",
      R"({"email":"ada@example.org","password":""})",
      R"({"email":"","password":"correct horse"})",
      R"({"email":"ada@example.org","password":")" + std::string(73, 'x') + "\"}",
      R"({"email":"ada@example.org","password":"correct horse\u0000x"})",
      R"({"email":"ada@example.org\u0000","password":"correct horse"})",
      R"({"email":"' OR 1=1 --","password":"correct horse"})",
  };
  EXPECT_EQ(Summary(unknown), "401");
  for (const std::string& body : bodies) {
    const Answer wrong = world_.Login(body);
    EXPECT_EQ(Summary(wrong), "401") << body;
    EXPECT_EQ(wrong.detail, unknown.detail);
  }
}

TEST_F(AccountsTest, AddressIsTakenInAnyCase) {
  ASSERT_EQ(world_.Register(kAda).status, 201);
  EXPECT_EQ(Summary(world_.Register(R"({"email":"ADA@example.ORG","name":"x","password":"correct horse"})")),
            "409 /email:not-unique");
}

TEST_F(AccountsTest, BadRegistrations) {
  struct Case {
    const char* name;
    std::string body;
    const char* expected;
  };
  const std::string rest = R"("email":"a@example.org","name":"x")";
  const Case cases[] = {
      {"nothing", "{}", "422 /email:required /name:required /password:required"},
      {"malformed", "{", "400"},
      {"short password", "{" + rest + R"(,"password":"short"})", "422 /password:password"},
      {"73 bytes", "{" + rest + R"(,"password":")" + std::string(73, 'x') + "\"}", "422 /password:password"},
      {"NUL", "{" + rest + R"(,"password":"0123456789\u0000"})", "422 /password:password"},
      {"password a number", "{" + rest + R"(,"password":1234567890})", "422 /password:type"},
      {"no address", R"({"email":"ada","name":"x","password":"correct horse"})", "422 /email:format"},
      {"address with spaces", R"({"email":"a b@example.org","name":"x","password":"correct horse"})",
       "422 /email:format"},
      {"role", "{" + rest + R"(,"password":"correct horse","role":"admin"})", "403 /role:read-only"},
      {"hash", "{" + rest + R"(,"password":"correct horse","passwordHash":"x"})", "422 /passwordHash:unknown"},
      {"id", "{" + rest + R"(,"password":"correct horse","id":"x"})", "403 /id:read-only"},
  };
  for (const Case& c : cases) EXPECT_EQ(Summary(world_.Register(c.body)), c.expected) << c.name;
}

TEST_F(AccountsTest, BadLogins) {
  EXPECT_EQ(Summary(world_.Login("")), "400");
  EXPECT_EQ(Summary(world_.Login("{}")), "422 /email:required /password:required");
  EXPECT_EQ(Summary(world_.Login(R"({"email":1,"password":["x"],"role":"admin"})")),
            "422 /role:unknown /email:type /password:type");
}

TEST_F(AccountsTest, Me) {
  const std::string id = world_.NewUser("ada");
  world_.As(id, "user");
  const Answer me = world_.Me();
  EXPECT_EQ(me.status, 200);
  EXPECT_EQ(Member(me.body, "email"), "ada@example.org");
  EXPECT_EQ(Member(me.body, "role"), "user");
  world_.As("gone", "user");
  EXPECT_EQ(world_.Me().status, 401);
  world_.AsAnonymous();
  EXPECT_EQ(world_.Me().status, 401);
}

TEST_F(AccountsTest, RoleAndPasswordCannotBePatched) {
  const std::string id = world_.NewUser("ada");
  world_.As(id, "user");
  EXPECT_EQ(Summary(world_.Patch("users", id, R"({"role":"admin"})")), "403 /role:read-only");
  EXPECT_EQ(Summary(world_.Patch("users", id, R"({"passwordHash":"x"})")), "422 /passwordHash:unknown");
  EXPECT_EQ(Summary(world_.Patch("users", id, R"({"password":"x"})")), "422 /password:unknown");
  EXPECT_EQ(Summary(world_.Patch("users", id, R"({"name":"Ada L","email":"ADA@L.example"})")), "200");
  EXPECT_EQ(Member(world_.Me().body, "email"), "ada@l.example");
  EXPECT_EQ(Member(world_.Me().body, "role"), "user");
}

TEST_F(AccountsTest, CreateUserGivesARole) {
  const Answer made = world_.CreateUser(kAda, "admin");
  ASSERT_EQ(Summary(made), "201") << made.detail;
  EXPECT_EQ(Member(made.body, "role"), "admin");
  EXPECT_EQ(Member(made.body, "accessToken"), "(absent)");
  const Answer login = world_.Login(R"({"email":"ada@example.org","password":"correct horse"})");
  EXPECT_EQ(Verify(login.body)->role, "admin");
  const Answer unknown = world_.CreateUser(kAda, "root");
  EXPECT_EQ(unknown.status, 422);
  EXPECT_NE(unknown.detail.find("expected one of 'user', 'admin'"), std::string::npos) << unknown.detail;
  EXPECT_EQ(Summary(world_.CreateUser(kAda, "user")), "409 /email:not-unique");
}

TEST_F(AccountsTest, OnlyAResourceWithAUniqueAddressHoldsAccounts) {
  const auto refused = Accounts::Make(world_.resource("tasks"), identity::KeySet{identity::SigningKey::Generate()});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("cannot hold accounts"), std::string::npos);
}

}  // namespace
}  // namespace flyball::resource
