#include "cmd/flags/command_line.h"
#include "cmd/flyballctl/commands.h"

int main(int argc, char** argv) {
  using namespace flyball::ctl;
  namespace flags = flyball::flags;
  flags::CommandLine line("flyballctl", "Runs and inspects Flyball: an API platform that regulates itself.",
                          FLYBALL_VERSION);
  AddUp(line);
  AddValidate(line);
  AddStatus(line);
  AddExplain(line);
  AddLoad(line);
  AddSimulate(line);
  AddUsers(line);
  return line.Run(argc, argv);
}
