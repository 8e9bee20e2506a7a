// Small values that people set, in the family `config`: of each kind many, each under an id.
//
// A value is sealed with its version and a checksum that also covers its key. One that is damaged
// or of a newer version is told apart from one that is missing, and costs nothing but itself.
// Format: docs/formats.md.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "insightflow/status.h"
#include "lib/store/store.h"

namespace insightflow {
inline namespace v1 {

// The newest version of a kind's values that this build reads, from 1, and the one that it writes.
struct ConfigKind {
  std::string_view name;  // letters; stored, and shown in messages
  std::uint8_t version = 1;
};

// nullopt when there is none. kDataLoss: it is damaged. kFailedPrecondition: of a newer version.
Result<std::optional<std::string>> GetConfig(const Store& store, const ConfigKind& kind,
                                             std::string_view id);

// Durable on return. kResourceExhausted when the disk is nearly full; else errors as Store::Write.
Status PutConfig(Store* store, const ConfigKind& kind, std::string_view id, std::string_view value);
Status RemoveConfig(Store* store, const ConfigKind& kind, std::string_view id);

// Calls `visit` for each value as it was at one moment, in order of id, with an error of GetConfig
// in place of a value that cannot be read.
using ConfigVisitor = std::function<void(std::string_view id, const Result<std::string_view>&)>;
Status VisitConfig(const Store& store, const ConfigKind& kind, const ConfigVisitor& visit);

}  // namespace v1
}  // namespace insightflow
