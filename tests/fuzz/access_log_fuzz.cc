// Any bytes as lines of an access log: every line is accounted for, and a row keeps the rules.

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

void Run(std::string_view input) {
  DecodeContext context;
  context.received_ms = 1'700'000'000'000;
  static Decoder decoder;
  DecodedBatch out;
  decoder.DecodeCombined(input, 1, context, &out);
  const EventBatch& batch = out.batch;
  Require(out.received == batch.rows + out.rejected.size());
  for (std::size_t row = 0; row < batch.rows; ++row) {
    const std::string_view type = batch.Text(Field::kEventType, row);
    Require(type == "view" || type == "resource" || type == "error");
    Require(batch.Text(Field::kUserId, row).size() == 32);
    Require(!batch.Text(Field::kPageUrl, row).empty());
    Require(batch.flags[row] & kLineKey);
    for (std::size_t f = 0; f < kFieldCount; ++f) {
      const std::string_view value = batch.Text(static_cast<Field>(f), row);
      Require(value.size() <= kFieldRules[f].bytes_max && IsUtf8(value));
    }
    Event event{.user_id = "u",
                .session_id = "s",
                .event_type = "t",
                .page_url = "p",
                .timestamp = FromMillis(1)};
    event.extra_data = batch.extra_data.At(row);
    DecodedBatch again;
    DecodeEvents(&event, 1, context, &again);
    Require(again.batch.rows == 1 && again.batch.extra_data.At(0) == event.extra_data);
  }
}

}  // namespace
}  // namespace insightflow

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  insightflow::Run({reinterpret_cast<const char*>(data), size});
  return 0;
}
