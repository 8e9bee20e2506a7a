// JSON documents read strictly: every field is known, stands once and has its type, or the reader
// says where it is and what would be right.
#pragma once

#include <simdjson.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "insightflow/query.h"
#include "insightflow/status.h"

namespace insightflow {
inline namespace v1 {

// Good as long as the parser that it came from.
using JsonValue = simdjson::dom::element;
using JsonList = simdjson::dom::array;

inline constexpr std::size_t kJsonDepthMax = 32;

// A whole document; a byte order mark is skipped. kInvalidArgument: not JSON, not UTF-8, nested
// more than kJsonDepthMax levels.
Result<JsonValue> ParseJson(std::string_view text, simdjson::dom::parser* parser);

// Of a text, an object or a list.
std::string_view TextOf(JsonValue value);
std::optional<JsonValue> MemberOf(JsonValue object, std::string_view name);
JsonList ItemsOf(JsonValue value);

// What is said of a value that should be a time.
std::string NoTime(JsonValue value);

// The first complaint of a document. Reading goes on after it and leaves its targets as they are.
class Complaints {
 public:
  void Add(std::string_view path, std::string_view what);
  void Add(Status status);
  bool none() const { return first_.ok(); }
  Status Take() { return std::move(first_); }

 private:
  Status first_;
};

// The index of the one of `names` that the value is.
std::optional<std::size_t> NameIndex(JsonValue value, std::string_view path,
                                     std::span<const std::string_view> names,
                                     Complaints* complaints);

// One object of a document, which must outlive it as the complaints must. Read… leaves its target
// as it is when the field is absent.
class ObjectReader {
 public:
  // Complains at once about a value that is no object, and about fields that are not in `fields`.
  ObjectReader(JsonValue value, std::string path, std::span<const std::string_view> fields,
               Complaints* complaints);

  bool Has(std::string_view name) const { return Find(name).has_value(); }
  std::optional<JsonValue> Find(std::string_view name) const;
  std::string PathOf(std::string_view name) const;
  Complaints* complaints() const { return complaints_; }
  void Complain(std::string_view name, std::string_view what) const;
  // Complains when it is absent.
  std::optional<JsonValue> Require(std::string_view name) const;

  void ReadText(std::string_view name, std::string* out) const;
  void ReadBool(std::string_view name, bool* out) const;
  void ReadCount(std::string_view name, std::size_t* out) const;
  void ReadCount(std::string_view name, std::optional<std::size_t>* out) const;
  // "30m" or milliseconds.
  void ReadDuration(std::string_view name, Duration* out) const;
  void ReadDuration(std::string_view name, std::optional<Duration>* out) const;
  // Milliseconds or ISO 8601 with a zone.
  void ReadTime(std::string_view name, std::optional<Timestamp>* out) const;

  // The index of one of `names`.
  std::optional<std::size_t> ReadName(std::string_view name,
                                      std::span<const std::string_view> names) const;

  template <typename Enum, std::size_t kCount>
  void ReadEnum(std::string_view name, const std::array<std::string_view, kCount>& names,
                Enum* out) const {
    const std::optional<std::size_t> index = ReadName(name, names);
    if (index.has_value()) *out = static_cast<Enum>(*index);
  }

  // A list of names, each of which sets a member.
  template <typename Struct, std::size_t kCount>
  void ReadFlags(std::string_view name, const std::array<std::string_view, kCount>& names,
                 const std::array<bool Struct::*, kCount>& members, Struct* out) const {
    const std::optional<JsonList> list = FindList(name);
    if (!list.has_value()) return;
    std::size_t at = 0;
    for (const JsonValue item : *list) {
      const auto index = NameIndex(item, ItemPath(name, at++), names, complaints_);
      if (index.has_value()) out->*members[*index] = true;
    }
  }

  // nullopt when absent or no list.
  std::optional<JsonList> FindList(std::string_view name) const;
  std::string ItemPath(std::string_view name, std::size_t index) const;

 private:
  void CheckFields(std::span<const std::string_view> fields);

  std::optional<JsonValue> value_;  // an object, or none
  std::string path_;
  Complaints* complaints_;
};

// "1500ms", "10s", "30m", "1h", "7d", "2w". nullopt: anything else, or past 10^15 ms.
std::optional<Duration> ParseDuration(std::string_view text);

}  // namespace v1
}  // namespace insightflow
