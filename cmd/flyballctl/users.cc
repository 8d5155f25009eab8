// flyballctl users create: accounts made by who runs the machine. There are no default credentials.
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <memory>

#include "cmd/flags/command_line.h"
#include "cmd/flags/values.h"
#include "cmd/flyballctl/commands.h"
#include "cmd/flyballctl/local_app.h"
#include "cmd/flyballctl/output.h"
#include "cmd/flyballctl/refusal.h"
#include "pkg/base/clock.h"
#include "pkg/base/ids.h"
#include "pkg/base/json_writer.h"
#include "pkg/identity/signing_key.h"
#include "pkg/resource/accounts.h"
#include "pkg/resource/seed.h"
#include "pkg/store/database/database.h"

namespace flyball::ctl {
namespace {

struct Flags {
  std::vector<std::string> documents;
  std::string data = ".flyball", database, role = "admin", email, name, output = "text";
  bool password_stdin = false;
};

// The first line of standard input, without its end.
std::string ReadPassword() {
  std::string password;
  std::getline(std::cin, password);
  if (password.ends_with('\r')) password.pop_back();
  return password;
}

std::string Body(const Flags& flags, const spec::App& app, const std::string& password) {
  std::string text;
  JsonWriter json(text);
  json.BeginObject();
  json.Key("email"), json.Value(flags.email);
  const spec::Resource* accounts = app.Find(app.auth.accounts);
  const bool has_name = accounts != nullptr && accounts->Find("name") != nullptr;
  if (!flags.name.empty()) {
    json.Key("name"), json.Value(flags.name);
  } else if (has_name && accounts->Find("name")->required) {
    json.Key("name"), json.Value(flags.email.substr(0, flags.email.find('@')));
  }
  json.Key("password"), json.Value(password);
  json.EndObject();
  return text;
}

std::string Describe(const resource::Answer& refusal) {
  // The room speaks of a request's body; here it was made of flags.
  const bool fields = refusal.status == 422 && !refusal.errors.empty();
  std::string text = fields ? "the account does not fit the document" : refusal.detail;
  for (const auto& error : refusal.errors) {
    const std::string field = error.pointer.substr(std::min<size_t>(1, error.pointer.size()));
    text += (text.empty() ? "" : "\n  ") + (field.empty() ? "" : field + ": ") + error.message;
  }
  if (!refusal.log.empty()) text += " (" + refusal.log + ")";
  return text.empty() ? "refused with status " + std::to_string(refusal.status) : text;
}

// Opens the app's database and adds the account. Before the first run there is none: then it is made here as a pod
// would make it, seed included, because a seed is only loaded into an empty database.
Result<resource::Answer> Create(const LocalApp& local, const std::string& body, const std::string& role) {
  const spec::Resource* accounts_spec = local.app.Find(local.app.auth.accounts);
  if (accounts_spec == nullptr)
    return Fail(ErrorCode::kInvalid, "app '" + local.app.name + "' has no accounts (spec.auth.accounts)");
  const auto folder = std::filesystem::path(local.database).parent_path();
  if (!store::IsServer(local.database) && !folder.empty() && !exists(folder)) {
    if (mkdir(folder.c_str(), 0700) != 0) return FailErrno("create the data folder " + folder.string());
  }
  auto store = store::OpenDatabase(local.database, local.app.name);
  if (!store) return Fail(store.error());
  if (auto migrated = (*store)->Migrate(resource::Tables(local.app)); !migrated) return Fail(migrated.error());
  const WallTime now = RealClock().WallNow();
  if (auto seeded = resource::LoadSeed(local.app, **store, now); !seeded) return Fail(seeded.error());
  auto reader = (*store)->OpenReader();
  if (!reader) return Fail(reader.error());
  const resource::Resource users(local.app, *accounts_spec);
  // No token is made here, so no key of the fleet is needed.
  auto accounts = resource::Accounts::Make(users, identity::KeySet{identity::SigningKey::Generate()});
  if (!accounts) return Fail(accounts.error());
  const expr::Auth nobody;
  return accounts->CreateUser({nobody, **reader, **store, now}, body, role);
}

void PrintCreated(const Flags& flags, const std::string& account, const std::string& generated) {
  if (const Format format = FormatOf(flags.output); format != Format::kText) {
    std::string text;
    JsonWriter json(text);
    json.BeginObject();
    json.Key("user"), json.Raw(account);
    json.Key("password"), generated.empty() ? json.Null() : json.Value(generated);
    json.EndObject();
    PrintStructured(text, format);
    return;
  }
  std::printf("created %s with role %s\n", flags.email.c_str(), flags.role.c_str());
  if (!generated.empty())
    std::printf("password: %s\n(made up just now and kept nowhere: it cannot be shown again)\n", generated.c_str());
}

int CreateUser(const Flags& flags) {
  if (flags.email.empty()) return WrongUsage("users create", "--email is required");
  const auto local = FindLocalApp(flags.data, flags.documents, flags.database);
  if (!local) return Failed("users create", local.error().message);
  const std::string generated = flags.password_stdin ? "" : RandomHex(12);
  const std::string password = flags.password_stdin ? ReadPassword() : generated;
  const auto answer = Create(*local, Body(flags, local->app, password), flags.role);
  if (!answer) return Failed("users create", answer.error().message);
  if (answer->is_problem()) return Failed("users create", Describe(*answer));
  PrintCreated(flags, answer->body, generated);
  return flags::kFine;
}

}  // namespace

void AddUsers(flags::CommandLine& line) {
  const auto flags = std::make_shared<Flags>();
  flags::Command& users = line.Add("users", "Accounts of an app on this machine.");
  flags::Command& create = users.Sub("create", "Create an account, such as the first administrator.");
  create.Arguments("FILE", &flags->documents, "the App's documents; those of the data folder when absent", 0);
  create.Option("--role", &flags->role, "role of the account");
  create.Option("--email", &flags->email, "its e-mail address");
  create.Option("--name", &flags->name, "its name, when the app's accounts have one");
  create.Flag("--password-stdin", &flags->password_stdin, "read the password from standard input; else one is made up");
  create.Option("--data", &flags->data, "data folder of the fleet");
  create.Option("--database", &flags->database, "URL or SQLite file, when the fleet was given one",
                flags::CheckDatabase);
  OutputOption(create, &flags->output);
  create.Runs([flags] { return CreateUser(*flags); });
}

}  // namespace flyball::ctl
