// One JSON object to one event draft.
//
// Not thread-safe. A draft's views live until the next Read or CheckExtraData.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/decode/json_cursor.h"
#include "lib/decode/json_index.h"
#include "lib/decode/wire_key.h"
#include "lib/validate/event_draft.h"

namespace insightflow {
inline namespace v1 {

class EventReader {
 public:
  // Reads the object at the cursor (Peek() is '{'). False: the text is not JSON, see
  // cursor->error(). Else `fault` is the first fault among the values, which the caller reports
  // before any that CheckDraft finds.
  bool Read(JsonCursor* cursor, EventDraft* draft, Fault* fault);

  // A text that should be a JSON object within the limits of extra_data: sets the draft's
  // extra_data and what is lifted from it.
  Fault CheckExtraData(std::string_view text, EventDraft* draft);
  // Whether the object that was read last has a member of this name at its top. O(members).
  bool HasExtraKey(std::string_view key) const {
    return std::find(extra_keys_.begin(), extra_keys_.end(), key) != extra_keys_.end();
  }

 private:
  // A top-level member that is no wire field.
  struct Unknown {
    std::string_view key;   // without escapes
    std::size_t begin = 0;  // of its text in unknown_text_
    std::size_t end = 0;
  };

  void Begin(JsonCursor* cursor, EventDraft* draft);
  void TakeUsualMembers();
  WireKey KeyOf(std::string_view key);
  bool ReadMember(std::string_view key, ValueFault key_fault, std::size_t key_begin);
  bool ReadText(WireKey id, std::string_view* value);
  bool ReadTime();
  bool ReadPosition(std::string_view name, std::optional<std::int32_t>* value);
  bool ReadSeq();
  bool ReadExtraData();
  bool ReadExtraMember(std::string_view key, ValueFault* fault);
  void KeepExtraData(std::size_t begin, std::size_t end);
  bool ReadUnknown(std::string_view key, std::size_t key_begin);
  bool SkipWrongType(std::string_view name, const char* expected);
  void MergeUnknown();
  void Blame(RejectCode code, std::string_view field, const char* message);
  void Blame(ValueFault found, std::string_view field);

  JsonCursor* cursor_ = nullptr;
  EventDraft* draft_ = nullptr;
  Fault fault_;
  WireKey last_key_ = WireKey::kExtraData;
  std::array<WireKey, kWireKeyCount> followers_ = {};  // the key that came after each, last time
  std::uint32_t seen_ = 0;                             // bits of WireKey at the top level
  std::uint32_t seen_extra_ = 0;                       // the same within extra_data
  std::vector<Unknown> unknown_;
  std::string unknown_text_;
  std::vector<std::string_view> extra_keys_;
  std::size_t referrer_begin_ = 0;  // of the referrer within extra_data; 0: it has none
  std::size_t referrer_end_ = 0;    // the token behind it
  std::string redacted_;
  std::string compact_;  // extra_data without its white space and its referrer's secrets
  std::string merged_;   // extra_data with the unknown members

  JsonIndex own_index_;  // for CheckExtraData
  JsonCursor own_cursor_;
};

}  // namespace v1
}  // namespace insightflow
