// ParseQuery: shapes and types are judged here, by kind; what they mean together, by CheckQuery.
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "insightflow/wire.h"
#include "lib/base/suggest.h"
#include "lib/model/query_check.h"
#include "lib/wire/funnel_parser.h"
#include "lib/wire/json_reader.h"
#include "lib/wire/names.h"
#include "lib/wire/query_parts.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::array<std::string_view, 6> kCommonFields = {"kind",     "from",    "to",
                                                           "timezone", "filters", "limit"};
constexpr std::array<std::string_view, 1> kStoredFunnelFields = {"funnel_id"};

// The fields of a kind, before those that every query has.
template <typename... Names>
constexpr auto WithCommon(Names... names) {
  return JoinNames(std::array<std::string_view, sizeof...(names)>{names...}, kCommonFields);
}

constexpr std::array<std::string_view, 1> kPreviousNames = {"previous"};

// What the readers of the kinds share.
struct Document {
  JsonValue root;
  Complaints* complaints;
  const FunnelResolver& funnels;
};

TrendSeries ReadSeries(JsonValue value, std::string path, Complaints* complaints) {
  static constexpr std::array<std::string_view, 5> kFields = {"event", "filters", "name", "measure",
                                                              "property"};
  const ObjectReader object(value, std::move(path), kFields, complaints);
  TrendSeries series;
  ReadSelectorFields(object, &series.event);
  object.ReadEnum("measure", kMeasureNames, &series.measure);
  object.ReadText("property", &series.property);
  return series;
}

void Read(const Document& document, TrendsQuery* out) {
  static constexpr auto kFields = WithCommon("series", "interval", "breakdown", "compare");
  const ObjectReader object(document.root, "", kFields, document.complaints);
  ReadScope(object, &out->scope);
  object.Require("series");
  if (const std::optional<JsonList> list = object.FindList("series")) {
    for (const JsonValue item : *list) {
      const std::string path = object.ItemPath("series", out->series.size());
      out->series.push_back(ReadSeries(item, path, document.complaints));
    }
  }
  object.ReadEnum("interval", kIntervalNames, &out->interval);
  ReadBreakdown(object, &out->breakdown);
  out->compare_previous = object.ReadName("compare", kPreviousNames).has_value();
}

void Read(const Document& document, TopQuery* out) {
  static constexpr auto kFields = WithCommon("field", "measure", "events");
  const ObjectReader object(document.root, "", kFields, document.complaints);
  ReadScope(object, &out->scope);
  object.ReadText("field", &out->field);
  object.ReadEnum("measure", kMeasureNames, &out->measure);
  ReadSelector(object, "events", &out->events);
}

void Read(const Document& document, SessionsQuery* out) {
  static constexpr auto kFields =
      WithCommon("timeout", "max_duration", "split", "interval", "breakdown");
  const ObjectReader object(document.root, "", kFields, document.complaints);
  ReadScope(object, &out->scope);
  ReadSessionRules(object, &out->rules);
  if (object.Has("interval")) {
    object.ReadEnum("interval", kIntervalNames, &out->interval.emplace());
  }
  ReadBreakdown(object, &out->breakdown);
}

// The definition that funnel_id names, or the steps and window that stand here.
void ReadSteps(const ObjectReader& object, const FunnelResolver& funnels, FunnelQuery* out) {
  if (!object.Has("funnel_id")) return ReadFunnelSteps(object, out);
  for (const char* name : {"steps", "window"}) {
    if (object.Has(name)) return object.Complain(name, "is given by funnel_id: leave one out");
  }
  std::string id;
  object.ReadText("funnel_id", &id);
  if (!object.complaints()->none()) return;
  Result<FunnelQuery> found =
      funnels != nullptr ? funnels(id) : NotFound("there are no stored funnels here");
  if (found.ok()) {
    *out = *std::move(found);
  } else {
    const Status& why = found.status();
    object.complaints()->Add(Status(why.code(), "funnel_id: " + why.message()));
  }
}

void Read(const Document& document, FunnelQuery* out) {
  static constexpr auto kFields = JoinNames(kFunnelFields, kStoredFunnelFields, kCommonFields);
  const ObjectReader object(document.root, "", kFields, document.complaints);
  ReadSteps(object, document.funnels, out);
  ReadScope(object, &out->scope);
  ReadFunnelParts(object, out);
}

void Read(const Document& document, RetentionQuery* out) {
  static constexpr auto kFields =
      WithCommon("start", "return", "period", "periods", "cohort", "return_on", "bucket");
  const ObjectReader object(document.root, "", kFields, document.complaints);
  ReadScope(object, &out->scope);
  ReadSelector(object, "start", &out->start);
  ReadSelector(object, "return", &out->return_event);
  object.ReadEnum("period", kRetentionPeriodNames, &out->period);
  object.ReadCount("periods", &out->periods);
  object.ReadEnum("cohort", kRetentionCohortNames, &out->cohort);
  object.ReadEnum("return_on", kRetentionReturnNames, &out->return_on);
  object.ReadEnum("bucket", kRetentionBucketNames, &out->bucket);
}

void Read(const Document& document, PathsQuery* out) {
  static constexpr auto kFields =
      WithCommon("by", "start", "end", "around", "depth", "fold_repeats", "timeout");
  const ObjectReader object(document.root, "", kFields, document.complaints);
  ReadScope(object, &out->scope);
  object.ReadText("by", &out->by);
  std::size_t anchors = 0;
  for (std::size_t i = 0; i < kPathsAnchorNames.size(); ++i) {
    if (!object.Has(kPathsAnchorNames[i])) continue;
    ++anchors;
    out->anchor = static_cast<PathsAnchor>(i);
    ReadSelector(object, kPathsAnchorNames[i], &out->event);
  }
  if (anchors != 1) {
    const std::string_view at = anchors == 0 ? "start" : NameOf(out->anchor, kPathsAnchorNames);
    object.Complain(at, "exactly one of start, end and around is required");
  }
  object.ReadCount("depth", &out->depth);
  object.ReadBool("fold_repeats", &out->fold_repeats);
  object.ReadDuration("timeout", &out->timeout);
}

void Read(const Document& document, LifecycleQuery* out) {
  static constexpr auto kFields = WithCommon("interval", "event");
  const ObjectReader object(document.root, "", kFields, document.complaints);
  ReadScope(object, &out->scope);
  object.ReadEnum("interval", kIntervalNames, &out->interval);
  ReadSelector(object, "event", &out->event);
}

void Read(const Document& document, HeatmapQuery* out) {
  static constexpr auto kFields = WithCommon("page_url", "columns", "rows", "event");
  const ObjectReader object(document.root, "", kFields, document.complaints);
  ReadScope(object, &out->scope);
  object.Require("page_url");
  object.ReadText("page_url", &out->page_url);
  object.ReadCount("columns", &out->columns);
  object.ReadCount("rows", &out->rows);
  ReadSelector(object, "event", &out->event);
}

void Read(const Document& document, UsersQuery* out) {
  static constexpr auto kFields = WithCommon("search", "sort", "after");
  const ObjectReader object(document.root, "", kFields, document.complaints);
  ReadScope(object, &out->scope);
  object.ReadText("search", &out->search);
  object.ReadEnum("sort", kUsersSortNames, &out->sort);
  object.ReadText("after", &out->after);
}

// Reads the query of the kind whose number is `index`: the alternatives of Query stand in the order
// of kKindNames.
template <std::size_t kIndex = 0>
Query ReadKind(std::size_t index, const Document& document) {
  if constexpr (kIndex + 1 < std::variant_size_v<Query>) {
    if (index != kIndex) return ReadKind<kIndex + 1>(index, document);
  }
  std::variant_alternative_t<kIndex, Query> query;
  Read(document, &query);
  return query;
}

// What is wrong with `kind` comes before anything else: without it no other field means anything.
std::optional<std::size_t> ReadKindName(JsonValue root, Complaints* complaints) {
  if (!root.is_object()) {
    complaints->Add("", "a query is a JSON object");
    return std::nullopt;
  }
  const std::optional<JsonValue> found = MemberOf(root, "kind");
  if (!found.has_value()) {
    complaints->Add("kind", "is required: " + ListOf(kKindNames));
    return std::nullopt;
  }
  return NameIndex(*found, "kind", kKindNames, complaints);
}

}  // namespace

Result<Query> ParseQuery(std::string_view json, const FunnelResolver& funnels) {
  if (json.size() > kQueryBytesMax) return OutOfRange("a query is at most 1 MiB");
  simdjson::dom::parser parser;
  const Result<JsonValue> root = ParseJson(json, &parser);
  if (!root.ok()) return root.status();
  Complaints complaints;
  const std::optional<std::size_t> kind = ReadKindName(*root, &complaints);
  if (!complaints.none()) return complaints.Take();
  Query query = ReadKind(*kind, Document{*root, &complaints, funnels});
  if (!complaints.none()) return complaints.Take();
  if (Status status = CheckQuery(query); !status.ok()) return status;
  return query;
}

}  // namespace v1
}  // namespace insightflow
