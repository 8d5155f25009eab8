#include "pkg/http/router.h"

#include <gtest/gtest.h>

namespace flyball::http {
namespace {

class RouterTest : public ::testing::Test {
 protected:
  void Add(Method method, std::string_view pattern, uint32_t endpoint) {
    const auto added = router.Add(method, pattern, endpoint);
    ASSERT_TRUE(added) << added.error().message;
  }
  // "7(a=1,b=2)" for endpoint 7, "404", or "405 <allow>".
  std::string Find(Method method, std::string_view path) {
    const Router::Match match = router.Find(method, path);
    if (match.kind == Router::Match::Kind::kNotFound) return "404";
    if (match.kind == Router::Match::Kind::kMethodNotAllowed) return "405 " + std::string(match.allow);
    std::string text = std::to_string(match.endpoint);
    for (size_t i = 0; i < match.param_count; ++i) {
      text += (i == 0 ? "(" : ",") + match.param_names[i] + "=" + std::string(match.param_values[i]);
    }
    return text + (match.param_count > 0 ? ")" : "");
  }
  std::string Get(std::string_view path) { return Find(Method::kGet, path); }

  Router router;
};

TEST_F(RouterTest, FindsLiteralsAndParameters) {
  Add(Method::kGet, "/", 1);
  Add(Method::kGet, "/tasks", 2);
  Add(Method::kGet, "/tasks/{id}", 3);
  Add(Method::kGet, "/tasks/{id}/notes/{note}", 4);
  Add(Method::kPost, "/tasks:batch", 5);
  EXPECT_EQ(Get("/"), "1");
  EXPECT_EQ(Get("/tasks"), "2");
  EXPECT_EQ(Get("/tasks/7"), "3(id=7)");
  EXPECT_EQ(Get("/tasks/7/notes/x y"), "4(id=7,note=x y)");
  EXPECT_EQ(Find(Method::kPost, "/tasks:batch"), "5");
  for (const char* path :
       {"", "tasks", "/task", "/tasks/", "/tasks/7/", "/tasks/7/notes", "/tasks//notes/1", "//", "*"}) {
    EXPECT_EQ(Get(path), "404") << path;
  }
}

TEST_F(RouterTest, ALiteralWinsAndTheMatchBacktracks) {
  Add(Method::kGet, "/tasks/new", 1);
  Add(Method::kGet, "/tasks/{id}/notes", 2);
  Add(Method::kGet, "/{any}/new/notes", 3);
  Add(Method::kGet, "/{rest...}", 4);
  EXPECT_EQ(Get("/tasks/new"), "1");
  EXPECT_EQ(Get("/tasks/new/notes"), "2(id=new)");
  EXPECT_EQ(Get("/users/new/notes"), "3(any=users)");
  EXPECT_EQ(Get("/tasks/new/other"), "4(rest=tasks/new/other)");
  EXPECT_EQ(Get("/a//b/"), "4(rest=a//b/)");
}

TEST_F(RouterTest, AMethodThatIsNotThereIs405WithAllow) {
  Add(Method::kGet, "/tasks", 1);
  Add(Method::kPost, "/tasks", 2);
  Add(Method::kDelete, "/tasks/{id}", 3);
  EXPECT_EQ(Find(Method::kPut, "/tasks"), "405 GET, HEAD, POST, OPTIONS");
  EXPECT_EQ(Find(Method::kHead, "/tasks"), "1");
  EXPECT_EQ(Find(Method::kOptions, "/tasks"), "405 GET, HEAD, POST, OPTIONS");
  EXPECT_EQ(Find(Method::kGet, "/tasks/1"), "405 DELETE, OPTIONS");
  EXPECT_EQ(Find(Method::kOther, "/tasks"), "405 GET, HEAD, POST, OPTIONS");
  EXPECT_EQ(Find(Method::kHead, "/tasks/1"), "405 DELETE, OPTIONS");
}

TEST_F(RouterTest, AnotherPathMayOfferTheMethod) {
  Add(Method::kGet, "/tasks/new", 1);
  Add(Method::kPut, "/tasks/{id}", 2);
  EXPECT_EQ(Find(Method::kPut, "/tasks/new"), "2(id=new)");
}

TEST_F(RouterTest, CarriesRouteOptions) {
  ASSERT_TRUE(router.Add(Method::kPost, "/files", 1, {.max_body_bytes = 99}));
  EXPECT_EQ(router.Find(Method::kPost, "/files").options.max_body_bytes, 99u);
}

TEST_F(RouterTest, RefusesARouteThatExists) {
  Add(Method::kGet, "/tasks/{id}", 1);
  const auto again = router.Add(Method::kGet, "/tasks/{name}", 2);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kConflict);
  EXPECT_EQ(Get("/tasks/1"), "1(id=1)");
}

TEST_F(RouterTest, RefusesWhatIsNoPattern) {
  for (const char* pattern :
       {"", "tasks", "/a{id}", "/{id}b", "/{", "/{}", "/{...}", "/{a b}", "/{p...}/x", "/{id}/{id}", "/}",
        "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}", "/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8/9/0/1/2/3"}) {
    const auto added = router.Add(Method::kGet, pattern, 1);
    ASSERT_FALSE(added) << pattern;
    EXPECT_EQ(added.error().code, ErrorCode::kInvalid) << pattern;
  }
  EXPECT_FALSE(router.Add(Method::kOther, "/x", 1));
}

// Every way to match is tried at most once a node, but nodes multiply: the depth bound keeps the worst case small.
TEST_F(RouterTest, AHostilePathIsCheap) {
  Add(Method::kGet, "/a/a/a/a/a/a/a/z", 1);
  Add(Method::kGet, "/{p1}/{p2}/{p3}/{p4}/{p5}/{p6}/{p7}/z", 2);
  const std::string path(8000, '/');
  EXPECT_EQ(Get(path), "404");
  EXPECT_EQ(Get("/a/a/a/a/a/a/a/a"), "404");
}

}  // namespace
}  // namespace flyball::http
