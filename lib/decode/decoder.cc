#include "lib/decode/decoder.h"

#include <algorithm>

#include "lib/decode/access_log.h"
#include "lib/decode/csv.h"
#include "lib/decode/csv_reader.h"
#include "lib/decode/event_reader.h"
#include "lib/decode/json_decoder.h"
#include "lib/decode/row_writer.h"

namespace insightflow {
inline namespace v1 {

void DecodedBatch::Clear() {
  batch.Clear();
  rejected.clear();
  lines.clear();
  received = 0;
  truncated = 0;
}

namespace {

constexpr Fault kTooLong = {RejectCode::kTooLong, "", kLineTooLong};

}  // namespace

class Decoder::Impl {
 public:
  Status DecodeJson(std::string_view body, const DecodeContext& context, DecodedBatch* out) {
    return json_.DecodeBatch(body, context, &writer_, out);
  }

  std::uint64_t DecodeNdjson(std::string_view lines, std::uint64_t first_line,
                             const DecodeContext& context, DecodedBatch* out) {
    return json_.DecodeLines(lines, first_line, context, &writer_, out);
  }

  std::uint64_t DecodeCombined(std::string_view lines, std::uint64_t first_line,
                               const DecodeContext& context, DecodedBatch* out) {
    // A log says itself whose request it was; the connection that brings the file does not.
    DecodeContext of_line = context;
    of_line.client_address = {};
    of_line.user_agent = {};
    writer_.Begin(of_line, true, out);
    std::uint64_t number = first_line;
    for (std::size_t begin = 0; begin < lines.size(); ++number) {
      const std::size_t end = std::min(lines.find('\n', begin), lines.size());
      std::string_view line = lines.substr(begin, end - begin);
      begin = end + 1;
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (line.find_first_not_of(" \t") == std::string_view::npos) continue;
      const bool too_long = line.size() > context.line_bytes_max;
      Emit(too_long ? kTooLong : access_log_.Read(line, &draft_), {number, line});
    }
    writer_.Finish(0);
    return number;
  }

  std::uint64_t DecodeCsv(std::string_view records, std::uint64_t first_line,
                          const CsvSchema& schema, const DecodeContext& context,
                          DecodedBatch* out) {
    constexpr Fault kMalformed = {RejectCode::kBadLine, "", "the record's quotes do not match"};
    writer_.Begin(context, true, out);
    CsvRecords walk(records, first_line, &csv_);
    while (walk.Next()) {
      if (walk.record().empty()) continue;
      Fault fault = kMalformed;
      if (csv_.well_formed()) fault = csv_reader_.Read(csv_.cells(), schema, &reader_, &draft_);
      if (walk.record().size() > context.line_bytes_max) fault = kTooLong;
      Emit(fault, {walk.line(), walk.record()});
    }
    writer_.Finish(0);
    return walk.next_line();
  }

 private:
  void Emit(const Fault& fault, const RowWriter::Origin& origin) {
    if (fault) {
      writer_.Reject(fault, origin);
    } else {
      writer_.Add(&draft_, origin);
    }
  }

  RowWriter writer_;
  JsonDecoder json_;
  AccessLogReader access_log_;
  CsvRecordReader csv_;
  CsvEventReader csv_reader_;
  EventReader reader_;
  EventDraft draft_;
};

Decoder::Decoder() : impl_(std::make_unique<Impl>()) {}
Decoder::~Decoder() = default;
Decoder::Decoder(Decoder&&) noexcept = default;
Decoder& Decoder::operator=(Decoder&&) noexcept = default;

Status Decoder::DecodeJson(std::string_view body, const DecodeContext& context, DecodedBatch* out) {
  return impl_->DecodeJson(body, context, out);
}

std::uint64_t Decoder::DecodeNdjson(std::string_view lines, std::uint64_t first_line,
                                    const DecodeContext& context, DecodedBatch* out) {
  return impl_->DecodeNdjson(lines, first_line, context, out);
}

std::uint64_t Decoder::DecodeCombined(std::string_view lines, std::uint64_t first_line,
                                      const DecodeContext& context, DecodedBatch* out) {
  return impl_->DecodeCombined(lines, first_line, context, out);
}

std::uint64_t Decoder::DecodeCsv(std::string_view records, std::uint64_t first_line,
                                 const CsvSchema& schema, const DecodeContext& context,
                                 DecodedBatch* out) {
  return impl_->DecodeCsv(records, first_line, schema, context, out);
}

}  // namespace v1
}  // namespace insightflow
