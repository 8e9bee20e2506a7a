// The check of a store: every checksum of every file, then every entry.
#pragma once

#include <cstdint>
#include <string>

#include "insightflow/store.h"
#include "lib/store/store.h"

namespace insightflow {
inline namespace v1 {

// Everything that can be checked through an open store, also one opened read-only.
void CheckOpenStore(const Store& store, CheckReport* report);

// The files of a store that does not open, each by itself.
void CheckFilesOf(const std::string& dir, CheckReport* report);

}  // namespace v1
}  // namespace insightflow
