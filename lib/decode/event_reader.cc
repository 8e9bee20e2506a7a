#include "lib/decode/event_reader.h"

#include <algorithm>
#include <array>
#include <limits>

#include "lib/base/short_text.h"
#include "lib/decode/json_text.h"
#include "lib/validate/redact.h"
#include "lib/validate/time_text.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::string_view kExtraName = WireKeyName(WireKey::kExtraData);
constexpr std::string_view kTimeName = WireKeyName(WireKey::kTimestamp);
constexpr std::string_view kSeqName = WireKeyName(WireKey::kSeq);
constexpr auto kNames = [] {
  std::array<std::string_view, kWireKeyCount> names;
  for (std::size_t k = 0; k < kWireKeyCount; ++k) names[k] = WireKeyName(static_cast<WireKey>(k));
  return names;
}();
// Every name as a member begins: in quotes, with the colon.
struct QuotedNames {
  std::array<std::array<char, 20>, kWireKeyCount> text = {};
  std::array<std::uint8_t, kWireKeyCount> size = {};

  constexpr QuotedNames() {
    for (std::size_t k = 0; k < kWireKeyCount; ++k) {
      std::size_t n = 0;
      text[k][n++] = '"';
      for (const char c : kNames[k]) text[k][n++] = c;
      text[k][n++] = '"';
      text[k][n++] = ':';
      size[k] = static_cast<std::uint8_t>(n);
    }
  }
  std::string_view Of(WireKey key) const {
    const auto k = static_cast<std::size_t>(key);
    return {text[k].data(), size[k]};
  }
};
constexpr QuotedNames kQuotedNames;
constexpr const char* kIntRangeMessage = "a number does not fit 64 bits";
constexpr const char* kPositionRangeMessage = "the number does not fit 32 bits";
constexpr const char* kSeqRangeMessage = "the value must be an integer from 0 that fits 64 bits";
constexpr const char* kTextExpected = "the value must be a string";
constexpr const char* kTimeExpected = "the value must be milliseconds or an ISO 8601 string";
constexpr const char* kNumberExpected = "the value must be a number";
constexpr const char* kObjectExpected = "the value must be an object";
// The levels around a member of extra_data.
constexpr std::size_t kMemberLevel = 1;

// False when the bit of `key` was set already.
bool SetBit(WireKey key, std::uint32_t* bits) {
  const std::uint32_t bit = std::uint32_t{1} << static_cast<unsigned>(key);
  const bool fresh = (*bits & bit) == 0;
  *bits |= bit;
  return fresh;
}

bool IsFirst(WireKey key, std::uint32_t bits) {
  return (bits >> static_cast<unsigned>(key) & 1) == 0;
}

bool IsText(WireKey key) { return static_cast<std::size_t>(key) < kFieldCount; }

}  // namespace

void EventReader::Begin(JsonCursor* cursor, EventDraft* draft) {
  cursor_ = cursor;
  draft_ = draft;
  fault_ = {};
  last_key_ = WireKey::kExtraData;  // as though an event followed the one before it
  seen_ = 0;
  seen_extra_ = 0;
  unknown_.clear();
  unknown_text_.clear();
  extra_keys_.clear();
}

bool EventReader::Read(JsonCursor* cursor, EventDraft* draft, Fault* fault) {
  Begin(cursor, draft);
  draft->Reset();
  cursor->ForgetStrings();
  const bool is_json = cursor->ReadObject(
      [this](std::string_view key, ValueFault key_fault, std::size_t key_begin) {
        return ReadMember(key, key_fault, key_begin);
      },
      [this] { TakeUsualMembers(); });
  if (!is_json) return false;
  if (!unknown_.empty()) MergeUnknown();
  *fault = fault_;
  return true;
}

// Clients send the members of an event in the same order again and again, without white space.
void EventReader::TakeUsualMembers() {
  for (;;) {
    const WireKey id = followers_[static_cast<std::size_t>(last_key_)];
    std::string_view value;
    if (!IsText(id) || !IsFirst(id, seen_) ||
        !cursor_->TakeTextMember(kQuotedNames.Of(id), &value)) {
      return;
    }
    SetBit(id, &seen_);
    draft_->text[static_cast<std::size_t>(id)] = value;
    last_key_ = id;
  }
}

WireKey EventReader::KeyOf(std::string_view key) {
  WireKey& expected = followers_[static_cast<std::size_t>(last_key_)];
  if (!EqualBytes(kNames[static_cast<std::size_t>(expected)], key)) {
    const WireKey id = FindWireKey(key);
    if (id == WireKey::kUnknown) return id;
    expected = id;
  }
  return last_key_ = expected;
}

bool EventReader::ReadMember(std::string_view key, ValueFault key_fault, std::size_t key_begin) {
  const WireKey id = KeyOf(key);
  if (id == WireKey::kUnknown) {
    if (key_fault != ValueFault::kNone) Blame(key_fault, kExtraName);
    return ReadUnknown(key, key_begin);
  }
  if (!SetBit(id, &seen_)) {
    ValueFault ignored = ValueFault::kNone;
    return cursor_->SkipValue(0, &ignored);
  }
  if (IsText(id)) return ReadText(id, &draft_->text[static_cast<std::size_t>(id)]);
  switch (id) {
    case WireKey::kEventId: return ReadText(id, &draft_->event_id);
    case WireKey::kTimestamp: return ReadTime();
    case WireKey::kPositionX: return ReadPosition(WireKeyName(id), &draft_->position_x);
    case WireKey::kPositionY: return ReadPosition(WireKeyName(id), &draft_->position_y);
    case WireKey::kSeq: return ReadSeq();
    default: return ReadExtraData();
  }
}

bool EventReader::ReadText(WireKey id, std::string_view* value) {
  if (cursor_->Peek() != '"') {
    const char* const expected = id == WireKey::kTimestamp ? kTimeExpected : kTextExpected;
    return cursor_->TakeNull() || SkipWrongType(WireKeyName(id), expected);
  }
  ValueFault found = ValueFault::kNone;
  if (!cursor_->ReadString(value, &found)) return false;
  if (found != ValueFault::kNone) Blame(found, WireKeyName(id));
  return true;
}

bool EventReader::ReadTime() {
  if (std::uint64_t digits; cursor_->TakeDigits(&digits)) {
    draft_->time_ms = static_cast<std::int64_t>(digits);
    return true;
  }
  if (cursor_->NumberIsNext()) {
    JsonNumber number;
    std::string_view token;
    if (!cursor_->ReadNumber(&number, &token)) return false;
    draft_->time_ms = FloorToInt64(number, token);
    if (!draft_->time_ms) Blame(RejectCode::kIntRange, kTimeName, kIntRangeMessage);
    return true;
  }
  std::string_view text;
  if (!ReadText(WireKey::kTimestamp, &text)) return false;
  if (text.empty() || fault_) return true;
  draft_->time_ms = ParseIsoTime(text);
  if (!draft_->time_ms) {
    Blame(RejectCode::kBadTime, kTimeName,
          "the time is neither milliseconds nor ISO 8601 with a zone");
  }
  return true;
}

bool EventReader::ReadPosition(std::string_view name, std::optional<std::int32_t>* value) {
  if (std::uint64_t digits; cursor_->TakeDigits(&digits)) {
    if (digits > std::numeric_limits<std::int32_t>::max()) {
      Blame(RejectCode::kIntRange, name, kPositionRangeMessage);
    } else {
      *value = static_cast<std::int32_t>(digits);
    }
    return true;
  }
  if (cursor_->TakeNull()) return true;
  if (!cursor_->NumberIsNext()) return SkipWrongType(name, kNumberExpected);
  JsonNumber number;
  std::string_view token;
  if (!cursor_->ReadNumber(&number, &token)) return false;
  *value = RoundToInt32(number, token);
  if (!*value) Blame(RejectCode::kIntRange, name, kPositionRangeMessage);
  return true;
}

bool EventReader::ReadSeq() {
  if (cursor_->TakeNull()) return true;
  if (!cursor_->NumberIsNext()) return SkipWrongType(kSeqName, kNumberExpected);
  JsonNumber number;
  std::string_view token;
  if (!cursor_->ReadNumber(&number, &token)) return false;
  draft_->seq = AsUint64(number, token);
  if (!draft_->seq) Blame(RejectCode::kIntRange, kSeqName, kSeqRangeMessage);
  return true;
}

bool EventReader::ReadExtraData() {
  if (cursor_->TakeNull()) return true;
  if (cursor_->Peek() != '{') return SkipWrongType(kExtraName, kObjectExpected);
  const std::size_t begin = cursor_->offset();
  ValueFault found = ValueFault::kNone;
  referrer_begin_ = 0;
  const bool is_json =
      cursor_->ReadObject([this, &found](std::string_view key, ValueFault key_fault, std::size_t) {
        if (found == ValueFault::kNone) found = key_fault;
        return ReadExtraMember(key, &found);
      });
  if (!is_json) return false;
  const std::size_t end = cursor_->previous_end();
  if (found != ValueFault::kNone) {
    Blame(found, kExtraName);
  } else if (end - begin > kExtraDataBytesMax) {
    Blame(RejectCode::kTooLong, kExtraName, "extra_data is longer than 16 KiB");
  } else {
    KeepExtraData(begin, end);
  }
  return true;
}

// What a client of the first generation says of the page before goes here only.
void EventReader::KeepExtraData(std::size_t begin, std::size_t end) {
  const bool secret =
      referrer_begin_ != 0 &&
      RedactUrl(draft_->lifted[static_cast<std::size_t>(Field::kReferrer)], &redacted_);
  if (!secret && !cursor_->HasSpacesSince(begin)) {
    draft_->extra_data = cursor_->text().substr(begin, end - begin);
    return;
  }
  compact_.clear();
  if (secret) {
    cursor_->AppendCompact(begin, referrer_begin_, &compact_);
    AppendJsonString(redacted_, &compact_);
    begin = referrer_end_;
  }
  cursor_->AppendCompact(begin, end, &compact_);
  draft_->extra_data = compact_;
}

bool EventReader::ReadExtraMember(std::string_view key, ValueFault* fault) {
  extra_keys_.push_back(key);
  const WireKey id = FindWireKey(key);
  if (id == WireKey::kUnknown || !SetBit(id, &seen_extra_)) {
    return cursor_->SkipValue(kMemberLevel, fault);
  }
  const auto field = static_cast<Field>(id);
  if (IsText(id) && IsLifted(field) && cursor_->Peek() == '"') {
    draft_->has_lifted = true;
    const std::size_t begin = cursor_->offset();
    if (!cursor_->ReadString(&draft_->lifted[static_cast<std::size_t>(id)], fault)) return false;
    if (field == Field::kReferrer) {
      referrer_begin_ = begin;
      referrer_end_ = cursor_->offset();
    }
    return true;
  }
  if ((id == WireKey::kPositionX || id == WireKey::kPositionY) && cursor_->NumberIsNext()) {
    JsonNumber number;
    std::string_view token;
    if (!cursor_->ReadNumber(&number, &token)) return false;
    draft_->has_lifted = true;
    auto& to = id == WireKey::kPositionX ? draft_->lifted_x : draft_->lifted_y;
    to = RoundToInt32(number, token);
    if (number.kind != JsonNumber::Kind::kReal && !AsInt64(number)) *fault = ValueFault::kIntRange;
    return true;
  }
  return cursor_->SkipValue(kMemberLevel, fault);
}

bool EventReader::ReadUnknown(std::string_view key, std::size_t key_begin) {
  ValueFault found = ValueFault::kNone;
  if (!cursor_->SkipValue(kMemberLevel, &found)) return false;
  if (found != ValueFault::kNone) Blame(found, kExtraName);
  const std::size_t begin = unknown_text_.size();
  cursor_->AppendCompact(key_begin, cursor_->offset(), &unknown_text_);
  unknown_.push_back({key, begin, unknown_text_.size()});
  return true;
}

void EventReader::MergeUnknown() {
  std::sort(extra_keys_.begin(), extra_keys_.end());
  std::vector<const Unknown*> by_key;
  for (const Unknown& unknown : unknown_) {
    if (!std::binary_search(extra_keys_.begin(), extra_keys_.end(), unknown.key)) {
      by_key.push_back(&unknown);
    }
  }
  // Of equal keys the first stays; what stays goes back into the text's order.
  std::stable_sort(by_key.begin(), by_key.end(),
                   [](const Unknown* a, const Unknown* b) { return a->key < b->key; });
  by_key.erase(std::unique(by_key.begin(), by_key.end(),
                           [](const Unknown* a, const Unknown* b) { return a->key == b->key; }),
               by_key.end());
  std::sort(by_key.begin(), by_key.end());
  if (by_key.empty()) return;
  merged_.assign(draft_->extra_data.empty() ? "{" : draft_->extra_data);
  if (merged_.size() > 1) merged_.pop_back();
  for (const Unknown* unknown : by_key) {
    if (merged_.size() > 1) merged_.push_back(',');
    merged_.append(unknown_text_, unknown->begin, unknown->end - unknown->begin);
  }
  merged_.push_back('}');
  draft_->extra_data = merged_;
}

Fault EventReader::CheckExtraData(std::string_view text, EventDraft* draft) {
  constexpr Fault kNotAnObject = {RejectCode::kBadType, kExtraName,
                                  "extra_data is not a JSON object"};
  if (text.size() > kExtraDataBytesMax) {
    return {RejectCode::kTooLong, kExtraName, "extra_data is longer than 16 KiB"};
  }
  const JsonIndex::Outcome outcome = own_index_.Build(text);
  if (outcome == JsonIndex::Outcome::kNotJson) return kNotAnObject;
  own_cursor_.Reset(text, own_index_, outcome == JsonIndex::Outcome::kOk);
  Begin(&own_cursor_, draft);
  if (own_cursor_.Peek() != '{' || !ReadExtraData() || !own_cursor_.AtEnd()) return kNotAnObject;
  return fault_;
}

bool EventReader::SkipWrongType(std::string_view name, const char* expected) {
  Blame(RejectCode::kBadType, name, expected);
  ValueFault ignored = ValueFault::kNone;
  return cursor_->SkipValue(0, &ignored);
}

void EventReader::Blame(RejectCode code, std::string_view field, const char* message) {
  if (!fault_) fault_ = {code, field, message};
}

void EventReader::Blame(ValueFault found, std::string_view field) {
  switch (found) {
    case ValueFault::kBadString:
      Blame(RejectCode::kBadString, field, "a string is not valid Unicode");
      break;
    case ValueFault::kIntRange: Blame(RejectCode::kIntRange, field, kIntRangeMessage); break;
    case ValueFault::kTooDeep:
      Blame(RejectCode::kTooDeep, field, "extra_data is nested more than 16 levels");
      break;
    case ValueFault::kNone: break;
  }
}

}  // namespace v1
}  // namespace insightflow
