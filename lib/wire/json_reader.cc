#include "lib/wire/json_reader.h"

#include <algorithm>
#include <utility>

#include "lib/base/suggest.h"
#include "lib/validate/time_text.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
// Longer ones are read as this, which is refused as too long where what is asked is judged.
constexpr std::int64_t kDurationMsMax = 1'000'000'000'000'000;

struct Unit {
  std::string_view name;
  std::int64_t ms;
};
constexpr std::array<Unit, 6> kUnits = {{{"ms", 1},
                                         {"s", 1'000},
                                         {"m", 60'000},
                                         {"h", 3'600'000},
                                         {"d", 86'400'000},
                                         {"w", 604'800'000}}};

// Counts brackets outside of texts. What is no JSON is left to the parser.
bool IsDeep(std::string_view text) {
  std::size_t depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      if (c == '"') quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kJsonDepthMax) return true;
    } else if (c == '}' || c == ']') {
      if (depth > 0) --depth;
    }
  }
  return false;
}

const char* TypeName(JsonValue value) {
  switch (value.type()) {
    case simdjson::dom::element_type::NULL_VALUE: return "null";
    case simdjson::dom::element_type::BOOL: return "a boolean";
    case simdjson::dom::element_type::OBJECT: return "an object";
    case simdjson::dom::element_type::ARRAY: return "a list";
    case simdjson::dom::element_type::STRING: return "a text";
    default: return "a number";
  }
}

std::string MustBe(const char* what, JsonValue value) {
  return std::string("must be ") + what + ", not " + TypeName(value);
}

}  // namespace

std::string NoTime(JsonValue value) {
  return (value.is_string() ? Quoted(TextOf(value)) : TypeName(value)) +
         std::string(
             " is no time: milliseconds since 1970, or ISO 8601 with a zone, as "
             "2026-01-31T00:00:00Z");
}

Result<JsonValue> ParseJson(std::string_view text, simdjson::dom::parser* parser) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  if (IsDeep(text)) {
    return InvalidArgument("nested more than " + std::to_string(kJsonDepthMax) + " levels deep");
  }
  JsonValue root;
  const simdjson::error_code error = parser->parse(text.data(), text.size()).get(root);
  if (error == simdjson::SUCCESS) return root;
  if (error == simdjson::NUMBER_ERROR) {
    return InvalidArgument(
        "not JSON: a number is not spelled as one, or is out of range: whole numbers go from "
        "-9223372036854775808 to 9223372036854775807");
  }
  return InvalidArgument(std::string("not JSON: ") + simdjson::error_message(error));
}

std::string_view TextOf(JsonValue value) {
  std::string_view text;
  return value.get(text) == simdjson::SUCCESS ? text : std::string_view();
}

std::optional<JsonValue> MemberOf(JsonValue object, std::string_view name) {
  JsonValue member;
  if (object.at_key(name).get(member) != simdjson::SUCCESS) return std::nullopt;
  return member;
}

JsonList ItemsOf(JsonValue value) {
  JsonList list;
  return value.get(list) == simdjson::SUCCESS ? list : JsonList();
}

void Complaints::Add(std::string_view path, std::string_view what) {
  if (!first_.ok()) return;
  first_ = InvalidArgument(path.empty() ? std::string(what)
                                        : std::string(path) + ": " + std::string(what));
}

void Complaints::Add(Status status) {
  if (first_.ok()) first_ = std::move(status);
}

std::optional<std::size_t> NameIndex(JsonValue value, std::string_view path,
                                     std::span<const std::string_view> names,
                                     Complaints* complaints) {
  if (!value.is_string()) {
    complaints->Add(path, MustBe("a text", value) + ": " + ListOf(names));
    return std::nullopt;
  }
  const auto found = std::find(names.begin(), names.end(), TextOf(value));
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  complaints->Add(path, UnknownName(TextOf(value), names));
  return std::nullopt;
}

ObjectReader::ObjectReader(JsonValue value, std::string path,
                           std::span<const std::string_view> fields, Complaints* complaints)
    : path_(std::move(path)), complaints_(complaints) {
  if (value.is_object()) {
    value_ = value;
    CheckFields(fields);
  } else {
    complaints_->Add(path_,
                     path_.empty() ? "a query is a JSON object" : MustBe("an object", value));
  }
}

void ObjectReader::CheckFields(std::span<const std::string_view> fields) {
  std::vector<bool> seen(fields.size());
  simdjson::dom::object object;
  if (value_->get(object) != simdjson::SUCCESS) return;
  for (const simdjson::dom::key_value_pair member : object) {
    const std::string_view name = member.key;
    const auto found = std::find(fields.begin(), fields.end(), name);
    if (found == fields.end()) {
      Complain(name.empty() ? "\"\"" : Shown(name), "is no field here: " + Allowed(name, fields));
      return;
    }
    const auto index = static_cast<std::size_t>(found - fields.begin());
    if (seen[index]) {
      Complain(name, "stands twice");
      return;
    }
    seen[index] = true;
  }
}

std::optional<JsonValue> ObjectReader::Find(std::string_view name) const {
  return value_.has_value() ? MemberOf(*value_, name) : std::nullopt;
}

std::string ObjectReader::PathOf(std::string_view name) const {
  return path_.empty() ? std::string(name) : path_ + "." + std::string(name);
}

std::string ObjectReader::ItemPath(std::string_view name, std::size_t index) const {
  return PathOf(name) + "[" + std::to_string(index) + "]";
}

void ObjectReader::Complain(std::string_view name, std::string_view what) const {
  if (complaints_->none()) complaints_->Add(PathOf(name), what);
}

std::optional<JsonValue> ObjectReader::Require(std::string_view name) const {
  const std::optional<JsonValue> value = Find(name);
  if (!value.has_value() && value_.has_value()) Complain(name, "is required");
  return value;
}

void ObjectReader::ReadText(std::string_view name, std::string* out) const {
  const std::optional<JsonValue> value = Find(name);
  if (!value.has_value()) return;
  if (!value->is_string()) return Complain(name, MustBe("a text", *value));
  *out = TextOf(*value);
}

void ObjectReader::ReadBool(std::string_view name, bool* out) const {
  const std::optional<JsonValue> value = Find(name);
  if (!value.has_value()) return;
  if (!value->is_bool()) return Complain(name, MustBe("true or false", *value));
  *out = value->get_bool().value_unsafe();
}

void ObjectReader::ReadCount(std::string_view name, std::size_t* out) const {
  const std::optional<JsonValue> value = Find(name);
  if (!value.has_value()) return;
  std::uint64_t count = 0;
  if (!value->is_number()) return Complain(name, MustBe("a whole number", *value));
  if (value->get(count) != simdjson::SUCCESS) {
    return Complain(name, "must be a whole number, not negative");
  }
  *out = count;
}

void ObjectReader::ReadCount(std::string_view name, std::optional<std::size_t>* out) const {
  if (!Has(name)) return;
  out->emplace();
  ReadCount(name, &**out);
}

void ObjectReader::ReadDuration(std::string_view name, Duration* out) const {
  const std::optional<JsonValue> value = Find(name);
  if (!value.has_value()) return;
  if (std::int64_t ms = 0; value->get(ms) == simdjson::SUCCESS) {
    if (ms < 0) return Complain(name, "must not be negative");
    *out = Duration(std::min(ms, kDurationMsMax));
    return;
  }
  if (value->is_uint64()) {
    *out = Duration(kDurationMsMax);
    return;
  }
  const auto parsed = value->is_string() ? ParseDuration(TextOf(*value)) : std::nullopt;
  if (!parsed.has_value()) {
    return Complain(name, (value->is_string() ? Quoted(TextOf(*value)) : TypeName(*value)) +
                              std::string(" is no duration: whole milliseconds, or a whole number "
                                          "and ms, s, m, h, d or w, as 30m"));
  }
  *out = *parsed;
}

void ObjectReader::ReadDuration(std::string_view name, std::optional<Duration>* out) const {
  if (!Has(name)) return;
  out->emplace();
  ReadDuration(name, &**out);
}

void ObjectReader::ReadTime(std::string_view name, std::optional<Timestamp>* out) const {
  const std::optional<JsonValue> value = Find(name);
  if (!value.has_value()) return;
  std::optional<std::int64_t> ms;
  if (std::int64_t whole = 0; value->get(whole) == simdjson::SUCCESS) ms = whole;
  if (value->is_string()) ms = ParseIsoTime(TextOf(*value));
  if (!ms.has_value()) {
    return Complain(name, NoTime(*value));
  }
  *out = FromMillis(*ms);
}

std::optional<std::size_t> ObjectReader::ReadName(std::string_view name,
                                                  std::span<const std::string_view> names) const {
  const std::optional<JsonValue> value = Find(name);
  if (!value.has_value()) return std::nullopt;
  return NameIndex(*value, PathOf(name), names, complaints_);
}

std::optional<JsonList> ObjectReader::FindList(std::string_view name) const {
  const std::optional<JsonValue> value = Find(name);
  if (!value.has_value()) return std::nullopt;
  if (value->is_array()) return ItemsOf(*value);
  Complain(name, MustBe("a list", *value));
  return std::nullopt;
}

std::optional<Duration> ParseDuration(std::string_view text) {
  std::int64_t count = 0;
  std::size_t digits = 0;
  for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits) {
    count = std::min(count * 10 + (text[digits] - '0'), kDurationMsMax);
  }
  const std::string_view name = text.substr(digits);
  const auto unit =
      std::find_if(kUnits.begin(), kUnits.end(), [name](const Unit& u) { return u.name == name; });
  if (digits == 0 || unit == kUnits.end()) return std::nullopt;
  return Duration(std::min(count, kDurationMsMax / unit->ms) * unit->ms);
}

}  // namespace v1
}  // namespace insightflow
