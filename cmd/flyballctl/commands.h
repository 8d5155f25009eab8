// The commands of flyballctl. Each lives in the file of its name (up.cc, validate.cc, ...) and has one function here
// that declares its flags and what runs; main.cc calls them in the order `--help` shows.
#pragma once

namespace flyball::ctl {

class CommandLine;

void AddUp(CommandLine& line);
void AddValidate(CommandLine& line);
void AddStatus(CommandLine& line);
void AddExplain(CommandLine& line);
void AddLoad(CommandLine& line);
void AddUsers(CommandLine& line);

}  // namespace flyball::ctl
