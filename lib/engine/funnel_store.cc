#include "lib/engine/funnel_store.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "lib/analytics/analysis.h"
#include "lib/base/suggest.h"
#include "lib/engine/funnel_codec.h"
#include "lib/model/query_check.h"
#include "lib/store/config_store.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr ConfigKind kFunnelKind = {.name = "funnel", .version = kFunnelVersion};

EventSelector ClickOn(const std::string& part) {
  return {.types = {"click"},
          .filters = {{.field = "element", .op = FilterOp::kContains, .values = {part}}},
          .name = "click " + part};
}

FunnelDefinition DefaultFunnel() {
  FunnelDefinition funnel;
  funnel.id = kDefaultFunnelId;
  funnel.name = "Purchase";
  funnel.query.steps = {{.event = {.types = {"view"}}},
                        {.event = ClickOn("product")},
                        {.event = ClickOn("add_cart")},
                        {.event = {.types = {"purchase"}}}};
  funnel.query.window = std::chrono::days(7);
  return funnel;
}

Result<FunnelDefinition> Decode(std::string_view id, std::string_view bytes) {
  FunnelDefinition funnel;
  funnel.id = id;
  if (DecodeFunnel(bytes, &funnel)) return funnel;
  return DataLoss("funnel \"" + funnel.id + "\" is damaged: it has impossible values");
}

// A funnel that no analysis would take is refused before it is kept.
Status Judge(const FunnelDefinition& funnel) {
  Status status = CheckFunnel(funnel);
  return status.ok() ? CreateFunnel(funnel.query).status() : status;
}

Status NoSuchFunnel(std::string_view id) { return NotFound("there is no funnel " + Quoted(id)); }

bool ComparesWhole(FilterOp op) {
  return op == FilterOp::kEq || op == FilterOp::kNe || op == FilterOp::kIn ||
         op == FilterOp::kNotIn;
}

// Empties the id where a filter names it. Whether one did.
bool Forget(std::string_view user_id, std::vector<Filter>* filters) {
  bool any = false;
  for (Filter& filter : *filters) {
    if (filter.field != "user_id" || !ComparesWhole(filter.op)) continue;
    for (FilterValue& value : filter.values) {
      auto* const text = std::get_if<std::string>(&value);
      if (text == nullptr || *text != user_id) continue;
      text->clear();
      any = true;
    }
  }
  return any;
}

bool Forget(std::string_view user_id, FunnelQuery* query) {
  bool any = Forget(user_id, &query->scope.filters);
  for (FunnelStep& step : query->steps) any |= Forget(user_id, &step.event.filters);
  for (FunnelExclusion& exclusion : query->exclusions) {
    any |= Forget(user_id, &exclusion.event.filters);
  }
  return any;
}

}  // namespace

Result<std::vector<FunnelDefinition>> FunnelStore::List() const {
  std::vector<FunnelDefinition> funnels;
  Status damage;
  Status read = VisitConfig(
      *store_, kFunnelKind, [&](std::string_view id, const Result<std::string_view>& bytes) {
        Result<FunnelDefinition> funnel = bytes.ok() ? Decode(id, *bytes) : bytes.status();
        if (funnel.ok()) {
          funnels.push_back(*std::move(funnel));
        } else if (damage.ok()) {
          damage = funnel.status();
        }
      });
  if (!read.ok()) return read;
  if (!damage.ok()) return damage;
  const auto place = std::lower_bound(
      funnels.begin(), funnels.end(), kDefaultFunnelId,
      [](const FunnelDefinition& funnel, std::string_view id) { return funnel.id < id; });
  if (place == funnels.end() || place->id != kDefaultFunnelId) {
    funnels.insert(place, DefaultFunnel());
  }
  return funnels;
}

Result<FunnelDefinition> FunnelStore::Get(std::string_view id) const {
  if (!IsFunnelId(id)) return NoSuchFunnel(id);
  const Result<std::optional<std::string>> bytes = GetConfig(*store_, kFunnelKind, id);
  if (!bytes.ok()) return bytes.status();
  if (bytes->has_value()) return Decode(id, **bytes);
  if (id == kDefaultFunnelId) return DefaultFunnel();
  return NoSuchFunnel(id);
}

Result<bool> FunnelStore::IsStored(std::string_view id) const {
  const Result<std::optional<std::string>> bytes = GetConfig(*store_, kFunnelKind, id);
  if (bytes.ok()) return bytes->has_value();
  return bytes.status().code() == StatusCode::kDataLoss ? Result<bool>(true) : bytes.status();
}

Status FunnelStore::Write(const FunnelDefinition& funnel, bool is_stored) {
  const std::string bytes = EncodeFunnel(funnel);
  if (bytes.size() > kFunnelBytesMax) {
    return OutOfRange("a funnel takes at most " + std::to_string(kFunnelBytesMax) + " bytes, not " +
                      std::to_string(bytes.size()));
  }
  std::size_t count = is_stored ? 0 : 1;
  std::size_t sum = bytes.size();
  Status read = VisitConfig(*store_, kFunnelKind,
                            [&](std::string_view id, const Result<std::string_view>& stored) {
                              ++count;
                              if (stored.ok() && id != funnel.id) sum += stored->size();
                            });
  if (!read.ok()) return read;
  if (count > kFunnelsMax) {
    return OutOfRange("there are " + std::to_string(kFunnelsMax) +
                      " funnels, which is the most; remove one");
  }
  if (sum > kFunnelsBytesMax) {
    return OutOfRange("all funnels together take at most " + std::to_string(kFunnelsBytesMax) +
                      " bytes; remove one");
  }
  return PutConfig(store_, kFunnelKind, funnel.id, bytes);
}

Status FunnelStore::Add(const FunnelDefinition& funnel) {
  if (Status status = Judge(funnel); !status.ok()) return status;
  const std::lock_guard lock(write_mutex_);
  const Result<bool> is_stored = IsStored(funnel.id);
  if (!is_stored.ok()) return is_stored.status();
  if (*is_stored || funnel.id == kDefaultFunnelId) {
    return Status(StatusCode::kAlreadyExists,
                  "id: there is a funnel \"" + funnel.id + "\" already");
  }
  return Write(funnel, false);
}

Result<bool> FunnelStore::Put(const FunnelDefinition& funnel) {
  if (Status status = Judge(funnel); !status.ok()) return status;
  const std::lock_guard lock(write_mutex_);
  const Result<bool> is_stored = IsStored(funnel.id);
  if (!is_stored.ok()) return is_stored.status();
  if (Status status = Write(funnel, *is_stored); !status.ok()) return status;
  return !*is_stored && funnel.id != kDefaultFunnelId;
}

Status FunnelStore::Remove(std::string_view id) {
  if (!IsFunnelId(id)) return NoSuchFunnel(id);
  const std::lock_guard lock(write_mutex_);
  const Result<bool> is_stored = IsStored(id);
  if (!is_stored.ok()) return is_stored.status();
  if (*is_stored) return RemoveConfig(store_, kFunnelKind, id);
  return id == kDefaultFunnelId ? Status::Ok() : NoSuchFunnel(id);
}

// The definitions that name the user, as they are without. A damaged one, or one of a newer
// version, is left to whoever replaces it.
Result<std::vector<FunnelDefinition>> FunnelStore::Without(std::string_view user_id) const {
  std::vector<FunnelDefinition> changed;
  Status read = VisitConfig(*store_, kFunnelKind,
                            [&](std::string_view id, const Result<std::string_view>& bytes) {
                              if (!bytes.ok()) return;
                              Result<FunnelDefinition> funnel = Decode(id, *bytes);
                              if (funnel.ok() && Forget(user_id, &funnel->query))
                                changed.push_back(*std::move(funnel));
                            });
  if (!read.ok()) return read;
  return changed;
}

Result<bool> FunnelStore::NamesUser(std::string_view user_id) const {
  const auto named = Without(user_id);
  return named.ok() ? Result<bool>(!named->empty()) : named.status();
}

Status FunnelStore::ForgetUser(std::string_view user_id) {
  const std::lock_guard lock(write_mutex_);
  const auto changed = Without(user_id);
  if (!changed.ok()) return changed.status();
  for (const FunnelDefinition& funnel : *changed) {
    Status status = PutConfig(store_, kFunnelKind, funnel.id, EncodeFunnel(funnel));
    if (!status.ok()) return status;
  }
  return Status::Ok();
}

void CheckFunnels(const Store& store, CheckReport* report) {
  const auto add = [report](const Status& status) {
    if (!status.ok()) report->damage.push_back(status.message());
  };
  add(VisitConfig(store, kFunnelKind,
                  [&](std::string_view id, const Result<std::string_view>& bytes) {
                    add(bytes.ok() ? Decode(id, *bytes).status() : bytes.status());
                  }));
}

}  // namespace v1
}  // namespace insightflow
