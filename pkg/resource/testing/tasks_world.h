// A small app with a real SQLite database, and short ways to ask it things.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/resource/accounts.h"
#include "pkg/resource/resource.h"
#include "pkg/spec/app.h"
#include "pkg/store/store.h"

namespace flyball::resource::testing {

// users (accounts; name, secret), tasks (title, description, status, priority, points, weight, done, dueDate, day,
// link, note (hidden), createdBy) and comments (text, task: restrict).
extern const char kTasksDocument[];

spec::App ReadApp(const std::string& document);

class TasksWorld {
 public:
  explicit TasksWorld(const std::string& document = kTasksDocument);
  ~TasksWorld();

  const spec::App& app() const { return app_; }
  const Resource& resource(std::string_view name) const { return *resources_.at(std::string(name)); }
  const Accounts& accounts() const { return *accounts_; }
  store::Store& store() { return *store_; }
  store::Reader& reader() { return *reader_; }
  const std::string& path() const { return path_; }
  WallTime now() const { return now_; }
  void Advance(milliseconds by) { now_ += by; }

  // Who asks from here on.
  void AsAnonymous() { auth_ = {}; }
  void As(std::string id, std::string role) { auth_ = {std::move(id), std::move(role)}; }

  Answer List(std::string_view resource, std::string_view query = "");
  Answer Get(std::string_view resource, std::string_view id, std::string_view query = "",
             std::string_view if_none_match = "");
  Answer Create(std::string_view resource, std::string_view body, std::string_view query = "",
                std::string_view if_match = "", std::string_view if_none_match = "");
  Answer Replace(std::string_view resource, std::string_view id, std::string_view body, std::string_view if_match = "",
                 std::string_view if_none_match = "");
  Answer Patch(std::string_view resource, std::string_view id, std::string_view body, std::string_view if_match = "",
               std::string_view if_none_match = "");
  Answer Delete(std::string_view resource, std::string_view id, std::string_view if_match = "",
                std::string_view if_none_match = "");
  Answer Register(std::string_view body);
  Answer Login(std::string_view body);
  Answer Me();
  Answer CreateUser(std::string_view body, std::string_view role);

  // Registers <name>@example.org with the password "correct horse"; the id.
  std::string NewUser(const std::string& name);
  // Creates a task as who asks; the id.
  std::string NewTask(std::string_view body);
  Context context() { return Context{auth_, *reader_, *store_, now_}; }

 private:
  spec::App app_;
  std::string folder_, path_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<store::Reader> reader_;
  std::map<std::string, std::unique_ptr<Resource>> resources_;
  std::unique_ptr<Accounts> accounts_;
  expr::Auth auth_;
  WallTime now_;
};

// "a=1&b[lt]=2", values as they are (no percent-decoding).
std::vector<QueryPair> Pairs(std::string_view query);

// The text of a member of a flat part of an answer: Member(body, "id").
std::string Member(std::string_view json, std::string_view name);

// "422 /title:required /status:not-in-enum": status and errors in order.
std::string Summary(const Answer& answer);

}  // namespace flyball::resource::testing
