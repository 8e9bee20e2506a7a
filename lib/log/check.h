// The check of a store: every checksum of every file, then every entry.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "insightflow/store.h"
#include "lib/store/store.h"

namespace insightflow {
inline namespace v1 {

// The files, the log and what is kept for it, through an open store, also one opened read-only. The
// sequence behind the log's last event; nullopt when the store lacks a family.
std::optional<std::uint64_t> CheckOpenStore(const Store& store, CheckReport* report);

// The files of a store that does not open, each by itself.
void CheckFilesOf(const std::string& dir, CheckReport* report);

}  // namespace v1
}  // namespace insightflow
