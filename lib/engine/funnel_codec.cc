// Both directions go through one list of members for each struct, so they cannot differ. The lists
// name every member: one that is added does not compile until it has a place in the format.
#include "lib/engine/funnel_codec.h"

#include <concepts>
#include <cstddef>
#include <optional>
#include <type_traits>
#include <variant>
#include <vector>

#include "lib/base/coding.h"

namespace insightflow {
inline namespace v1 {
namespace {

template <typename T, typename Struct>
concept Is = std::same_as<std::remove_const_t<T>, Struct>;

bool Members(auto& codec, Is<Filter> auto& filter) {
  auto& [field, op, values] = filter;
  return codec(field, op, values);
}

bool Members(auto& codec, Is<EventSelector> auto& selector) {
  auto& [types, filters, name] = selector;
  return codec(types, filters, name);
}

// A definition has no range.
bool Members(auto& codec, Is<QueryScope> auto& scope) {
  auto& [from, to, timezone, filters, limit] = scope;
  return codec(timezone, filters, limit);
}

bool Members(auto& codec, Is<SessionRules> auto& rules) {
  auto& [timeout, max_duration, midnight, campaign, session_id] = rules;
  return codec(timeout, max_duration, midnight, campaign, session_id);
}

bool Members(auto& codec, Is<FunnelStep> auto& step) {
  auto& [event, optional] = step;
  return codec(event, optional);
}

bool Members(auto& codec, Is<FunnelExclusion> auto& exclusion) {
  auto& [event, after_step, before_step] = exclusion;
  return codec(event, after_step, before_step);
}

bool Members(auto& codec, Is<FunnelBreakdown> auto& breakdown) {
  auto& [field, attribution, step, limit] = breakdown;
  return codec(field, attribution, step, limit);
}

bool Members(auto& codec, Is<FunnelUsersAt> auto& users_at) {
  auto& [step, outcome, limit] = users_at;
  return codec(step, outcome, limit);
}

bool Members(auto& codec, Is<ClickHouseModes> auto& modes) {
  auto& [deduplication, order, increase, once, reentry] = modes;
  return codec(deduplication, order, increase, once, reentry);
}

bool Members(auto& codec, Is<FunnelQuery> auto& query) {
  auto& [scope, steps, window, order, per, rules, exclusions, constants, breakdown, users_at,
         clickhouse] = query;
  return codec(scope, steps, window, order, per, rules, exclusions, constants, breakdown, users_at,
               clickhouse);
}

bool Members(auto& codec, Is<FunnelDefinition> auto& funnel) {
  auto& [id, name, active, query] = funnel;
  return codec(name, active, query);
}

// The greatest value of an enumeration.
constexpr FilterOp Last(FilterOp) { return FilterOp::kExists; }
constexpr FunnelOrder Last(FunnelOrder) { return FunnelOrder::kUnordered; }
constexpr FunnelUnit Last(FunnelUnit) { return FunnelUnit::kSession; }
constexpr Attribution Last(Attribution) { return Attribution::kStep; }
constexpr FunnelOutcome Last(FunnelOutcome) { return FunnelOutcome::kPending; }

class Writer {
 public:
  explicit Writer(std::string* out) : out_(out) {}

  template <typename... Ts>
  bool operator()(const Ts&... values) {
    (Put(values), ...);
    return true;
  }

 private:
  void Put(const std::string& text) { PutBytes(out_, text); }
  void Put(bool value) { PutFixed(out_, static_cast<std::uint8_t>(value)); }
  void Put(std::size_t count) { PutVarint(out_, count); }
  void Put(std::int64_t value) { PutFixed(out_, value); }
  void Put(double value) { PutFixed(out_, value); }
  void Put(Duration value) { PutFixed(out_, std::int64_t{value.count()}); }

  template <typename Enum>
  requires std::is_enum_v<Enum>
  void Put(Enum value) { PutFixed(out_, static_cast<std::uint8_t>(value)); }

  void Put(const FilterValue& value) {
    PutFixed(out_, static_cast<std::uint8_t>(value.index()));
    std::visit([this](const auto& held) { Put(held); }, value);
  }

  template <typename T>
  void Put(const std::vector<T>& list) {
    PutVarint(out_, list.size());
    for (const T& item : list) Put(item);
  }

  template <typename T>
  void Put(const std::optional<T>& value) {
    Put(value.has_value());
    if (value.has_value()) Put(*value);
  }

  template <typename Struct>
  requires std::is_class_v<Struct>
  void Put(const Struct& value) { Members(*this, value); }

  std::string* const out_;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : in_(bytes) {}

  template <typename... Ts>
  bool operator()(Ts&... values) {
    return (Get(&values) && ...);
  }

  bool at_end() const { return in_.empty(); }

 private:
  bool Get(std::string* text) {
    std::string_view bytes;
    if (!in_.GetBytes(&bytes)) return false;
    *text = bytes;
    return true;
  }

  bool Get(bool* value) {
    std::uint8_t byte = 0;
    if (!in_.GetFixed(&byte) || byte > 1) return false;
    *value = byte == 1;
    return true;
  }

  bool Get(std::size_t* count) {
    std::uint64_t value = 0;
    if (!in_.GetVarint(&value)) return false;
    *count = value;
    return true;
  }

  bool Get(std::int64_t* value) { return in_.GetFixed(value); }
  bool Get(double* value) { return in_.GetFixed(value); }

  bool Get(Duration* value) {
    std::int64_t ms = 0;
    if (!in_.GetFixed(&ms)) return false;
    *value = Duration(ms);
    return true;
  }

  template <typename Enum>
  requires std::is_enum_v<Enum>
  bool Get(Enum* value) {
    std::uint8_t byte = 0;
    if (!in_.GetFixed(&byte) || byte > static_cast<std::uint8_t>(Last(Enum()))) return false;
    *value = static_cast<Enum>(byte);
    return true;
  }

  bool Get(FilterValue* value) {
    std::uint8_t index = 0;
    if (!in_.GetFixed(&index)) return false;
    switch (index) {
      case 0: return Get(&value->emplace<0>());
      case 1: return Get(&value->emplace<1>());
      case 2: return Get(&value->emplace<2>());
      case 3: return Get(&value->emplace<3>());
      default: return false;
    }
  }

  template <typename T>
  bool Get(std::vector<T>* list) {
    std::uint64_t count = 0;
    // Each takes a byte at least, so a damaged count takes little memory.
    if (!in_.GetVarint(&count) || count > in_.remaining()) return false;
    list->resize(static_cast<std::size_t>(count));
    for (T& item : *list) {
      if (!Get(&item)) return false;
    }
    return true;
  }

  template <typename T>
  bool Get(std::optional<T>* value) {
    bool present = false;
    if (!Get(&present)) return false;
    value->reset();
    return !present || Get(&value->emplace());
  }

  template <typename Struct>
  requires std::is_class_v<Struct>
  bool Get(Struct* value) { return Members(*this, *value); }

  ByteReader in_;
};

}  // namespace

std::string EncodeFunnel(const FunnelDefinition& funnel) {
  std::string bytes;
  Writer writer(&bytes);
  Members(writer, funnel);
  return bytes;
}

bool DecodeFunnel(std::string_view bytes, FunnelDefinition* funnel) {
  Reader reader(bytes);
  return Members(reader, *funnel) && reader.at_end();
}

}  // namespace v1
}  // namespace insightflow
