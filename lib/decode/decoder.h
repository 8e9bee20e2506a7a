// Bytes to rows: JSON batches and the lines of NDJSON, CSV and combined access logs.
//
// A Decoder keeps parser buffers between calls. One thread at a time; use one a thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "insightflow/event.h"
#include "insightflow/ingest.h"
#include "insightflow/options.h"
#include "insightflow/status.h"
#include "lib/model/batch.h"

namespace insightflow {
inline namespace v1 {

struct DecodeContext {
  std::int64_t received_ms = 0;
  std::uint64_t hash_seed = 0;  // of the store
  ValidationRules rules = {};
  std::string_view client_address = {};  // as the connection says; truncated by the decoder
  std::string_view user_agent = {};
  std::size_t events_max = 0;  // 0: no limit; past it kOutOfRange
  bool anonymous = false;      // IngestOptions::anonymous
  // Of files only: a longer line, or record of CSV, is rejected as too_long.
  std::size_t line_bytes_max = std::numeric_limits<std::size_t>::max();
};

// An event that was not taken, with the text it came from (cut at 4 KiB; none when anonymous).
struct RejectedEvent {
  Rejection why;
  std::string raw;
};

inline constexpr const char* kLineTooLong = "the line is too long";

struct DecodedBatch {
  EventBatch batch;  // valid events, keys set, times corrected for skew
  std::vector<RejectedEvent> rejected;
  std::vector<std::uint64_t> lines;  // of files only: the line that a row begins in
  std::uint64_t received = 0;        // batch.rows + rejected.size()
  std::uint64_t truncated = 0;       // rows with kTruncated

  void Clear();
};

// Which column of a CSV file feeds which field. Built once from the header line.
class CsvSchema {
 public:
  struct Target {
    enum class Kind : std::uint8_t {
      kText,
      kEventId,
      kTime,
      kPositionX,
      kPositionY,
      kClientSeq,
      kExtraObject,  // a column named extra_data: its cells are JSON objects
      kExtra
    };
    Kind kind = Kind::kExtra;
    Field field = Field::kUserId;  // for kText
    std::string name;              // the column's name: the key in extra_data for kExtra
  };

  // `header` is the first line. `map` holds pairs of (wire field, column name). Errors
  // (kInvalidArgument): an unknown wire field, a column that the header lacks, two columns for one
  // field or of one name, two fields for one column, no column for user_id, event_type or
  // timestamp. A column whose name is a wire field feeds it unless the map names another.
  static Result<CsvSchema> Create(std::string_view header,
                                  const std::vector<std::pair<std::string, std::string>>& map);

  const std::vector<Target>& targets() const { return targets_; }

 private:
  std::vector<Target> targets_;  // one for each column
};

class Decoder {
 public:
  Decoder();
  ~Decoder();
  Decoder(Decoder&&) noexcept;
  Decoder& operator=(Decoder&&) noexcept;

  // A JSON batch: envelope, bare array or single event; a byte order mark is skipped. Fills `out`
  // (cleared first). kInvalidArgument: not JSON to its end, or no event, array or envelope;
  // kOutOfRange: more than events_max events. Then `out` is empty.
  // A key of batch.keys is the hash of event_id, or of the event's normalised content before skew
  // correction and without what the server adds. Without both (rules.dedupe_by_content off) it is
  // {0, 0}: never a duplicate.
  Status DecodeJson(std::string_view body, const DecodeContext& context, DecodedBatch* out);

  // Whole lines of a file, each ended by \n (the last may lack it); blank lines do not count. The
  // first line is number `first_line`; rejections carry line numbers. Rows without event_id get
  // kLineKey and the hash of their line. Never fails as a whole: a bad line is a rejection. Returns
  // the number of the line behind the last.
  // `session_id` and `page_url` may be missing in every line format.
  std::uint64_t DecodeNdjson(std::string_view lines, std::uint64_t first_line,
                             const DecodeContext& context, DecodedBatch* out);
  std::uint64_t DecodeCombined(std::string_view lines, std::uint64_t first_line,
                               const DecodeContext& context, DecodedBatch* out);
  // Records of a CSV file without its header: RFC 4180 quotes; a quoted cell may hold newlines.
  // Of a record whose quotes do not match, the first line is rejected and the next begins a record.
  // `lines` must end at the end of a record (FindCsvRecordsEnd).
  std::uint64_t DecodeCsv(std::string_view records, std::uint64_t first_line,
                          const CsvSchema& schema, const DecodeContext& context, DecodedBatch* out);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// The length of the longest prefix of `text` that ends at the end of a CSV record, 0 when there is
// none. O(size).
std::size_t FindCsvRecordsEnd(std::string_view text);

// Events built in C++ through the same rules as JSON.
void DecodeEvents(const Event* events, std::size_t count, const DecodeContext& context,
                  DecodedBatch* out);

}  // namespace v1
}  // namespace insightflow
