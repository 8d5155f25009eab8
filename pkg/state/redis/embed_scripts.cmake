# embed_scripts(OUTPUT file.cc NAMES a b ...): writes a source that holds a.lua, b.lua, ... of this folder as text, in the
# order of the names. Configuring runs again when one of them changes.
function(embed_scripts)
  cmake_parse_arguments(E "" "OUTPUT" "NAMES" ${ARGN})
  set(entries "")
  foreach(name ${E_NAMES})
    set(file ${CMAKE_CURRENT_SOURCE_DIR}/redis/${name}.lua)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    file(READ ${file} text)
    string(APPEND entries "    {\"${name}\", R\"lua(${text})lua\"},\n")
  endforeach()
  file(CONFIGURE OUTPUT ${E_OUTPUT} @ONLY CONTENT [[
#include "pkg/state/redis/scripts.h"

namespace flyball::state {

const std::array<ScriptSource, kScripts> kScriptSources{{
@entries@}};

}  // namespace flyball::state
]])
endfunction()
