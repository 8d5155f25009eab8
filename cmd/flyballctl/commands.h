// The commands of flyballctl. Each lives in the file of its name (up.cc, validate.cc, ...) and has one function here
// that declares its flags and what runs; main.cc calls them in the order `--help` shows.
#pragma once

namespace flyball::flags {
class CommandLine;
}

namespace flyball::ctl {

void AddUp(flags::CommandLine& line);
void AddValidate(flags::CommandLine& line);
void AddStatus(flags::CommandLine& line);
void AddExplain(flags::CommandLine& line);
void AddLoad(flags::CommandLine& line);
void AddSimulate(flags::CommandLine& line);
void AddUsers(flags::CommandLine& line);

}  // namespace flyball::ctl
