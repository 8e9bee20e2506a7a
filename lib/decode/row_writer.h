// Drafts to rows: judges each, keys it, cuts and redacts its text, and keeps count.
//
//   writer.Begin(context, out);
//   writer.Add(&draft, origin) or writer.Reject(fault, origin), once an event
//   writer.Finish(shift_ms);
//
// Not thread-safe; keeps its memory between batches.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/hash.h"
#include "lib/decode/anonymizer.h"
#include "lib/decode/decoder.h"
#include "lib/validate/event_draft.h"

namespace insightflow {
inline namespace v1 {

inline constexpr std::size_t kRejectedBytesMax = 4096;

class RowWriter {
 public:
  // Where an event stands in the input. The text lives until Finish.
  struct Origin {
    std::uint64_t index = 0;
    std::string_view raw = {};
  };

  // `context` and `out` must live until Finish. `from_lines`: a row without event_id is keyed by
  // its raw text (kLineKey), and session_id and page_url may be missing.
  void Begin(const DecodeContext& context, bool from_lines, DecodedBatch* out);

  // Appends the draft as a row, or rejects it when it breaks a rule.
  void Add(EventDraft* draft, const Origin& origin);
  void Reject(const Fault& fault, const Origin& origin);

  // Moves every time by `shift_ms` and rejects what is then too far in the future, or no longer
  // after 1970.
  void Finish(std::int64_t shift_ms);

  const ValidationRules& rules() const { return rules_; }

 private:
  Hash128 KeyOf(const EventDraft& draft, const Origin& origin, std::uint8_t* flags);
  void WriteText(const EventDraft& draft, std::size_t row);
  void WriteServerText(const EventDraft& draft, std::size_t row);
  void WriteLines(const std::vector<std::uint8_t>& keep);
  void RejectLate(const std::vector<std::uint8_t>& keep);

  const DecodeContext* context_ = nullptr;
  DecodedBatch* out_ = nullptr;
  bool from_lines_ = false;
  ValidationRules rules_;
  std::optional<Anonymizer> anonymizer_;  // while the context asks for it
  std::uint32_t address_code_ = 0;
  std::uint32_t agent_code_ = 0;
  std::array<DictIndex, kFieldCount> indexes_;  // lent to the batch between Begin and Finish
  std::vector<Origin> origins_;                 // by row
  std::string scratch_;
  std::string page_scratch_;
  std::string referrer_scratch_;
  std::string address_text_;  // the last address seen and what it became
  std::string address_network_;
};

}  // namespace v1
}  // namespace insightflow
