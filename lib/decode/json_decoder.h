// JSON batches and NDJSON lines.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "lib/decode/decoder.h"
#include "lib/decode/event_reader.h"
#include "lib/decode/json_cursor.h"
#include "lib/decode/json_index.h"
#include "lib/decode/row_writer.h"

namespace insightflow {
inline namespace v1 {

class JsonDecoder {
 public:
  Status DecodeBatch(std::string_view body, const DecodeContext& context, RowWriter* writer,
                     DecodedBatch* out);
  std::uint64_t DecodeLines(std::string_view lines, std::uint64_t first_line,
                            const DecodeContext& context, RowWriter* writer, DecodedBatch* out);

 private:
  // What ends a batch: text that is not JSON (false from a method, without a status) or a refusal.
  Status ReadBody();
  bool ReadObject();
  bool ReadEnvelopeMember(std::string_view key);
  bool ReadArray();
  bool ReadEvent(std::uint64_t index);
  // Reads one value into draft_; `fault` when it is no event.
  bool ReadDraft(Fault* fault);
  void Emit(const Fault& fault, const RowWriter::Origin& origin);
  bool ReadSentAt();
  Status NotJson(std::size_t offset, std::string_view message) const;

  bool IndexLines(std::string_view lines);
  void ReadLines(std::string_view lines, std::uint64_t* line_number);
  bool ReadLine(std::string_view line, std::size_t line_end, std::uint64_t line_number);

  JsonIndex index_;
  JsonCursor cursor_;
  EventReader reader_;
  EventDraft draft_;

  RowWriter* writer_ = nullptr;
  const DecodeContext* context_ = nullptr;
  std::size_t text_offset_ = 0;  // of the indexed text in the body: a byte order mark
  bool has_events_ = false;
  std::optional<std::int64_t> sent_at_ms_;
  Status refusal_;
};

// Text without a UTF-8 byte order mark.
std::string_view WithoutByteOrderMark(std::string_view text);

}  // namespace v1
}  // namespace insightflow
