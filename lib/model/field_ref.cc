#include "lib/model/field_ref.h"

#include <array>
#include <utility>

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::string_view kExtraPrefix = "extra_data.";
constexpr std::array<std::pair<std::string_view, FieldRef::Kind>, 5> kOthers = {{
    {"event_id", FieldRef::Kind::kEventId},
    {"timestamp", FieldRef::Kind::kTimestamp},
    {"position_x", FieldRef::Kind::kPositionX},
    {"position_y", FieldRef::Kind::kPositionY},
    {"seq", FieldRef::Kind::kClientSeq},
}};

Status UnknownField(std::string_view name) {
  std::string message = "unknown field \"" + std::string(name) + "\"; known are ";
  for (const FieldRule& rule : kFieldRules) message += std::string(rule.name) + ", ";
  for (const auto& [other, kind] : kOthers) message += std::string(other) + ", ";
  return InvalidArgument(message + "and extra_data.<path>");
}

}  // namespace

Result<FieldRef> ParseFieldRef(std::string_view name) {
  FieldRef ref;
  for (std::size_t i = 0; i < kFieldCount; ++i) {
    if (kFieldRules[i].name != name) continue;
    ref.field = static_cast<Field>(i);
    return ref;
  }
  for (const auto& [other, kind] : kOthers) {
    if (other != name) continue;
    ref.kind = kind;
    return ref;
  }
  if (!name.starts_with(kExtraPrefix)) return UnknownField(name);
  ref.kind = FieldRef::Kind::kExtra;
  std::string_view rest = name.substr(kExtraPrefix.size());
  while (true) {
    const std::size_t end = rest.find('.');
    const std::string_view key = rest.substr(0, end);
    if (key.empty()) return UnknownField(name);
    ref.path.emplace_back(key);
    if (end == std::string_view::npos) return ref;
    rest.remove_prefix(end + 1);
  }
}

std::string FieldRefName(const FieldRef& ref) {
  if (ref.kind == FieldRef::Kind::kText) return std::string(RuleOf(ref.field).name);
  for (const auto& [other, kind] : kOthers) {
    if (kind == ref.kind) return std::string(other);
  }
  std::string name = "extra_data";
  for (const std::string& key : ref.path) name += "." + key;
  return name;
}

}  // namespace v1
}  // namespace insightflow
