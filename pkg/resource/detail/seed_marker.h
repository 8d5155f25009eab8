// The table that remembers whether an app's seed was loaded: one row per app, id = the app's name.
#pragma once

#include "pkg/store/store.h"

namespace flyball::resource::detail {

enum SeedMarkerColumn { kMarkerId, kMarkerState, kMarkerUpdatedAt, kMarkerVersion };
inline constexpr char kSeedLoading[] = "loading";
inline constexpr char kSeedDone[] = "done";

store::Table SeedMarkerTable();

}  // namespace flyball::resource::detail
