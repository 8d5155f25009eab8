#include "pkg/resource/testing/tasks_world.h"

#include <cstdlib>
#include <filesystem>
#include <future>

#include "pkg/base/check.h"
#include "pkg/base/time_format.h"
#include "pkg/spec/reader.h"
#include "pkg/store/sqlite/sqlite_store.h"

namespace flyball::resource::testing {

const char kTasksDocument[] = R"(
apiVersion: flyball.io/v1alpha1
kind: App
metadata: {name: tasks}
spec:
  base: /api/v1
  auth:
    accounts: users
    password: {cost: 4, minLength: 10}
    roles: {user: {signup: true}, admin: {includes: [user]}}
  resources:
    users:
      fields:
        email: {type: string, format: email, maxLength: 254, unique: true}
        name: {type: string, minLength: 1, maxLength: 80}
      required: [email, name]
      access:
        list: auth.role == 'admin'
        read: auth.role == 'admin' || id == auth.id
        update: id == auth.id
    tasks:
      fields:
        title: {type: string, minLength: 2, maxLength: 10}
        description: {type: string}
        status: {enum: [pending, in-progress, completed], default: pending}
        points: {type: integer, minimum: 0}
        weight: {type: number, exclusiveMaximum: 100}
        done: {type: boolean, default: false}
        dueDate: {type: string, format: date-time}
        day: {type: string, format: date}
        link: {type: string, format: uri}
        code: {type: string, unique: true}
        note: {type: string, hidden: true}
        kind: {type: string, immutable: true, default: plain}
        createdBy: {ref: users, initial: auth.id, immutable: true}
      required: [title]
      access:
        create: auth.id != null
        list: auth.role == 'admin' || createdBy == auth.id
        read: =list
        update: =list
        delete: =list
      list: {limit: {default: 3, max: 50}, sort: [-createdAt]}
    comments:
      fields:
        text: {type: string}
        task: {ref: tasks, onDelete: restrict}
      required: [text, task]
      access:
        create: auth.id != null && text != 'spam'
        list: 'true'
        read: 'true'
        update: auth.role == 'admin'
        delete: auth.role == 'admin'
)";

spec::App ReadApp(const std::string& document) {
  auto documents = spec::Read({{"test.yaml", document}});
  std::string problems;
  for (const auto& problem : documents.problems) problems += spec::Format(problem) + "\n";
  Check(documents.ok() && documents.apps.size() == 1, problems);
  return std::move(documents.apps[0]);
}

TasksWorld::TasksWorld(const std::string& document)
    : app_(ReadApp(document)), now_(*ParseRfc3339("2026-11-21T09:30:00Z")) {
  std::string pattern = (std::filesystem::temp_directory_path() / "flyball-resource-XXXXXX").string();
  folder_ = mkdtemp(pattern.data());
  path_ = folder_ + "/test.db";
  store::SqliteOptions options;
  options.path = path_;
  auto opened = store::OpenSqlite(options);
  Check(opened.has_value(), opened ? "" : opened.error().message);
  store_ = std::move(*opened);
  const auto migrated = store_->Migrate(Tables(app_));
  Check(migrated.has_value(), migrated ? "" : migrated.error().message);
  auto reader = store_->OpenReader();
  Check(reader.has_value(), reader ? "" : reader.error().message);
  reader_ = std::move(*reader);
  for (const spec::Resource& resource : app_.resources) {
    resources_[resource.name] = std::make_unique<Resource>(app_, resource);
  }
  if (app_.auth.accounts.empty()) return;
  auto accounts = Accounts::Make(resource(app_.auth.accounts), identity::KeySet{identity::SigningKey::Generate()});
  Check(accounts.has_value(), accounts ? "" : accounts.error().message);
  accounts_ = std::make_unique<Accounts>(std::move(*accounts));
}

TasksWorld::~TasksWorld() {
  reader_.reset();
  store_.reset();
  std::filesystem::remove_all(folder_);
}

namespace {

// Waits for the answer of an operation.
template <typename Operation>
Answer Await(Operation operation) {
  auto promise = std::make_shared<std::promise<Answer>>();
  auto answer = promise->get_future();
  operation([promise](Answer given) { promise->set_value(std::move(given)); });
  return answer.get();
}

}  // namespace

Answer TasksWorld::List(std::string_view name, std::string_view query) {
  const auto pairs = Pairs(query);
  return resource(name).List(context(), {pairs, {}});
}

Answer TasksWorld::Get(std::string_view name, std::string_view id, std::string_view query,
                       std::string_view if_none_match) {
  const auto pairs = Pairs(query);
  return resource(name).Get(context(), id, {pairs, if_none_match});
}

Answer TasksWorld::Create(std::string_view name, std::string_view body, std::string_view query,
                          std::string_view if_match, std::string_view if_none_match) {
  const auto pairs = Pairs(query);
  return Await([&](Done done) {
    resource(name).Create(context(), {body, pairs, if_match, if_none_match}, std::move(done));
  });
}

Answer TasksWorld::Replace(std::string_view name, std::string_view id, std::string_view body, std::string_view if_match,
                           std::string_view if_none_match) {
  return Await([&](Done done) {
    resource(name).Replace(context(), id, {body, {}, if_match, if_none_match}, std::move(done));
  });
}

Answer TasksWorld::Patch(std::string_view name, std::string_view id, std::string_view body, std::string_view if_match,
                         std::string_view if_none_match) {
  return Await([&](Done done) {
    resource(name).Patch(context(), id, {body, {}, if_match, if_none_match}, std::move(done));
  });
}

Answer TasksWorld::Delete(std::string_view name, std::string_view id, std::string_view if_match,
                          std::string_view if_none_match) {
  return Await([&](Done done) {
    resource(name).Delete(context(), id, {{}, {}, if_match, if_none_match}, std::move(done));
  });
}

Answer TasksWorld::Register(std::string_view body) {
  return Await([&](Done done) { accounts_->Register(context(), {body, {}, {}, {}}, std::move(done)); });
}

Answer TasksWorld::Login(std::string_view body) { return accounts_->Login(context(), {body, {}, {}, {}}); }
Answer TasksWorld::Me() { return accounts_->Me(context(), {}); }
Answer TasksWorld::CreateUser(std::string_view body, std::string_view role) {
  return accounts_->CreateUser(context(), body, role);
}

std::string TasksWorld::NewUser(const std::string& name) {
  const Answer answer =
      Register(R"({"email":")" + name + R"(@example.org","name":")" + name + R"(","password":"correct horse"})");
  Check(answer.status == 201, Summary(answer));
  return Member(answer.body, "id");
}

std::string TasksWorld::NewTask(std::string_view body) {
  const Answer answer = Create("tasks", body);
  Check(answer.status == 201, Summary(answer));
  return Member(answer.body, "id");
}

std::vector<QueryPair> Pairs(std::string_view query) {
  std::vector<QueryPair> pairs;
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    const size_t equals = pair.find('=');
    pairs.push_back({pair.substr(0, equals), equals == std::string_view::npos ? "" : pair.substr(equals + 1)});
  }
  return pairs;
}

std::string Member(std::string_view json, std::string_view name) {
  const std::string key = "\"" + std::string(name) + "\":";
  const size_t at = json.find(key);
  if (at == std::string_view::npos) return "(absent)";
  std::string_view rest = json.substr(at + key.size());
  if (!rest.starts_with('"')) return std::string(rest.substr(0, rest.find_first_of(",}")));
  rest.remove_prefix(1);
  return std::string(rest.substr(0, rest.find('"')));
}

std::string Summary(const Answer& answer) {
  std::string text = std::to_string(answer.status);
  for (const FieldError& error : answer.errors) text += " " + error.pointer + ":" + error.code;
  return text;
}

}  // namespace flyball::resource::testing
