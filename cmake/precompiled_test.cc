// CMake hangs the precompiled header on a target; this is its only source.
