#pragma once

namespace flyball::local::testing {

// Whether that process runs; one that has ended and only waits to be reaped does not.
bool Alive(int pid);

}  // namespace flyball::local::testing
