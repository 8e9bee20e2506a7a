// The value of one field of one event, as filters and breakdowns see it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace insightflow {
inline namespace v1 {

struct EventValue {
  enum class Kind : std::uint8_t {
    kAbsent,  // JSON null is absent too
    kText,
    kInteger,  // in the range of int64
    kReal,
    kBool,
    kOther,  // an object, an array or a number beyond all doubles: it exists, and that is all
  };
  Kind kind = Kind::kAbsent;
  std::string_view text;     // of kText; of numbers and bools as spelled
  std::int64_t integer = 0;  // of kInteger; 0 or 1 of kBool
  double real = 0;           // of kInteger and kReal

  bool is_number() const { return kind == Kind::kInteger || kind == Kind::kReal; }

  // "" is absent.
  static EventValue Text(std::string_view text) {
    EventValue value;
    value.kind = text.empty() ? Kind::kAbsent : Kind::kText;
    value.text = text;
    return value;
  }
  static EventValue Integer(std::int64_t integer) {
    EventValue value;
    value.kind = Kind::kInteger;
    value.integer = integer;
    value.real = static_cast<double>(integer);
    return value;
  }
};

// How a value is shown and told from others: text as it is, bools as spelled, numbers in the one
// spelling that they have; "" for absent ones, objects and arrays. May point into `scratch`.
std::string_view SpelledValue(const EventValue& value, std::string* scratch);

// The value at a path of keys in a JSON object, which must be valid; of equal keys the first
// counts. Text that has escapes is decoded into `scratch`, where the value then points. O(bytes
// before the value).
EventValue FindJsonValue(std::string_view object, std::span<const std::string> path,
                         std::string* scratch);

}  // namespace v1
}  // namespace insightflow
