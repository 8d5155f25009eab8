#include "cmd/flyballctl/running_fleet.h"

#include <signal.h>

#include <cerrno>
#include <fstream>
#include <sstream>

#include "pkg/http/client.h"

namespace flyball::ctl {
namespace {

Result<std::string> ReadRunFile(const std::string& data, const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) {
    if (errno == EACCES) return Fail(ErrorCode::kDenied, file + " belongs to another user: run this as who ran 'up'");
    return Fail(ErrorCode::kNotFound, "no fleet is running with data folder '" + data +
                                          "' (there is no run.json): start one with 'flyballctl up FILE...', or name "
                                          "its folder with --data DIR");
  }
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace

Result<local::RunFile> FindFleet(const std::string& data) {
  const std::string file = data + "/run.json";
  const auto text = ReadRunFile(data, file);
  if (!text) return Fail(text.error());
  auto fleet = local::ParseRunFile(*text);
  if (!fleet)
    return Fail(ErrorCode::kCorrupt, file + " is not what 'flyballctl up' writes: remove it when no fleet is running");
  // EPERM: it lives and is somebody else's.
  if (fleet->pid <= 0 || (kill(fleet->pid, 0) != 0 && errno == ESRCH))
    return Fail(ErrorCode::kNotFound, "no fleet is running with data folder '" + data + "': process " +
                                          std::to_string(fleet->pid) +
                                          ", which run.json names, has ended without cleaning up; start one with "
                                          "'flyballctl up FILE...'");
  return fleet;
}

Result<std::string> AskConsole(const local::RunFile& fleet, std::string_view path) {
  http::Client client;
  http::ClientRequest request;
  request.url = fleet.console + std::string(path);
  request.headers = {{"Authorization", "Bearer " + fleet.token}, {"Accept", "application/json"}};
  auto answer = client.Send(request, std::chrono::seconds(5));
  if (!answer)
    return Fail(answer.error().code, "the console of the fleet (pid " + std::to_string(fleet.pid) +
                                         ") does not answer: " + answer.error().message);
  if (answer->status == 200) return std::move(answer->body);
  const ErrorCode code = answer->status == 401 || answer->status == 403 ? ErrorCode::kDenied : ErrorCode::kUnavailable;
  return Fail(code, "the console answered " + std::to_string(answer->status) + " to GET " + std::string(path));
}

}  // namespace flyball::ctl
