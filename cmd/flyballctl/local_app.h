// The app of a local fleet and the files it lives in, for commands that work on its database.
#pragma once

#include <string>
#include <vector>

#include "pkg/base/result.h"
#include "pkg/spec/app.h"

namespace flyball::ctl {

struct LocalApp {
  spec::App app;
  std::string database;  // DATA/APP.db unless said otherwise; see pkg/store/database/database.h
  std::string key;       // DATA/signing.key
};

// Reads the App of `documents`; when there are none, of the documents that run (or last ran) with data folder `data`.
// `database` empty: the one in the folder. kNotFound: no documents are known; kInvalid: they do not hold exactly one
// valid App (every problem is in the message).
Result<LocalApp> FindLocalApp(const std::string& data, const std::vector<std::string>& documents,
                              const std::string& database);

}  // namespace flyball::ctl
