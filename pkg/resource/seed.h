#pragma once

#include "pkg/base/clock.h"
#include "pkg/base/result.h"
#include "pkg/spec/app.h"
#include "pkg/store/store.h"

namespace flyball::resource {

// Loads app.seed into a database that holds no row of the app yet, once in its life; call it after Migrate and before
// serving. Several processes may do so at once, and one may die in the middle: when any of them returns well, every
// seed row has been there exactly once (rows without an id get one computed from their place in the document, so a
// second attempt finds them). A row deleted by a client in the moment in which another process is still loading may
// come back. Returns how many rows this call inserted. kInvalid names a row that does not fit its resource.
Result<int> LoadSeed(const spec::App& app, store::Store& store, WallTime now);

}  // namespace flyball::resource
