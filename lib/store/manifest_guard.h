// A look at the manifest before RocksDB opens it.
//
// RocksDB 7.8 takes a record of the manifest whose length points past the end of the file for one
// that a crash cut short, and a record of a type that only recycled logs have for the end of the
// log. One damaged bit there would silently lose the newest table files.
#pragma once

#include <string>

#include "insightflow/status.h"

namespace insightflow {
inline namespace v1 {

// kDataLoss when the manifest that CURRENT names is damaged. A manifest that a crash cut short is
// sound. Whatever is wrong with CURRENT, and a missing manifest, is left to RocksDB.
Status GuardManifest(const std::string& dir);

}  // namespace v1
}  // namespace insightflow
