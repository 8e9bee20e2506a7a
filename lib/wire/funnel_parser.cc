#include "lib/wire/funnel_parser.h"

#include <optional>
#include <string>
#include <utility>

#include "insightflow/wire.h"
#include "lib/model/query_check.h"
#include "lib/wire/names.h"
#include "lib/wire/query_parts.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::array<std::string_view, 1> kKindName = {"funnel"};
constexpr std::array<std::string_view, 1> kCompatNames = {"clickhouse"};
// A definition is not of a range: it has no from and to.
constexpr std::array<std::string_view, 7> kDefinitionFields = {
    "id", "name", "active", "kind", "timezone", "filters", "limit"};

FunnelStep ReadStep(JsonValue value, std::string path, Complaints* complaints) {
  static constexpr std::array<std::string_view, 4> kFields = {"event", "filters", "name",
                                                              "optional"};
  const ObjectReader object(value, std::move(path), kFields, complaints);
  FunnelStep step;
  ReadSelectorFields(object, &step.event);
  object.ReadBool("optional", &step.optional);
  return step;
}

FunnelExclusion ReadExclusion(JsonValue value, std::string path, Complaints* complaints) {
  static constexpr std::array<std::string_view, 5> kFields = {"event", "filters", "name",
                                                              "after_step", "before_step"};
  const ObjectReader object(value, std::move(path), kFields, complaints);
  FunnelExclusion exclusion;
  ReadSelectorFields(object, &exclusion.event);
  object.ReadCount("after_step", &exclusion.after_step);
  object.ReadCount("before_step", &exclusion.before_step);
  return exclusion;
}

void ReadHoldConstant(const ObjectReader& object, FunnelQuery* out) {
  const std::optional<JsonList> list = object.FindList("hold_constant");
  if (!list.has_value()) return;
  out->hold_constant.clear();
  for (const JsonValue item : *list) {
    if (!item.is_string()) return object.Complain("hold_constant", "must hold names of fields");
    out->hold_constant.emplace_back(TextOf(item));
  }
}

void ReadFunnelBreakdown(const ObjectReader& object, FunnelQuery* out) {
  static constexpr std::array<std::string_view, 4> kFields = {"field", "attribution", "step",
                                                              "limit"};
  const std::optional<JsonValue> value = object.Find("breakdown");
  if (!value.has_value()) return;
  const ObjectReader part(*value, object.PathOf("breakdown"), kFields, object.complaints());
  FunnelBreakdown& breakdown = out->breakdown.emplace();
  part.Require("field");
  part.ReadText("field", &breakdown.field);
  part.ReadEnum("attribution", kAttributionNames, &breakdown.attribution);
  part.ReadCount("limit", &breakdown.limit);
  part.ReadCount("step", &breakdown.step);
  const bool by_step = breakdown.attribution == Attribution::kStep;
  if (by_step) part.Require("step");
  if (!by_step && part.Has("step")) part.Complain("step", "goes with the attribution step only");
}

void ReadUsersAt(const ObjectReader& object, FunnelQuery* out) {
  static constexpr std::array<std::string_view, 3> kFields = {"step", "outcome", "limit"};
  const std::optional<JsonValue> value = object.Find("users_at");
  if (!value.has_value()) return;
  const ObjectReader part(*value, object.PathOf("users_at"), kFields, object.complaints());
  FunnelUsersAt& users_at = out->users_at.emplace();
  part.ReadCount("step", &users_at.step);
  part.ReadEnum("outcome", kFunnelOutcomeNames, &users_at.outcome);
  part.ReadCount("limit", &users_at.limit);
}

void ReadCompat(const ObjectReader& object, FunnelQuery* out) {
  if (object.ReadName("compat", kCompatNames).has_value()) out->clickhouse.emplace();
  if (out->clickhouse.has_value()) {
    if (object.Has("order")) object.Complain("order", "is replaced by compat: leave one out");
    object.ReadFlags("compat_modes", kCompatModeNames, kCompatModeMembers, &*out->clickhouse);
  } else if (object.Has("compat_modes")) {
    object.Complain("compat_modes", "goes with \"compat\":\"clickhouse\" only");
  }
}

void ReadUnit(const ObjectReader& object, FunnelQuery* out) {
  object.ReadEnum("per", kFunnelUnitNames, &out->per);
  if (out->per == FunnelUnit::kSession) return ReadSessionRules(object, &out->session_rules);
  for (const char* name : {"timeout", "max_duration", "split"}) {
    if (object.Has(name)) object.Complain(name, "goes with \"per\":\"session\" only");
  }
}

}  // namespace

void ReadFunnelSteps(const ObjectReader& object, FunnelQuery* out) {
  object.Require("steps");
  if (const std::optional<JsonList> list = object.FindList("steps")) {
    for (const JsonValue item : *list) {
      const std::string path = object.ItemPath("steps", out->steps.size());
      out->steps.push_back(ReadStep(item, path, object.complaints()));
    }
  }
  object.ReadDuration("window", &out->window);
}

void ReadFunnelParts(const ObjectReader& object, FunnelQuery* out) {
  object.ReadEnum("order", kFunnelOrderNames, &out->order);
  ReadUnit(object, out);
  if (const std::optional<JsonList> list = object.FindList("exclusions")) {
    out->exclusions.clear();
    for (const JsonValue item : *list) {
      const std::string path = object.ItemPath("exclusions", out->exclusions.size());
      out->exclusions.push_back(ReadExclusion(item, path, object.complaints()));
    }
  }
  ReadHoldConstant(object, out);
  ReadFunnelBreakdown(object, out);
  ReadUsersAt(object, out);
  ReadCompat(object, out);
}

Result<FunnelDefinition> ParseFunnel(std::string_view json, std::optional<std::string_view> id) {
  if (json.size() > kFunnelBytesMax) return OutOfRange("a funnel definition is at most 64 KiB");
  simdjson::dom::parser parser;
  const Result<JsonValue> root = ParseJson(json, &parser);
  if (!root.ok()) return root.status();
  if (!root->is_object()) return InvalidArgument("a funnel definition is a JSON object");
  static constexpr auto kFields = JoinNames(kDefinitionFields, kFunnelFields);
  Complaints complaints;
  const ObjectReader object(*root, "", kFields, &complaints);
  FunnelDefinition funnel;
  funnel.id = id.value_or("");
  if (!id.has_value()) object.Require("id");
  object.ReadText("id", &funnel.id);
  if (id.has_value() && funnel.id != *id) object.Complain("id", "is not the one that is named");
  funnel.name = funnel.id;
  object.ReadText("name", &funnel.name);
  object.ReadBool("active", &funnel.active);
  static_cast<void>(object.ReadName("kind", kKindName));
  ReadFunnelSteps(object, &funnel.query);
  ReadScope(object, &funnel.query.scope);
  ReadFunnelParts(object, &funnel.query);
  if (!complaints.none()) return complaints.Take();
  if (Status status = CheckFunnel(funnel); !status.ok()) return status;
  return funnel;
}

}  // namespace v1
}  // namespace insightflow
