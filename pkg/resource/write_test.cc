#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "pkg/resource/testing/tasks_world.h"

namespace flyball::resource {
namespace {

using testing::Member;
using testing::Summary;
using testing::TasksWorld;

class Writes : public ::testing::Test {
 protected:
  Writes() : ada_(world_.NewUser("ada")), bob_(world_.NewUser("bob")) { AsAda(); }
  void AsAda() { world_.As(ada_, "user"); }
  void AsBob() { world_.As(bob_, "user"); }
  void AsAdmin() { world_.As("admin", "admin"); }

  TasksWorld world_;
  std::string ada_, bob_;
};

TEST_F(Writes, CreateFillsInWhatIsAbsent) {
  const Answer created = world_.Create("tasks", R"({"title":"write"})");
  ASSERT_EQ(Summary(created), "201");
  EXPECT_EQ(created.location, "/api/v1/tasks/" + Member(created.body, "id"));
  EXPECT_EQ(created.etag, "\"1\"");
  EXPECT_EQ(Member(created.body, "title"), "write");
  EXPECT_EQ(Member(created.body, "status"), "pending");
  EXPECT_EQ(Member(created.body, "done"), "false");
  EXPECT_EQ(Member(created.body, "points"), "null");
  EXPECT_EQ(Member(created.body, "createdBy"), ada_);
  EXPECT_EQ(Member(created.body, "createdAt"), "2026-11-21T09:30:00.000Z");
  EXPECT_EQ(Member(created.body, "version"), "1");
  EXPECT_EQ(Member(created.body, "note"), "(absent)") << "hidden";
  EXPECT_EQ(world_.Get("tasks", Member(created.body, "id")).body, created.body);
}

TEST_F(Writes, AllErrorsAtOnce) {
  EXPECT_EQ(
      Summary(world_.Create("tasks", R"({"status":"later","points":-1,"dueDate":"2026-02-30T00:00:00Z","tilte":"x"})")),
      "422 /status:not-in-enum /points:too-small /dueDate:format /tilte:unknown /title:required");
}

TEST_F(Writes, BadValues) {
  struct Case {
    const char* members;
    const char* expected;
  };
  const Case cases[] = {
      {R"("title":"x")", "422 /title:too-short"},
      {R"("title":"01234567890")", "422 /title:too-long"},
      {R"("title":"éééééééééé")", "201"},  // ten characters, twenty bytes
      {R"("title":null)", "422 /title:null"},
      {R"("title":5)", "422 /title:type"},
      {R"("title":["ab"])", "422 /title:type"},
      {R"("title":{"a":1})", "422 /title:type"},
      {R"("title":"a\u0000b")", "422 /title:nul"},
      {R"("title":"ok","status":"a\u0000")", "422 /status:nul"},
      {R"("title":"ok","description":null)", "201"},
      {R"("title":"ok","status":null)", "422 /status:null"},
      {R"("title":"ok","points":1.5)", "422 /points:type"},
      {R"("title":"ok","points":2.0)", "201"},
      {R"("title":"ok","points":"1")", "422 /points:type"},
      {R"("title":"ok","points":9007199254740991)", "201"},
      {R"("title":"ok","points":9007199254740992)", "422 /points:out-of-range"},
      {R"("title":"ok","points":9223372036854775808)", "422 /points:out-of-range"},
      {R"("title":"ok","points":1e300)", "422 /points:out-of-range"},
      {R"("title":"ok","points":-0)", "201"},
      {R"("title":"ok","points":-0.0)", "201"},
      {R"("title":"ok","weight":100)", "422 /weight:too-large"},
      {R"("title":"ok","weight":99.99)", "201"},
      {R"("title":"ok","weight":-9007199254740993)", "422 /weight:out-of-range"},
      {R"("title":"ok","done":1)", "422 /done:type"},
      {R"("title":"ok","done":"true")", "422 /done:type"},
      {R"("title":"ok","dueDate":"2026-02-30T00:00:00Z")", "422 /dueDate:format"},
      {R"("title":"ok","dueDate":"2026-02-28T00:00:60Z")", "422 /dueDate:format"},
      {R"("title":"ok","dueDate":"2026-02-28T00:00:00")", "422 /dueDate:format"},
      {R"("title":"ok","dueDate":"9999-12-31T23:59:59Z")", "201"},
      {R"("title":"ok","dueDate":"9999-12-31T23:59:59-23:59")", "422 /dueDate:format"},
      {R"("title":"ok","dueDate":1700000000)", "422 /dueDate:type"},
      {R"("title":"ok","day":"2026-02-29")", "422 /day:format"},
      {R"("title":"ok","day":"2028-02-29")", "201"},
      {R"("title":"ok","link":"no uri")", "422 /link:format"},
      {R"("title":"ok","link":"https://example.org/x?y=1")", "201"},
      {R"("title":"ok","a/b~c":1)", "422 /a~1b~0c:unknown"},
      {R"("title":"ok","":1)", "422 /:unknown"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(Summary(world_.Create("tasks", "{" + std::string(c.members) + "}")), c.expected) << c.members;
  }
}

TEST_F(Writes, MalformedBodiesAre400) {
  for (const char* body :
       {"", "[]", "{", R"({"title":"ab","title":"cd"})", R"({"title":"\ud800"})", "\xEF\xBB\xBF{}"}) {
    EXPECT_EQ(Summary(world_.Create("tasks", body)), "400") << body;
  }
}

TEST_F(Writes, ErrorsAreBounded) {
  std::string body = "{\"title\":\"ok\"";
  for (int i = 0; i < 1000; ++i) body += ",\"k" + std::to_string(i) + "\":1";
  const Answer answer = world_.Create("tasks", body + "}");
  EXPECT_EQ(answer.status, 422);
  EXPECT_EQ(answer.errors.size(), kMaxErrors);
  EXPECT_NE(answer.detail.find("900 more"), std::string::npos) << answer.detail;
}

TEST_F(Writes, LongNamesAreCutBetweenCharacters) {
  std::string name;
  for (int i = 0; i < 1000; ++i) name += "é";
  const Answer answer = world_.Create("tasks", R"({"title":"ok","x)" + name + R"(":1})");
  ASSERT_EQ(answer.errors.size(), 1u);
  EXPECT_LT(answer.errors[0].pointer.size(), 100u);
  EXPECT_TRUE(answer.errors[0].pointer.ends_with("é...")) << answer.errors[0].pointer;
}

TEST_F(Writes, TimesAreNormalised) {
  const Answer created = world_.Create("tasks", R"({"title":"ok","dueDate":"2026-12-01T01:00:00.5+02:00"})");
  EXPECT_EQ(Member(created.body, "dueDate"), "2026-11-30T23:00:00.500Z");
}

TEST_F(Writes, WhatTheServerSetsIsForbidden) {
  EXPECT_EQ(Summary(world_.Create("tasks", R"({"title":"ok","createdBy":"x"})")), "403 /createdBy:read-only");
  EXPECT_EQ(Summary(world_.Create("tasks", R"({"id":"x","title":"o","version":1})")),
            "422 /id:read-only /title:too-short /version:read-only");
}

TEST_F(Writes, ParametersAreRefused) {
  EXPECT_EQ(Summary(world_.Create("tasks", R"({"title":"ok"})", "dry=1")), "400 query/dry:unknown");
}

TEST_F(Writes, PatchMergesAndKeepsTheRest) {
  const std::string id = world_.NewTask(R"({"title":"one","points":3,"status":"completed"})");
  world_.Advance(seconds(5));
  const Answer patched = world_.Patch("tasks", id, R"({"title":"two","points":null,"status":null})");
  ASSERT_EQ(Summary(patched), "200");
  EXPECT_EQ(patched.etag, "\"2\"");
  EXPECT_EQ(Member(patched.body, "title"), "two");
  EXPECT_EQ(Member(patched.body, "points"), "null");
  EXPECT_EQ(Member(patched.body, "status"), "pending") << "removed, so back to its default";
  EXPECT_EQ(Member(patched.body, "createdAt"), "2026-11-21T09:30:00.000Z");
  EXPECT_EQ(Member(patched.body, "updatedAt"), "2026-11-21T09:30:05.000Z");
  EXPECT_EQ(Summary(world_.Patch("tasks", id, R"({"title":null})")), "422 /title:required");
}

TEST_F(Writes, EmptyPatchChangesNothing) {
  const std::string id = world_.NewTask(R"({"title":"one"})");
  const Answer patched = world_.Patch("tasks", id, "{}");
  EXPECT_EQ(Summary(patched), "200");
  EXPECT_EQ(patched.etag, "\"1\"");
  EXPECT_EQ(Summary(world_.Patch("tasks", "nothing", "{}")), "404");
}

TEST_F(Writes, PutReplacesAll) {
  const std::string id =
      world_.NewTask(R"({"title":"one","points":3,"status":"completed","note":"mine","kind":"big"})");
  const Answer put = world_.Replace("tasks", id, R"({"title":"two"})");
  ASSERT_EQ(Summary(put), "200");
  EXPECT_EQ(Member(put.body, "points"), "null");
  EXPECT_EQ(Member(put.body, "status"), "pending");
  EXPECT_EQ(Member(put.body, "kind"), "big") << "immutable: kept";
  EXPECT_EQ(Member(put.body, "createdBy"), ada_);
  const auto row = world_.reader().Get(world_.resource("tasks").model().table(), id, {});
  EXPECT_EQ(std::get<std::string>((**row)[static_cast<size_t>(world_.resource("tasks").model().Find("note"))]), "mine")
      << "hidden: the client could not have sent it back";
  EXPECT_EQ(Summary(world_.Replace("tasks", id, "{}")), "422 /title:required");
}

TEST_F(Writes, WhatWasReadMayBeSentBack) {
  const std::string id = world_.NewTask(R"({"title":"one"})");
  const std::string body = world_.Get("tasks", id).body;
  const Answer put = world_.Replace("tasks", id, body);
  EXPECT_EQ(Summary(put), "200");
  EXPECT_EQ(put.etag, "\"2\"");
  EXPECT_EQ(Summary(world_.Replace("tasks", id, body)), "403 /version:read-only") << "it is stale now";
}

TEST_F(Writes, ImmutableFieldsStay) {
  const std::string id = world_.NewTask(R"({"title":"one","kind":"big"})");
  EXPECT_EQ(Summary(world_.Patch("tasks", id, R"({"kind":"small"})")), "403 /kind:immutable");
  EXPECT_EQ(Summary(world_.Patch("tasks", id, R"({"createdBy":")" + bob_ + "\"}")), "403 /createdBy:immutable");
  EXPECT_EQ(Summary(world_.Patch("tasks", id, R"({"id":"x","version":"1","createdAt":null})")),
            "403 /version:read-only /createdAt:read-only");
  EXPECT_EQ(Summary(world_.Patch("tasks", id, R"({"kind":"big","title":"two"})")), "200");
}

TEST_F(Writes, IfMatch) {
  const std::string id = world_.NewTask(R"({"title":"one"})");
  EXPECT_EQ(Summary(world_.Patch("tasks", id, R"({"title":"two"})", "\"2\"")), "412");
  EXPECT_EQ(Summary(world_.Patch("tasks", id, R"({"title":"two"})", "W/\"1\"")), "412") << "weak tags never match";
  EXPECT_EQ(Summary(world_.Patch("tasks", id, R"({"title":"two"})", "\"7\", \"9\"")), "412");
  EXPECT_EQ(Summary(world_.Patch("tasks", id, R"({"title":"two"})", "\"1\"")), "200");
  EXPECT_EQ(Summary(world_.Patch("tasks", id, R"({"title":"three"})", "\"7\", \"2\"")), "200");
  EXPECT_EQ(Summary(world_.Patch("tasks", id, R"({"title":"four"})", "*")), "200");
  EXPECT_EQ(Summary(world_.Replace("tasks", id, R"({"title":"five"})", "\"3\"")), "412");
  EXPECT_EQ(Summary(world_.Delete("tasks", id, "\"3\"")), "412");
  EXPECT_EQ(Summary(world_.Delete("tasks", id, "\"4\"")), "204");
  EXPECT_EQ(Summary(world_.Patch("tasks", id, R"({"title":"six"})", "\"4\"")), "404");
}

TEST_F(Writes, ConditionsThatAreNoneAreSaidToBe) {
  const std::string id = world_.NewTask(R"({"title":"one"})");
  for (const char* field : {"nonsense", "1", "\"1", "\"1\" \"2\"", "\"1\", x", "W/1", "w/\"1\"", "*, \"1\"", ",", " ",
                            "\"1 2\"", "\"1\x7f\""}) {
    const Answer refused = world_.Patch("tasks", id, R"({"title":"two"})", field);
    EXPECT_EQ(Summary(refused), "400") << field;
    EXPECT_NE(refused.detail.find("If-Match is malformed"), std::string::npos) << refused.detail;
    EXPECT_EQ(Summary(world_.Replace("tasks", id, R"({"title":"two"})", "", field)), "400") << field;
    EXPECT_EQ(Summary(world_.Delete("tasks", id, field)), "400") << field;
  }
  EXPECT_EQ(Summary(world_.Patch("tasks", id, R"({"title":"two"})", "\"0\", ,\t\"1\",")), "200")
      << "empty members are fine";
}

TEST_F(Writes, TheReasonOf412IsTrue) {
  const std::string id = world_.NewTask(R"({"title":"one"})");
  const auto why = [&](std::string_view if_match, std::string_view if_none_match = "") {
    const Answer refused = world_.Patch("tasks", id, R"({"title":"two"})", if_match, if_none_match);
    EXPECT_EQ(refused.status, 412) << if_match << " " << if_none_match;
    return refused.detail;
  };
  EXPECT_NE(why("\"7\"").find("has changed"), std::string::npos);
  EXPECT_NE(why("W/\"1\"").find("W/ tag never matches"), std::string::npos);
  EXPECT_NE(why("\"another-server\"").find("names no version"), std::string::npos);
  EXPECT_NE(why("", "*").find("the row exists"), std::string::npos);
  EXPECT_NE(why("", "\"1\"").find("still at a version"), std::string::npos);
  EXPECT_NE(why("\"7\"", "*").find("has changed"), std::string::npos) << "If-Match is judged first";
}

TEST_F(Writes, IfNoneMatch) {
  const std::string id = world_.NewTask(R"({"title":"one"})");
  EXPECT_EQ(Summary(world_.Replace("tasks", id, R"({"title":"two"})", "", "*")), "412");
  EXPECT_EQ(Summary(world_.Replace("tasks", "nothing", R"({"title":"two"})", "", "*")), "404") << "PUT does not create";
  EXPECT_EQ(Summary(world_.Patch("tasks", id, R"({"title":"two"})", "", "*")), "412");
  EXPECT_EQ(Summary(world_.Patch("tasks", id, R"({"title":"two"})", "", "W/\"1\"")), "412") << "compared weakly";
  EXPECT_EQ(Summary(world_.Delete("tasks", id, "", "\"3\", \"1\"")), "412");
  EXPECT_EQ(Summary(world_.Patch("tasks", id, R"({"title":"two"})", "\"1\"", "\"2\"")), "200");
  EXPECT_EQ(Summary(world_.Patch("tasks", id, R"({"title":"three"})", "", "\"1\"")), "200");
  EXPECT_EQ(Member(world_.Get("tasks", id).body, "title"), "three");
  AsBob();
  EXPECT_EQ(Summary(world_.Replace("tasks", id, R"({"title":"two"})", "", "*")), "404") << "hidden rows stay hidden";
  EXPECT_EQ(Summary(world_.Create("tasks", R"({"title":"two"})", "", "", "*")), "412") << "the collection exists";
  EXPECT_EQ(Summary(world_.Create("tasks", R"({"title":"two"})", "", "\"1\"")), "412") << "and has no tag";
  EXPECT_EQ(Summary(world_.Create("tasks", R"({"title":"two"})", "", "*", "\"1\"")), "201");
}

TEST_F(Writes, APreconditionComesBeforeTheBody) {
  const std::string id = world_.NewTask(R"({"title":"one"})");
  EXPECT_EQ(Summary(world_.Patch("tasks", id, "{", "\"7\"")), "412");
  EXPECT_EQ(Summary(world_.Patch("tasks", id, "{", "\"1\"")), "400");
  EXPECT_EQ(Summary(world_.Replace("tasks", id, "{}", "", "*")), "412");
  EXPECT_EQ(Summary(world_.Replace("tasks", id, "{}", "\"1\"")), "422 /title:required");
  EXPECT_EQ(Summary(world_.Replace("tasks", "nothing", "{}", "\"1\"")), "422 /title:required");
}

TEST_F(Writes, StrangersRowsDoNotExist) {
  const std::string id = world_.NewTask(R"({"title":"one"})");
  AsBob();
  const std::string absent = "019aa5e0-0000-7000-8000-000000000000";
  for (const std::string& target : {id, absent, std::string("x\0y", 3), std::string(5000, 'x'), std::string("\xff")}) {
    EXPECT_EQ(Summary(world_.Get("tasks", target)), "404");
    EXPECT_EQ(Summary(world_.Patch("tasks", target, R"({"title":"two"})")), "404");
    EXPECT_EQ(Summary(world_.Patch("tasks", target, R"({"createdBy":"x"})")), "404");
    EXPECT_EQ(Summary(world_.Replace("tasks", target, R"({"title":"two"})", "\"1\"")), "404");
    EXPECT_EQ(Summary(world_.Delete("tasks", target)), "404");
  }
  EXPECT_EQ(world_.Get("tasks", id).detail, world_.Get("tasks", absent).detail);
  AsAda();
  EXPECT_EQ(Member(world_.Get("tasks", id).body, "title"), "one");
}

TEST_F(Writes, ClosedActions) {
  const std::string id = world_.NewTask(R"({"title":"one"})");
  const std::string comment = Member(world_.Create("comments", R"({"text":"hi","task":")" + id + "\"}").body, "id");
  EXPECT_EQ(Summary(world_.Patch("comments", comment, R"({"text":"x"})")), "403") << "readable, closed to the role";
  EXPECT_EQ(Summary(world_.Create("comments", R"({"text":"spam","task":")" + id + "\"}")), "403");
  EXPECT_EQ(Summary(world_.Create("users", "{}")), "403") << "no rule, so nobody";
  AsAdmin();
  EXPECT_EQ(Summary(world_.Patch("users", ada_, R"({"name":"x"})")), "403") << "readable, but not theirs";
  EXPECT_EQ(Summary(world_.Patch("comments", comment, R"({"text":"x"})")), "200");
  world_.AsAnonymous();
  EXPECT_EQ(Summary(world_.Create("tasks", "{}")), "401");
  EXPECT_EQ(Summary(world_.Patch("tasks", id, "{}")), "401");
  EXPECT_EQ(Summary(world_.Delete("tasks", id)), "401");
  EXPECT_EQ(Summary(world_.Get("tasks", id)), "401");
  EXPECT_EQ(Summary(world_.Get("tasks", "absent")), "401");
  EXPECT_EQ(Summary(world_.Get("comments", comment)), "200");
}

TEST_F(Writes, Constraints) {
  const std::string id = world_.NewTask(R"({"title":"one","code":"A"})");
  EXPECT_EQ(Summary(world_.Create("tasks", R"({"title":"two","code":"A"})")), "409 /code:not-unique");
  const std::string other = world_.NewTask(R"({"title":"two","code":"B"})");
  EXPECT_EQ(Summary(world_.Patch("tasks", other, R"({"code":"A"})")), "409 /code:not-unique");
  EXPECT_EQ(Summary(world_.Create("comments", R"({"text":"x","task":"nothing"})")), "422 /task:bad-reference");
  ASSERT_EQ(Summary(world_.Create("comments", R"({"text":"x","task":")" + id + "\"}")), "201");
  const Answer refused = world_.Delete("tasks", id);
  EXPECT_EQ(Summary(refused), "409");
  EXPECT_NE(refused.detail.find("comments"), std::string::npos) << refused.detail;
}

TEST_F(Writes, ConcurrentPatchesOfTwoFieldsBothStay) {
  const std::string id = world_.NewTask(R"({"title":"one"})");
  constexpr int kRounds = 50;
  std::vector<std::thread> threads;
  for (const char* field : {"points", "weight"}) {
    threads.emplace_back([this, field, &id] {
      auto reader = *world_.store().OpenReader();
      const expr::Auth auth{ada_, std::string("user")};
      for (int i = 1; i <= kRounds; ++i) {
        std::promise<int> status;
        const std::string body = "{\"" + std::string(field) + "\":" + std::to_string(i) + "}";
        world_.resource("tasks").Patch({auth, *reader, world_.store(), world_.now()}, id, {body, {}, {}, {}},
                                       [&status](Answer answer) { status.set_value(answer.status); });
        EXPECT_EQ(status.get_future().get(), 200);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  const std::string body = world_.Get("tasks", id).body;
  EXPECT_EQ(Member(body, "points"), "50");
  EXPECT_EQ(Member(body, "weight"), "50");
  EXPECT_EQ(Member(body, "version"), "101");
}

}  // namespace
}  // namespace flyball::resource
