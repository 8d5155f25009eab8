#include "pkg/kube/detail/credentials.h"

#include "pkg/kube/detail/base64.h"
#include "pkg/kube/detail/files.h"

namespace flyball::kube::detail {
namespace {

constexpr auto kFilesFor = std::chrono::minutes(1);
constexpr auto kBeforeExpiry = seconds(10);

std::string Trimmed(std::string text) {
  const auto is_space = [](char c) { return c == '\n' || c == '\r' || c == ' ' || c == '\t'; };
  while (!text.empty() && is_space(text.back())) text.pop_back();
  size_t begin = 0;
  while (begin < text.size() && is_space(text[begin])) ++begin;
  return text.substr(begin);
}

// A token goes into a header line: nothing may end that line.
bool IsHeaderValue(std::string_view text) {
  for (const unsigned char c : text) {
    if (c < 0x21 || c > 0x7e) return false;
  }
  return true;
}

}  // namespace

Result<void> Credentials::ReadPem(const PemSource& source, std::string& into) const {
  into = source.text;
  if (!source.text.empty() || source.file.empty()) return {};
  auto text = ReadFile(source.file);
  if (!text) return Fail(text.error().code, config_.source + ": " + text.error().message);
  if (text->find("-----BEGIN ") == std::string::npos)
    return Fail(ErrorCode::kInvalid, config_.source + ": " + source.file + ": expected PEM text (-----BEGIN ...)");
  into = std::move(*text);
  return {};
}

Result<void> Credentials::ReadFiles(SteadyTime now) {
  Shown read;
  if (auto done = ReadPem(config_.ca, read.ca_pem); !done) return done;
  if (auto done = ReadPem(config_.client_certificate, read.certificate_pem); !done) return done;
  if (auto done = ReadPem(config_.client_key, read.key_pem); !done) return done;
  std::string token = config_.token;
  if (!config_.token_file.empty()) {
    auto text = ReadFile(config_.token_file);
    if (!text) return Fail(text.error().code, config_.source + ": " + text.error().message);
    token = Trimmed(std::move(*text));
    if (token.empty())
      return Fail(ErrorCode::kInvalid, config_.source + ": " + config_.token_file + ": empty; expected a token");
  }
  if (!IsHeaderValue(token))
    return Fail(ErrorCode::kInvalid, config_.source + ": the token has spaces or control characters");
  if (!token.empty()) {
    read.authorization = "Bearer " + token;
  } else if (!config_.username.empty()) {
    read.authorization = "Basic " + EncodeBase64(config_.username + ":" + config_.password);
  }
  shown_ = std::move(read);
  files_at_ = now;
  return {};
}

Result<void> Credentials::RunPlugin(WallTime wall) {
  if (plugin_ && (!plugin_->expires || wall < *plugin_->expires - kBeforeExpiry)) return {};
  auto credential = RunExecPlugin(*config_.exec, config_);
  if (!credential) return Fail(credential.error());
  if (!IsHeaderValue(credential->token))
    return Fail(ErrorCode::kCorrupt, "credential plugin " + config_.exec->command + ": status.token has spaces");
  plugin_ = std::move(*credential);
  return {};
}

Result<Shown> Credentials::Show(SteadyTime now, WallTime wall) {
  std::lock_guard lock(mutex_);
  if (!files_at_ || now - *files_at_ >= kFilesFor) {
    auto read = ReadFiles(now);
    // A file that is being replaced: what was read a minute ago is better than nothing.
    if (!read && !files_at_) return Fail(read.error());
  }
  Shown shown = shown_;
  // As client-go: the plugin is asked only when nothing else says who we are.
  if (config_.exec && shown.authorization.empty()) {
    if (auto run = RunPlugin(wall); !run) return Fail(run.error());
    if (!plugin_->token.empty()) shown.authorization = "Bearer " + plugin_->token;
    if (!plugin_->certificate_pem.empty()) {
      shown.certificate_pem = plugin_->certificate_pem;
      shown.key_pem = plugin_->key_pem;
    }
  }
  return shown;
}

void Credentials::Refused(const Shown& shown) {
  std::lock_guard lock(mutex_);
  const bool still = !plugin_ || (plugin_->token.empty() ? plugin_->certificate_pem == shown.certificate_pem
                                                         : "Bearer " + plugin_->token == shown.authorization);
  if (!still) return;
  plugin_.reset();
  if (files_at_) *files_at_ -= kFilesFor;
}

}  // namespace flyball::kube::detail
