#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "lib/base/suggest.h"
#include "lib/base/utf8.h"
#include "lib/decode/csv.h"
#include "lib/decode/decoder.h"
#include "lib/decode/json_decoder.h"
#include "lib/decode/wire_key.h"

namespace insightflow {
inline namespace v1 {
namespace {

using Target = CsvSchema::Target;

constexpr std::size_t kColumnsShownBytesMax = 200;

Target MakeTarget(WireKey key, std::string name) {
  Target target;
  target.name = std::move(name);
  switch (key) {
    case WireKey::kEventId: target.kind = Target::Kind::kEventId; break;
    case WireKey::kTimestamp: target.kind = Target::Kind::kTime; break;
    case WireKey::kPositionX: target.kind = Target::Kind::kPositionX; break;
    case WireKey::kPositionY: target.kind = Target::Kind::kPositionY; break;
    case WireKey::kSeq: target.kind = Target::Kind::kClientSeq; break;
    case WireKey::kExtraData: target.kind = Target::Kind::kExtraObject; break;
    case WireKey::kUnknown: target.kind = Target::Kind::kExtra; break;
    default: target.kind = Target::Kind::kText; target.field = static_cast<Field>(key);
  }
  return target;
}

Status Bad(std::string_view what, std::string_view name) {
  return InvalidArgument(std::string(what) + " \"" + std::string(name) + "\"");
}

// The columns' names, each once; a column without a name is called by its number.
Result<std::vector<std::string>> ColumnNames(std::string_view header) {
  CsvRecordReader reader;
  reader.Read(WithoutByteOrderMark(header));
  if (!reader.well_formed() || !IsUtf8(header)) {
    return InvalidArgument("the CSV header is malformed");
  }
  std::vector<std::string> names;
  std::set<std::string> known;
  for (const std::string_view cell : reader.cells()) {
    names.push_back(cell.empty() ? "column_" + std::to_string(names.size() + 1)
                                 : std::string(cell));
    if (!known.insert(names.back()).second) return Bad("two CSV columns are named", names.back());
  }
  return names;
}

// What is to be done about a field that every event has and no column feeds.
Status Lacks(std::string_view field, const std::vector<std::string>& names) {
  const std::string& only = names.front();
  if (names.size() == 1 && only.find_first_of(";\t|") != std::string::npos) {
    return InvalidArgument("the CSV header has no commas; cells must be separated by commas");
  }
  const Status lacks = Bad("no CSV column is named or mapped to", field);
  std::string columns;
  for (const std::string& name : names) {
    if (columns.size() + name.size() > kColumnsShownBytesMax) {
      columns += ", …";
      break;
    }
    columns += (columns.empty() ? "" : ", ") + Shown(name);
  }
  return InvalidArgument(lacks.message() + "; the columns are " + columns);
}

}  // namespace

Result<CsvSchema> CsvSchema::Create(std::string_view header,
                                    const std::vector<std::pair<std::string, std::string>>& map) {
  Result<std::vector<std::string>> names = ColumnNames(header);
  if (!names.ok()) return names.status();
  std::vector<WireKey> keys(names->size(), WireKey::kUnknown);
  std::set<WireKey> mapped;
  for (const auto& [field, column] : map) {
    const WireKey key = FindWireKey(field);
    if (key == WireKey::kUnknown) return Bad("there is no event field", field);
    const auto at = std::find(names->begin(), names->end(), column);
    if (at == names->end()) return Bad("the CSV header has no column", column);
    WireKey& target = keys[static_cast<std::size_t>(at - names->begin())];
    if (!mapped.insert(key).second) return Bad("two CSV columns are mapped to", field);
    if (target != WireKey::kUnknown) return Bad("two fields are mapped to the CSV column", column);
    target = key;
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const WireKey key = FindWireKey((*names)[i]);
    if (key == WireKey::kUnknown || keys[i] != WireKey::kUnknown) continue;
    if (mapped.insert(key).second) keys[i] = key;
  }
  for (const std::string_view required : {"user_id", "event_type", "timestamp"}) {
    if (!mapped.contains(FindWireKey(required))) return Lacks(required, *names);
  }
  CsvSchema schema;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    schema.targets_.push_back(MakeTarget(keys[i], std::move((*names)[i])));
  }
  return schema;
}

}  // namespace v1
}  // namespace insightflow
