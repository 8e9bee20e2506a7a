// One log record: a batch of events as compressed columns with its own checksum.
// Format: docs/formats.md. Version byte first; golden files of every version stay readable.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "insightflow/status.h"
#include "lib/model/batch.h"
#include "lib/model/stored_texts.h"

namespace insightflow {
inline namespace v1 {

inline constexpr std::uint32_t kRecordRowsMax = 1u << 20;

// What a reader needs of a record: each section is decompressed only when asked for.
struct RecordParts {
  bool core = true;  // time, flags, text columns, positions, client seq
  bool ids = true;   // event_id, and keys of rows without one
  bool extra_data = true;
};

// Appends the encoded batch to `out`. Thread-safe (own scratch memory a thread). 1 to
// kRecordRowsMax rows. Of the flags only kStoredFlags are kept. Dictionary entries that no row uses
// are dropped and the others numbered by first use, so equal rows give equal bytes.
// batch.received_ms and the sequence are not part of the record: they are known only at commit and
// live in the log entry's header.
void EncodeRecord(const EventBatch& batch, std::string* out);

// Reads a record into `batch` (cleared first; rows always set). kDataLoss when the checksum or the
// structure is wrong (then the batch is empty); never reads beyond `record`, never allocates more
// than its header's checked sizes allow. keys of rows with an event_id are recomputed from it with
// `hash_seed`. Without a part, its columns are as in rows that lack the field: times, flags and
// keys are 0.
Status DecodeRecord(std::string_view record, const RecordParts& parts, std::uint64_t hash_seed,
                    EventBatch* batch);

// Reads a whole record, but leaves in `stored` what is stored as segments store it. Ids and keys
// are there alone, but for ids as text, which are in the batch; extra_data is there or in the
// batch.
Status DecodeRecord(std::string_view record, EventBatch* batch, StoredTexts* stored);

// The number of rows, from the header alone. kDataLoss when it is not a record.
Result<std::uint32_t> RecordRows(std::string_view record);

// Verifies every checksum and the whole structure without keeping anything.
Status VerifyRecord(std::string_view record);

}  // namespace v1
}  // namespace insightflow
