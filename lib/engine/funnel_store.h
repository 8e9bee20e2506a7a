// Stored funnel definitions: the rules, the limits and the built-in default.
//
// Nothing is held in memory: a damaged definition is an error of its own call, and of nothing else.
#pragma once

#include <mutex>
#include <string_view>
#include <vector>

#include "insightflow/query.h"
#include "insightflow/status.h"
#include "insightflow/store.h"

namespace insightflow {
inline namespace v1 {

class Store;

inline constexpr std::string_view kDefaultFunnelId = "default";

// Thread-safe. Errors as the calls of Engine. No store needs to have a default: an older one has
// none, and a removed one is built in again.
class FunnelStore {
 public:
  explicit FunnelStore(Store* store) : store_(store) {}

  Result<std::vector<FunnelDefinition>> List() const;
  Result<FunnelDefinition> Get(std::string_view id) const;
  Status Add(const FunnelDefinition& funnel);
  Result<bool> Put(const FunnelDefinition& funnel);
  Status Remove(std::string_view id);
  // Whether a definition that can be read has a filter that names a user: user_id is, is not, is
  // (not) one of.
  Result<bool> NamesUser(std::string_view user_id) const;
  // Puts an empty text, which is nobody's id, in place of the id in such filters. So a definition
  // answers as before, since nothing of the user is left. Durable on return.
  Status ForgetUser(std::string_view user_id);

 private:
  // Whether the id has a stored definition, if only a damaged one. An error forbids to touch it.
  Result<bool> IsStored(std::string_view id) const;
  Status Write(const FunnelDefinition& funnel, bool is_stored);
  Result<std::vector<FunnelDefinition>> Without(std::string_view user_id) const;

  Store* const store_;
  std::mutex write_mutex_;  // a look and the write that depends on it
};

// A line of damage for each definition that cannot be read.
void CheckFunnels(const Store& store, CheckReport* report);

}  // namespace v1
}  // namespace insightflow
