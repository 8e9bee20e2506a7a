#include "lib/decode/row_writer.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "lib/base/coding.h"
#include "lib/base/utf8.h"
#include "lib/model/key.h"
#include "lib/validate/address.h"
#include "lib/validate/redact.h"

namespace insightflow {
inline namespace v1 {
namespace {

// Tags of the content key. The text fields have the numbers of Field.
enum ContentTag : std::uint8_t {
  kTagTime = kFieldCount,
  kTagPositionX,
  kTagPositionY,
  kTagSeq,
  kTagExtraData,
};

std::int64_t SaturatingAdd(std::int64_t a, std::int64_t b) {
  std::int64_t sum;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return b > 0 ? std::numeric_limits<std::int64_t>::max()
               : std::numeric_limits<std::int64_t>::min();
}

template <typename T>
void PutNumber(std::uint8_t tag, const std::optional<T>& value, std::string* out) {
  if (!value) return;
  out->push_back(static_cast<char>(tag));
  PutFixed(out, *value);
}

void PutText(std::uint8_t tag, std::string_view value, std::string* out) {
  if (value.empty()) return;
  out->push_back(static_cast<char>(tag));
  PutBytes(out, value);
}

// What makes two events without ids the same: every field that the client set, as it set it.
void AppendContent(const EventDraft& draft, std::string* out) {
  for (std::size_t f = 0; f < kFieldCount; ++f) {
    PutText(static_cast<std::uint8_t>(f), draft.text[f], out);
  }
  PutNumber(kTagTime, draft.time_ms, out);
  PutNumber(kTagPositionX, draft.position_x, out);
  PutNumber(kTagPositionY, draft.position_y, out);
  PutNumber(kTagSeq, draft.seq, out);
  PutText(kTagExtraData, draft.extra_data, out);
}

std::string_view WithoutSecrets(std::string_view url, std::string* scratch) {
  return RedactUrl(url, scratch) ? std::string_view(*scratch) : url;
}

}  // namespace

void RowWriter::Begin(const DecodeContext& context, bool from_lines, DecodedBatch* out) {
  context_ = &context;
  out_ = out;
  from_lines_ = from_lines;
  rules_ = context.rules;
  if (from_lines) {
    rules_.require_session_id = false;
    rules_.require_page_url = false;
  }
  out->Clear();
  for (std::size_t f = 0; f < kFieldCount; ++f) out->batch.text[f].BorrowIndex(&indexes_[f]);
  out->batch.received_ms = context.received_ms;
  origins_.clear();
  anonymizer_.reset();
  address_code_ = agent_code_ = 0;
  if (context.anonymous) {
    anonymizer_.emplace(context);
    return;
  }
  address_code_ =
      out->batch.column(Field::kIpAddress).Intern(TruncateAddress(context.client_address));
  agent_code_ =
      out->batch.column(Field::kUserAgent)
          .Intern(CutUtf8(IsUtf8(context.user_agent) ? context.user_agent : std::string_view(),
                          RuleOf(Field::kUserAgent).bytes_max));
}

void RowWriter::Reject(const Fault& fault, const Origin& origin) {
  ++out_->received;
  RejectedEvent& event = out_->rejected.emplace_back();
  event.why.index = origin.index;
  event.why.code = fault.code;
  event.why.field = fault.field;
  event.why.message = fault.message;
  if (!anonymizer_) event.raw = CutUtf8(origin.raw, kRejectedBytesMax);
}

void RowWriter::Add(EventDraft* draft, const Origin& origin) {
  if (const Fault fault = CheckDraft(*draft, rules_)) {
    Reject(fault, origin);
    return;
  }
  ++out_->received;
  EventBatch& batch = out_->batch;
  std::uint8_t key_flags = 0;
  Hash128 key = KeyOf(*draft, origin, &key_flags);
  ApplyLifted(draft);
  if (anonymizer_) [[unlikely]] {
    key = anonymizer_->KeyFrom(key);
    anonymizer_->Apply(draft);
  }
  const std::size_t row = batch.PushRow(*draft->time_ms);
  origins_.push_back(origin);
  batch.keys.back() = key;
  batch.flags.back() = key_flags;
  WriteText(*draft, row);
  WriteServerText(*draft, row);
  batch.event_id.Set(row, draft->event_id);
  batch.extra_data.Set(row, draft->extra_data);
  if (draft->position_x) batch.SetPositionX(*draft->position_x);
  if (draft->position_y) batch.SetPositionY(*draft->position_y);
  if (draft->seq) batch.SetClientSeq(*draft->seq);
}

Hash128 RowWriter::KeyOf(const EventDraft& draft, const Origin& origin, std::uint8_t* flags) {
  if (!draft.event_id.empty()) return EventIdKey(draft.event_id, context_->hash_seed);
  if (from_lines_) {
    *flags = kLineKey;
    return HashBytes128(origin.raw, context_->hash_seed);
  }
  if (!context_->rules.dedupe_by_content) return {};
  scratch_.clear();
  AppendContent(draft, &scratch_);
  return HashBytes128(scratch_, context_->hash_seed);
}

void RowWriter::WriteText(const EventDraft& draft, std::size_t row) {
  EventBatch& batch = out_->batch;
  struct Value {
    std::string_view text;
    std::uint32_t hash;
    std::uint32_t field;
  };
  // All hashes first: the tables' cache misses then overlap.
  std::array<Value, kFieldCount> values;
  std::size_t count = 0;
  for (std::uint32_t f = 0; f < kFieldCount; ++f) {
    std::string_view text = draft.text[f];
    const auto field = static_cast<Field>(f);
    if (text.empty() || field == Field::kIpAddress) continue;
    if (field == Field::kPageUrl) text = WithoutSecrets(text, &page_scratch_);
    if (field == Field::kReferrer) text = WithoutSecrets(text, &referrer_scratch_);
    if (text.size() > kFieldRules[f].bytes_max) {
      text = CutUtf8(text, kFieldRules[f].bytes_max);
      batch.flags.back() |= kTruncated;
    }
    values[count++] = {text, batch.text[f].PrepareIntern(text), f};
  }
  for (std::size_t i = 0; i < count; ++i) {
    DictColumn& column = batch.text[values[i].field];
    column.SetCode(row, column.InternHashed(values[i].text, values[i].hash));
  }
}

// The server knows the address better than the client says it; the agent only fills a gap.
void RowWriter::WriteServerText(const EventDraft& draft, std::size_t row) {
  EventBatch& batch = out_->batch;
  if (agent_code_ != 0 && draft.at(Field::kUserAgent).empty()) {
    batch.column(Field::kUserAgent).SetCode(row, agent_code_);
  }
  if (!context_->client_address.empty()) {
    batch.column(Field::kIpAddress).SetCode(row, address_code_);
    return;
  }
  const std::string_view address = draft.at(Field::kIpAddress);
  if (address.empty()) return;
  if (address != address_text_) {
    address_text_ = address;
    address_network_ = TruncateAddress(address);
  }
  batch.column(Field::kIpAddress).Set(row, address_network_);
}

void RowWriter::Finish(std::int64_t shift_ms) {
  EventBatch& batch = out_->batch;
  const std::int64_t latest = SaturatingAdd(context_->received_ms, rules_.future_max.count());
  std::vector<std::uint8_t> keep;
  for (std::size_t row = 0; row < batch.rows; ++row) {
    std::int64_t& time = batch.time_ms[row];
    time = SaturatingAdd(time, shift_ms);
    if (time > 0 && time <= latest) continue;
    keep.resize(batch.rows, 1);
    keep[row] = 0;
  }
  for (std::size_t f = 0; f < kFieldCount; ++f) batch.text[f].GiveIndexBack(&indexes_[f]);
  if (from_lines_) WriteLines(keep);
  if (!keep.empty()) RejectLate(keep);
  for (const std::uint8_t flags : batch.flags) out_->truncated += (flags & kTruncated) != 0;
}

void RowWriter::WriteLines(const std::vector<std::uint8_t>& keep) {
  out_->lines.reserve(origins_.size());
  for (std::size_t row = 0; row < origins_.size(); ++row) {
    if (keep.empty() || keep[row] != 0) out_->lines.push_back(origins_[row].index);
  }
}

void RowWriter::RejectLate(const std::vector<std::uint8_t>& keep) {
  EventBatch& batch = out_->batch;
  for (std::size_t row = 0; row < batch.rows; ++row) {
    if (keep[row] != 0) continue;
    const bool future = batch.time_ms[row] > 0;
    Reject({RejectCode::kBadTime, "timestamp",
            future ? "the time is more than 24 hours ahead"
                   : "the time must be after 1970-01-01T00:00:00Z"},
           origins_[row]);
    --out_->received;  // counted when it was added
  }
  batch.Filter(keep);
  std::stable_sort(
      out_->rejected.begin(), out_->rejected.end(),
      [](const RejectedEvent& a, const RejectedEvent& b) { return a.why.index < b.why.index; });
}

}  // namespace v1
}  // namespace insightflow
