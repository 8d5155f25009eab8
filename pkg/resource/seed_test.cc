#include "pkg/resource/seed.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "pkg/resource/testing/tasks_world.h"
#include "pkg/store/sqlite/sqlite_store.h"

namespace flyball::resource {
namespace {

using testing::Member;
using testing::TasksWorld;

constexpr char kSeed[] = R"(  seed:
    users:
      - {id: '00000000-0000-4000-8000-000000000001', email: Ada@Example.org, name: Ada}
    tasks:
      - {title: one, createdBy: '00000000-0000-4000-8000-000000000001', weight: 3}
      - {title: two, status: completed}
)";

int64_t Count(TasksWorld& world, std::string_view resource) {
  store::Query query;
  query.table = &world.resource(resource).model().table();
  return *world.reader().Count(query);
}

class Seed : public ::testing::Test {
 protected:
  Result<int> Load() { return LoadSeed(world_.app(), world_.store(), world_.now()); }
  TasksWorld world_{std::string(testing::kTasksDocument) + kSeed};
};

TEST_F(Seed, LoadsAnEmptyDatabaseOnce) {
  EXPECT_EQ(Load().value(), 3);
  EXPECT_EQ(Load().value(), 0);
  world_.As("root", "admin");
  const std::string tasks = world_.List("tasks", "sort=title").body;
  EXPECT_NE(tasks.find(R"("title":"one")"), std::string::npos);
  EXPECT_EQ(Member(tasks, "createdBy"), "00000000-0000-4000-8000-000000000001");
  EXPECT_EQ(Member(tasks, "status"), "pending");
  EXPECT_EQ(Member(world_.List("users").body, "email"), "ada@example.org");
}

TEST_F(Seed, DeletedRowsStayDeleted) {
  ASSERT_TRUE(Load());
  world_.As("root", "admin");
  const std::string id = Member(world_.List("tasks", "title=two").body, "id");
  ASSERT_EQ(world_.Delete("tasks", id).status, 204);
  EXPECT_EQ(Load().value(), 0);
  EXPECT_EQ(Count(world_, "tasks"), 1);
}

TEST_F(Seed, ADatabaseWithRowsIsLeftAlone) {
  world_.NewUser("bob");
  EXPECT_EQ(Load().value(), 0);
  EXPECT_EQ(Count(world_, "tasks"), 0);
  EXPECT_EQ(Load().value(), 0) << "nor later";
}

TEST_F(Seed, AnInterruptedLoadIsFinished) {
  ASSERT_TRUE(Load());
  const store::Table marker = Tables(world_.app()).back();
  store::Write reopen;
  reopen.kind = store::Write::Kind::kUpdate;
  reopen.table = &marker;
  reopen.id = "tasks";
  reopen.changes = {{marker.Find("state"), std::string("loading")}};
  ASSERT_TRUE(world_.store().Apply(std::move(reopen)));
  world_.As("root", "admin");
  ASSERT_EQ(world_.Delete("tasks", Member(world_.List("tasks", "title=two").body, "id")).status, 204);
  EXPECT_EQ(Load().value(), 1) << "only what is missing";
  EXPECT_EQ(Count(world_, "tasks"), 2);
}

TEST_F(Seed, SeveralPodsAtOnceLoadItOnce) {
  constexpr int kPods = 4;
  std::atomic<int> inserted{0};
  std::vector<std::thread> pods;
  for (int i = 0; i < kPods; ++i) {
    pods.emplace_back([&] {
      store::SqliteOptions options;
      options.path = world_.path();
      auto store = store::OpenSqlite(options);
      ASSERT_TRUE(store) << store.error().message;
      const auto loaded = LoadSeed(world_.app(), **store, world_.now());
      ASSERT_TRUE(loaded) << loaded.error().message;
      inserted += *loaded;
    });
  }
  for (auto& pod : pods) pod.join();
  EXPECT_EQ(inserted, 3);
  EXPECT_EQ(Count(world_, "tasks"), 2);
  EXPECT_EQ(Count(world_, "users"), 1);
}

}  // namespace
}  // namespace flyball::resource
