// Parts of a query that stand alone: in URLs and on command lines.
#include <array>
#include <charconv>
#include <cstdint>
#include <string>
#include <utility>

#include "insightflow/wire.h"
#include "lib/base/suggest.h"
#include "lib/base/utf8.h"
#include "lib/validate/time_text.h"
#include "lib/wire/json_reader.h"
#include "lib/wire/query_parts.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::array<std::string_view, 1> kFields = {"filters"};
constexpr std::size_t kDateBytes = 10;

}  // namespace

Result<std::vector<Filter>> ParseFilters(std::string_view json) {
  if (json.size() > kQueryBytesMax) return OutOfRange("filters are at most 1 MiB");
  // By itself first, so that what is put around it changes nothing.
  simdjson::dom::parser parser;
  const Result<JsonValue> alone = ParseJson(json, &parser);
  if (!alone.ok()) {
    return Status(alone.status().code(), "filters: " + alone.status().message());
  }
  const bool is_one = alone->is_object();
  std::string text = is_one ? "{\"filters\":[" : "{\"filters\":";
  text.append(json.starts_with("\xEF\xBB\xBF") ? json.substr(3) : json);
  text += is_one ? "]}" : "}";
  const Result<JsonValue> document = ParseJson(text, &parser);
  if (!document.ok()) return document.status();
  Complaints complaints;
  std::vector<Filter> filters;
  ReadFilters(ObjectReader(*document, "", kFields, &complaints), "filters", &filters);
  if (!complaints.none()) return complaints.Take();
  return filters;
}

Result<Timestamp> ParseTime(std::string_view text) {
  std::int64_t ms = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, ms);
  if (error == std::errc() && stop == end) return FromMillis(ms);
  const std::string whole = std::string(text) + (text.size() == kDateBytes ? "T00:00:00Z" : "");
  const std::optional<std::int64_t> parsed = ParseIsoTime(whole);
  if (parsed.has_value()) return FromMillis(*parsed);
  return InvalidArgument((IsUtf8(text) ? Quoted(text) : "what is not UTF-8") +
                         " is no time: milliseconds since 1970, or ISO 8601 as 2026-01-31 or "
                         "2026-01-31T08:00:00Z");
}

}  // namespace v1
}  // namespace insightflow
