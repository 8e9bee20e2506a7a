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
  received = 0;
  truncated = 0;
}

namespace {

// How often the bytes of a CSV text are read again, on average, to find the lines behind stray
// quotes.
constexpr std::size_t kCsvReadAgainFactor = 16;

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
      Emit(access_log_.Read(line, &draft_), {number, line});
    }
    writer_.Finish(0);
    return number;
  }

  std::uint64_t DecodeCsv(std::string_view records, std::uint64_t first_line,
                          const CsvSchema& schema, const DecodeContext& context,
                          DecodedBatch* out) {
    constexpr Fault kMalformed = {RejectCode::kBadLine, "", "the record's quotes do not match"};
    writer_.Begin(context, true, out);
    std::uint64_t number = first_line;
    std::size_t read_again = kCsvReadAgainFactor * records.size();  // may be, in bytes
    while (!records.empty()) {
      csv_.Read(records);
      // A stray quote costs its line, not those up to the next quote, as long as that does not mean
      // to read most of the text over and over.
      const std::size_t line = std::min(records.find('\n'), records.size() - 1) + 1;
      const std::size_t again = csv_.well_formed() ? 0 : csv_.size() - line;
      const bool whole = csv_.well_formed() || again > read_again;
      if (!whole) read_again -= again;
      const std::size_t size = whole ? csv_.size() : line;
      std::string_view record = records.substr(0, size);
      records.remove_prefix(size);
      if (record.ends_with('\n')) record.remove_suffix(1);
      if (record.ends_with('\r')) record.remove_suffix(1);
      if (!record.empty()) {
        const Fault fault = csv_.well_formed()
                                ? csv_reader_.Read(csv_.cells(), schema, &reader_, &draft_)
                                : kMalformed;
        Emit(fault, {number, record});
      }
      number += whole ? csv_.lines() : 1;
    }
    writer_.Finish(0);
    return number;
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
