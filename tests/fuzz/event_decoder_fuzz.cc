// Any bytes as a JSON batch, as NDJSON and as CSV: every event is accounted for, and what was taken
// keeps the rules.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "lib/base/utf8.h"
#include "lib/decode/decoder.h"

namespace insightflow {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

DecodeContext Context() {
  DecodeContext context;
  context.received_ms = 1'700'000'000'000;
  context.hash_seed = 42;
  return context;
}

void CheckBatch(const DecodedBatch& out, const DecodeContext& context) {
  const EventBatch& batch = out.batch;
  Require(out.received == batch.rows + out.rejected.size());
  Require(batch.time_ms.size() == batch.rows && batch.keys.size() == batch.rows);
  Require(out.truncated <= batch.rows);
  for (std::size_t row = 0; row < batch.rows; ++row) {
    Require(batch.time_ms[row] > 0);
    Require(batch.time_ms[row] <= context.received_ms + context.rules.future_max.count());
    Require(!batch.Text(Field::kUserId, row).empty());
    Require(!batch.Text(Field::kEventType, row).empty());
    for (std::size_t f = 0; f < kFieldCount; ++f) {
      const std::string_view value = batch.Text(static_cast<Field>(f), row);
      Require(value.size() <= kFieldRules[f].bytes_max && IsUtf8(value));
    }
    const std::string_view extra = batch.extra_data.At(row);
    Require(extra.size() <= kExtraDataBytesMax && IsUtf8(extra));
    Require(extra.empty() || (extra.front() == '{' && extra.back() == '}'));
    Require(extra.find('\n') == std::string_view::npos);
  }
  for (const RejectedEvent& rejected : out.rejected) Require(!rejected.why.message.empty());
}

// What was stored once is good enough to be sent again.
void CheckExtraAgain(const EventBatch& batch) {
  for (std::size_t row = 0; row < batch.rows; ++row) {
    Event event{.user_id = "u",
                .session_id = "s",
                .event_type = "t",
                .page_url = "p",
                .timestamp = FromMillis(1)};
    event.extra_data = batch.extra_data.At(row);
    DecodedBatch again;
    DecodeEvents(&event, 1, Context(), &again);
    Require(again.batch.rows == 1 && again.batch.extra_data.At(0) == event.extra_data);
  }
}

void RunAll(std::string_view input) {
  const DecodeContext context = Context();
  static Decoder decoder;
  DecodedBatch out;
  if (!decoder.DecodeJson(input, context, &out).ok()) {
    Require(out.received == 0 && out.rejected.empty());
  }
  CheckBatch(out, context);
  CheckExtraAgain(out.batch);
  DecodeContext short_lines = context;
  short_lines.line_bytes_max = 80;
  for (const DecodeContext& lines : {context, short_lines}) {
    decoder.DecodeNdjson(input, 1, lines, &out);
    CheckBatch(out, lines);
  }
  const std::size_t header = input.find('\n');
  if (header == std::string_view::npos) return;
  const auto schema = CsvSchema::Create(input.substr(0, header), {});
  if (!schema.ok()) return;
  const std::string_view records = input.substr(header + 1);
  Require(FindCsvRecordsEnd(records) <= records.size());
  decoder.DecodeCsv(records, 2, *schema, context, &out);
  CheckBatch(out, context);
  CheckExtraAgain(out.batch);
}

}  // namespace
}  // namespace insightflow

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  insightflow::RunAll({reinterpret_cast<const char*>(data), size});
  return 0;
}
