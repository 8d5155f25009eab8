#include <gtest/gtest.h>

#include "pkg/base/random.h"
#include "pkg/resource/testing/tasks_world.h"

namespace flyball::resource {
namespace {

using testing::Member;
using testing::Summary;
using testing::TasksWorld;

// Titles in the order answered: "t3 t2 t1".
std::string Titles(const Answer& answer) {
  std::string titles;
  std::string_view rest = answer.body;
  constexpr std::string_view kKey = "\"title\":\"";
  for (size_t at = rest.find(kKey); at != std::string_view::npos; at = rest.find(kKey)) {
    rest.remove_prefix(at + kKey.size());
    titles += (titles.empty() ? "" : " ") + std::string(rest.substr(0, rest.find('"')));
  }
  return titles;
}

class Reads : public ::testing::Test {
 protected:
  Reads() : ada_(world_.NewUser("ada")) {
    world_.As(ada_, "user");
    for (const char* body :
         {R"({"title":"t1","points":1,"status":"pending","dueDate":"2026-01-01T00:00:00Z"})",
          R"({"title":"t2","points":2,"status":"completed","dueDate":"2026-02-01T00:00:00Z"})",
          R"({"title":"t3","points":2,"status":"in-progress","done":true})", R"({"title":"t4","weight":0.5})",
          R"({"title":"t5","note":"hidden","day":"2026-03-01"})"}) {
      world_.Advance(seconds(1));
      ids_.push_back(world_.NewTask(body));
    }
  }

  std::string List(std::string_view query) {
    const Answer answer = world_.List("tasks", query);
    return answer.is_problem() ? Summary(answer) : Titles(answer);
  }

  TasksWorld world_;
  std::string ada_;
  std::vector<std::string> ids_;
};

TEST_F(Reads, PagesByDefault) {
  const Answer first = world_.List("tasks");
  EXPECT_EQ(Titles(first), "t5 t4 t3");
  EXPECT_TRUE(first.body.ends_with(R"("page":{"limit":3,"page":1,"hasMore":true}})")) << first.body;
  EXPECT_EQ(first.link, R"(</api/v1/tasks?page=2>; rel="next")");
  const Answer second = world_.List("tasks", "page=2&total=true&sort=title");
  EXPECT_EQ(Titles(second), "t4 t5");
  EXPECT_TRUE(second.body.ends_with(R"("page":{"limit":3,"page":2,"hasMore":false,"total":5}})")) << second.body;
  EXPECT_EQ(second.link, R"(</api/v1/tasks?total=true&sort=title&page=1>; rel="first", )"
                         R"(</api/v1/tasks?total=true&sort=title&page=1>; rel="prev")");
  EXPECT_EQ(world_.List("tasks", "page=9").body, R"({"data":[],"page":{"limit":3,"page":9,"hasMore":false}})");
}

TEST_F(Reads, LinksEscapeWhatTheyRepeat) {
  const Answer answer = world_.List("tasks", "limit=1&title[ne]=a\"> b&dueDate[ne]=null");
  EXPECT_EQ(answer.link,
            R"(</api/v1/tasks?limit=1&title%5Bne%5D=a%22%3E%20b&dueDate%5Bne%5D=null&page=2>; rel="next")");
}

TEST_F(Reads, Filters) {
  EXPECT_EQ(List("status=pending&sort=title&limit=9"), "t1 t4 t5");
  EXPECT_EQ(List("status[ne]=pending&sort=title"), "t2 t3");
  EXPECT_EQ(List("status[in]=completed,in-progress&sort=title"), "t2 t3");
  EXPECT_EQ(List("points[gte]=2&sort=-title"), "t3 t2");
  EXPECT_EQ(List("points[lt]=2"), "t1");
  EXPECT_EQ(List("points=null&sort=title"), "t4 t5");
  EXPECT_EQ(List("points[in]=1,null&sort=title"), "t1 t4 t5");
  EXPECT_EQ(List("weight=0.5"), "t4");
  EXPECT_EQ(List("done=true"), "t3");
  EXPECT_EQ(List("day=2026-03-01"), "t5");
  EXPECT_EQ(List("dueDate[gte]=2026-01-01T01:00:00%2B01:00"), "400 query/dueDate[gte]:type") << "decoding is upstream";
  EXPECT_EQ(List("dueDate[gte]=2026-01-01T01:00:00+01:00&dueDate[lt]=2026-02-01T00:00:00Z"), "t1");
  EXPECT_EQ(List("createdBy=" + ada_ + "&limit=1"), "t5");
  EXPECT_EQ(List("id=" + ids_[0]), "t1");
  EXPECT_EQ(List("version[gt]=1"), "");
  EXPECT_EQ(List("title=%"), "") << "no wildcard";
  EXPECT_EQ(List("title="), "");
  EXPECT_EQ(List("title='; DROP TABLE tasks--"), "");
  EXPECT_EQ(List("points[lte]=2&points[gt]=1&status=completed"), "t2");
}

TEST_F(Reads, Sorts) {
  EXPECT_EQ(List("sort=points,-title&limit=9"), "t5 t4 t1 t3 t2") << "nulls first";
  EXPECT_EQ(List("sort=-points,title&limit=9"), "t2 t3 t1 t4 t5") << "nulls last";
}

TEST_F(Reads, BadQueriesSayWhatWouldBeRight) {
  struct Case {
    const char* query;
    const char* expected;
  };
  const Case cases[] = {
      {"limit=0", "400 query/limit:out-of-range"},
      {"limit=-1", "400 query/limit:out-of-range"},
      {"limit=51", "400 query/limit:out-of-range"},
      {"limit=1e9", "400 query/limit:out-of-range"},
      {"limit=1000000000", "400 query/limit:out-of-range"},
      {"limit=99999999999999999999", "400 query/limit:out-of-range"},
      {"limit=", "400 query/limit:out-of-range"},
      {"limit=+3", "400 query/limit:out-of-range"},
      {"limit= 3", "400 query/limit:out-of-range"},
      {"page=0", "400 query/page:out-of-range"},
      {"page=x", "400 query/page:out-of-range"},
      {"page=1000000", "400 query/page:out-of-range"},
      {"page=9223372036854775807", "400 query/page:out-of-range"},
      {"limit=2&limit=2", "400 query/limit:repeated"},
      {"status=pending&status=completed&status=x", "400 query/status:repeated query/status:type"},
      {"total=yes", "400 query/total:type"},
      {"colour=red", "400 query/colour:unknown"},
      {"statsu=pending", "400 query/statsu:unknown"},
      {"status=later", "400 query/status:type"},
      {"status[in]=pending,later", "400 query/status[in]:type"},
      {"status[like]=p", "400 query/status[like]:unknown"},
      {"status[=p", "400 query/status[:unknown"},
      {"status[]=p", "400 query/status[]:unknown"},
      {"points=many", "400 query/points:type"},
      {"points=1.0", "400 query/points:type"},
      {"points[lt]=null", "400 query/points[lt]:type"},
      {"points=99999999999999999999", "400 query/points:type"},
      {"weight=nan", "400 query/weight:type"},
      {"weight=1e400", "400 query/weight:type"},
      {"done=1", "400 query/done:type"},
      {"dueDate=2026-02-30T00:00:00Z", "400 query/dueDate:type"},
      {"dueDate=2026-02-28", "400 query/dueDate:type"},
      {"day=2026-02-30", "400 query/day:type"},
      {"note=x", "400 query/note:unknown"},
      {"sort=note", "400 query/sort:unknown"},
      {"sort=-note", "400 query/sort:unknown"},
      {"sort=", "400 query/sort:unknown"},
      {"sort=title,title", "400 query/sort:repeated"},
      {"sort=title;drop", "400 query/sort:unknown"},
      {"sort=id,title,status,points,weight,done,day,link,code", "400 query/sort:too-many"},
      {"fields=title,note", "400 query/fields:unknown"},
      {"fields=", "400 query/fields:unknown"},
      {"cursor=abc", "400 query/cursor:not-built"},
      {"page=1&cursor=abc", "400 query/cursor:not-built"},
      {"q=x", "400 query/q:not-built"},
      {"filter=true", "400 query/filter:not-built"},
      {"expand=createdBy", "400 query/expand:not-built"},
      {"limit=0&sort=x&done=maybe", "400 query/limit:out-of-range query/sort:unknown query/done:type"},
      {"=x", "400 query/:unknown"},
      {"title=\xff", "400 query/title:text"},
  };
  for (const Case& c : cases) EXPECT_EQ(List(c.query), c.expected) << c.query;
  EXPECT_EQ(List(std::string("title=a\0b", 9)), "400 query/title:text");
  std::string many = "points[in]=1";
  for (int i = 0; i < 100; ++i) many += ",1";
  EXPECT_EQ(List(many), "400 query/points[in]:too-many");
  EXPECT_NE(world_.List("tasks", "statsu=1").errors[0].message.find("did you mean 'status'"), std::string::npos);
  EXPECT_NE(world_.List("tasks", "dueDate=2026-02-28T00:00:00 01:00").errors[0].message.find("%2B"), std::string::npos);
}

TEST_F(Reads, HiddenColumnsOfAccountsAreUnknown) {
  world_.As("root", "admin");
  for (const char* query : {"passwordHash=x", "role=admin", "passwordHash[gt]=$2b", "password=x"}) {
    EXPECT_EQ(world_.List("users", query).status, 400) << query;
  }
  for (const char* query : {"sort=passwordHash", "sort=role", "fields=passwordHash", "fields=id,role"}) {
    EXPECT_EQ(world_.List("users", query).status, 400) << query;
    EXPECT_EQ(world_.Get("users", ada_, query).status, 400) << query;
  }
  EXPECT_EQ(world_.List("users").body.find("$2b$"), std::string::npos);
  EXPECT_EQ(world_.Get("users", ada_).body.find("$2b$"), std::string::npos);
}

TEST_F(Reads, EmailFiltersIgnoreCase) {
  world_.As("root", "admin");
  EXPECT_NE(world_.List("users", "email=ADA@Example.org").body.find("ada@example.org"), std::string::npos);
}

TEST_F(Reads, FieldsChooseColumns) {
  EXPECT_EQ(world_.List("tasks", "fields=title,points,title&limit=1&sort=title").body,
            R"({"data":[{"title":"t1","points":1}],"page":{"limit":1,"page":1,"hasMore":true}})");
  const Answer one = world_.Get("tasks", ids_[1], "fields=points");
  EXPECT_EQ(one.body, R"({"points":2})");
  EXPECT_NE(one.etag, world_.Get("tasks", ids_[1]).etag);
  EXPECT_NE(one.etag, world_.Get("tasks", ids_[1], "fields=title").etag);
  EXPECT_EQ(Summary(world_.Patch("tasks", ids_[1], R"({"points":9})", one.etag)), "200") << "it names the version";
  EXPECT_EQ(Summary(world_.Get("tasks", ids_[1], "limit=1")), "400 query/limit:unknown");
  EXPECT_EQ(Summary(world_.Get("tasks", ids_[1], "fields=id&fields=id")), "400 query/fields:repeated");
}

TEST_F(Reads, IfNoneMatch) {
  for (const char* field : {"\"1\"", "W/\"1\"", "*", "\"0\", \"1\"", "  \"1\" "}) {
    const Answer answer = world_.Get("tasks", ids_[0], "", field);
    EXPECT_EQ(answer.status, 304) << field;
    EXPECT_EQ(answer.body, "");
    EXPECT_EQ(answer.etag, "\"1\"");
  }
  for (const char* field : {"\"2\"", "1", "\"1", "\"", "W/", ","}) {
    EXPECT_EQ(world_.Get("tasks", ids_[0], "", field).status, 200) << field;
  }
}

TEST_F(Reads, RulesDecideWhatIsListed) {
  world_.As("root", "admin");
  EXPECT_EQ(List("limit=9&sort=title"), "t1 t2 t3 t4 t5");
  world_.As("somebody", "user");
  EXPECT_EQ(List("total=true"), "");
  EXPECT_EQ(Member(world_.List("tasks", "total=true").body, "total"), "0");
  world_.AsAnonymous();
  EXPECT_EQ(List(""), "401");
  EXPECT_EQ(Summary(world_.List("users")), "401");
  world_.As(ada_, "user");
  EXPECT_EQ(Summary(world_.List("users")), "403");
}

TEST_F(Reads, RandomQueriesNeverCrash) {
  const uint64_t seed = 20261121;
  SCOPED_TRACE(seed);
  Random random(seed);
  const std::string_view words[] = {"title", "points", "limit", "page",  "sort", "fields", "[lt]", "[in]", "=", "&",
                                    ",",     "-",      "null",  "2026-", "9",    "\xc3",   "é",    "[",    "]", "true"};
  for (int round = 0; round < 3000; ++round) {
    std::string query;
    for (uint64_t i = random.Below(12); i > 0; --i) query += words[random.Below(std::size(words))];
    const int status = world_.List("tasks", query).status;
    EXPECT_TRUE(status == 200 || status == 400) << status << " " << query;
  }
}

}  // namespace
}  // namespace flyball::resource
