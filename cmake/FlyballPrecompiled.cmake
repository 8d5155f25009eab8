# flyball_precompile_tests(): lets every target that flyball_build_fast() marked reuse one precompiled header.
# gcc only, because what it buys was measured there, and not under a sanitizer (cmake/precompiled_test.h says why).
function(flyball_precompile_tests)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU" OR FLYBALL_SANITIZE)
    return()
  endif()
  add_library(precompiled_test OBJECT ${CMAKE_SOURCE_DIR}/cmake/precompiled_test.cc)
  target_precompile_headers(precompiled_test PRIVATE ${CMAKE_SOURCE_DIR}/cmake/precompiled_test.h)
  target_link_libraries(precompiled_test PRIVATE GTest::gtest GTest::gmock nlohmann_json::nlohmann_json tl::expected)
  flyball_build_fast(precompiled_test)
  set_target_properties(precompiled_test PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_compile_options(precompiled_test PRIVATE -fPIE)  # as its users, which are programs; a library would get -fPIC
  get_property(tests GLOBAL PROPERTY FLYBALL_FAST_TARGETS)
  list(REMOVE_ITEM tests precompiled_test)
  foreach(test ${tests})
    target_precompile_headers(${test} REUSE_FROM precompiled_test)
  endforeach()
endfunction()
