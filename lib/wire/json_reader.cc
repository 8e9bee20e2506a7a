#include "lib/wire/json_reader.h"

#include <rapidjson/error/en.h>

#include <algorithm>
#include <utility>

#include "lib/base/suggest.h"
#include "lib/validate/time_text.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
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

const char* TypeName(const JsonValue& value) {
  switch (value.GetType()) {
    case rapidjson::kNullType: return "null";
    case rapidjson::kFalseType:
    case rapidjson::kTrueType: return "a boolean";
    case rapidjson::kObjectType: return "an object";
    case rapidjson::kArrayType: return "a list";
    case rapidjson::kStringType: return "a text";
    case rapidjson::kNumberType: break;
  }
  return "a number";
}

std::string MustBe(const char* what, const JsonValue& value) {
  return std::string("must be ") + what + ", not " + TypeName(value);
}

}  // namespace

Status ParseJson(std::string_view text, rapidjson::Document* document) {
  std::size_t skipped = 0;
  if (text.starts_with(kByteOrderMark)) skipped = kByteOrderMark.size();
  text.remove_prefix(skipped);
  if (text.find('\0') != std::string_view::npos) {
    return InvalidArgument("not JSON: it holds a zero byte");
  }
  if (IsDeep(text)) {
    return InvalidArgument("nested more than " + std::to_string(kJsonDepthMax) + " levels deep");
  }
  constexpr unsigned kFlags =
      rapidjson::kParseValidateEncodingFlag | rapidjson::kParseFullPrecisionFlag;
  document->Parse<kFlags>(text.data(), text.size());
  if (!document->HasParseError()) return Status::Ok();
  return InvalidArgument("not JSON, at byte " +
                         std::to_string(document->GetErrorOffset() + skipped) + ": " +
                         rapidjson::GetParseError_En(document->GetParseError()));
}

std::string_view TextOf(const JsonValue& value) {
  return {value.GetString(), value.GetStringLength()};
}

void Complaints::Add(std::string_view path, std::string_view what) {
  if (!first_.ok()) return;
  first_ = InvalidArgument(path.empty() ? std::string(what)
                                        : std::string(path) + ": " + std::string(what));
}

void Complaints::Add(Status status) {
  if (first_.ok()) first_ = std::move(status);
}

std::optional<std::size_t> NameIndex(const JsonValue& value, std::string_view path,
                                     std::span<const std::string_view> names,
                                     Complaints* complaints) {
  if (!value.IsString()) {
    complaints->Add(path, MustBe("a text", value) + ": " + ListOf(names));
    return std::nullopt;
  }
  const auto found = std::find(names.begin(), names.end(), TextOf(value));
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  complaints->Add(path, UnknownName(TextOf(value), names));
  return std::nullopt;
}

ObjectReader::ObjectReader(const JsonValue& value, std::string path,
                           std::span<const std::string_view> fields, Complaints* complaints)
    : path_(std::move(path)), complaints_(complaints) {
  if (value.IsObject()) {
    value_ = &value;
    CheckFields(fields);
  } else {
    complaints_->Add(path_,
                     path_.empty() ? "a query is a JSON object" : MustBe("an object", value));
  }
}

void ObjectReader::CheckFields(std::span<const std::string_view> fields) {
  std::vector<bool> seen(fields.size());
  for (const auto& member : value_->GetObject()) {
    const std::string_view name = TextOf(member.name);
    const auto found = std::find(fields.begin(), fields.end(), name);
    if (found == fields.end()) {
      Complain(Shown(name), "is no field here: " + Allowed(name, fields));
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

const JsonValue* ObjectReader::Find(std::string_view name) const {
  if (value_ == nullptr) return nullptr;
  const JsonValue key(name.data(), static_cast<rapidjson::SizeType>(name.size()));
  const auto found = value_->FindMember(key);
  return found == value_->MemberEnd() ? nullptr : &found->value;
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

const JsonValue* ObjectReader::Require(std::string_view name) const {
  const JsonValue* value = Find(name);
  if (value == nullptr && value_ != nullptr) Complain(name, "is required");
  return value;
}

void ObjectReader::ReadText(std::string_view name, std::string* out) const {
  const JsonValue* value = Find(name);
  if (value == nullptr) return;
  if (!value->IsString()) return Complain(name, MustBe("a text", *value));
  *out = TextOf(*value);
}

void ObjectReader::ReadBool(std::string_view name, bool* out) const {
  const JsonValue* value = Find(name);
  if (value == nullptr) return;
  if (!value->IsBool()) return Complain(name, MustBe("true or false", *value));
  *out = value->GetBool();
}

void ObjectReader::ReadCount(std::string_view name, std::size_t* out) const {
  const JsonValue* value = Find(name);
  if (value == nullptr) return;
  if (!value->IsNumber()) return Complain(name, MustBe("a whole number", *value));
  if (!value->IsUint64()) return Complain(name, "must be a whole number, not negative");
  *out = value->GetUint64();
}

void ObjectReader::ReadCount(std::string_view name, std::optional<std::size_t>* out) const {
  if (!Has(name)) return;
  out->emplace();
  ReadCount(name, &**out);
}

void ObjectReader::ReadDuration(std::string_view name, Duration* out) const {
  const JsonValue* value = Find(name);
  if (value == nullptr) return;
  if (value->IsInt64()) {
    if (value->GetInt64() > kDurationMsMax || value->GetInt64() < 0) {
      return Complain(name, "is out of range");
    }
    *out = Duration(value->GetInt64());
    return;
  }
  const auto parsed = value->IsString() ? ParseDuration(TextOf(*value)) : std::nullopt;
  if (!parsed.has_value()) {
    return Complain(name, (value->IsString() ? Quoted(TextOf(*value)) : TypeName(*value)) +
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
  const JsonValue* value = Find(name);
  if (value == nullptr) return;
  std::optional<std::int64_t> ms;
  if (value->IsInt64()) ms = value->GetInt64();
  if (value->IsString()) ms = ParseIsoTime(TextOf(*value));
  if (!ms.has_value()) {
    return Complain(name, (value->IsString() ? Quoted(TextOf(*value)) : TypeName(*value)) +
                              std::string(" is no time: milliseconds since 1970, or ISO 8601 with "
                                          "a zone, as 2026-01-31T00:00:00Z"));
  }
  *out = FromMillis(*ms);
}

std::optional<std::size_t> ObjectReader::ReadName(std::string_view name,
                                                  std::span<const std::string_view> names) const {
  const JsonValue* value = Find(name);
  if (value == nullptr) return std::nullopt;
  return NameIndex(*value, PathOf(name), names, complaints_);
}

const JsonValue* ObjectReader::FindList(std::string_view name) const {
  const JsonValue* value = Find(name);
  if (value == nullptr || value->IsArray()) return value;
  Complain(name, MustBe("a list", *value));
  return nullptr;
}

std::optional<Duration> ParseDuration(std::string_view text) {
  std::int64_t count = 0;
  std::size_t digits = 0;
  for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits) {
    count = count * 10 + (text[digits] - '0');
    if (count > kDurationMsMax) return std::nullopt;
  }
  const std::string_view name = text.substr(digits);
  const auto unit =
      std::find_if(kUnits.begin(), kUnits.end(), [name](const Unit& u) { return u.name == name; });
  if (digits == 0 || unit == kUnits.end() || count > kDurationMsMax / unit->ms) return std::nullopt;
  return Duration(count * unit->ms);
}

}  // namespace v1
}  // namespace insightflow
