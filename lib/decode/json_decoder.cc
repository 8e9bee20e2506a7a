#include "lib/decode/json_decoder.h"

#include <algorithm>
#include <string>
#include <utility>

#include "lib/decode/json_number.h"
#include "lib/validate/time_text.h"

namespace insightflow {
inline namespace v1 {
namespace {

// Lines are indexed a block at a time: small enough for the index and the text to stay in the L2
// cache, large enough to forget the cost of a start.
constexpr std::size_t kBlockBytes = 64 * 1024;

struct TextError {
  std::size_t offset = 0;
  const char* message = nullptr;
};

// Why a text could not be indexed: what a byte-by-byte walk finds wrong with its strings.
TextError FindStringError(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '"') continue;
    const std::size_t begin = i;
    for (++i; i < text.size() && text[i] != '"'; ++i) {
      if (static_cast<unsigned char>(text[i]) < 0x20) return {i, "a control character in a string"};
      if (text[i] == '\\') ++i;
    }
    if (i >= text.size()) return {begin, "a string is not closed"};
  }
  return {text.size(), "the text ends too early"};
}

bool IsBlank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

constexpr Fault kNotAnObject = {RejectCode::kBadType, "", "an event must be a JSON object"};
constexpr Fault kNotALine = {RejectCode::kBadLine, "", "the line is not JSON"};

}  // namespace

std::string_view WithoutByteOrderMark(std::string_view text) {
  constexpr std::string_view kMark = "\xef\xbb\xbf";
  if (text.starts_with(kMark)) text.remove_prefix(kMark.size());
  return text;
}

Status JsonDecoder::DecodeBatch(std::string_view body, const DecodeContext& context,
                                RowWriter* writer, DecodedBatch* out) {
  writer_ = writer;
  context_ = &context;
  has_events_ = false;
  sent_at_ms_.reset();
  refusal_ = Status();
  writer->Begin(context, false, out);
  const std::string_view text = WithoutByteOrderMark(body);
  text_offset_ = body.size() - text.size();
  if (text.empty()) return InvalidArgument("the body is empty; JSON is expected");
  if (text.size() > JsonIndex::kBytesMax) return OutOfRange("the body is over 4 GiB");
  const JsonIndex::Outcome outcome = index_.Build(text);
  if (outcome == JsonIndex::Outcome::kNotJson) {
    const TextError error = FindStringError(text);
    return NotJson(error.offset, error.message);
  }
  cursor_.Reset(text, index_, outcome == JsonIndex::Outcome::kOk);
  Status status = ReadBody();
  if (!status.ok()) {
    out->Clear();
    return status;
  }
  std::int64_t shift = 0;
  if (sent_at_ms_) {
    const bool overflow = __builtin_sub_overflow(context.received_ms, *sent_at_ms_, &shift);
    const std::int64_t limit = context.rules.skew_max.count();
    if (overflow || (shift <= limit && shift >= -limit)) shift = 0;
  }
  writer->Finish(shift);
  return status;
}

Status JsonDecoder::ReadBody() {
  bool is_json = false;
  switch (cursor_.Peek()) {
    case '[': is_json = ReadArray(); break;
    case '{': is_json = ReadObject(); break;
    default: {
      if (cursor_.AtEnd()) return InvalidArgument("the body is empty; JSON is expected");
      ValueFault ignored = ValueFault::kNone;
      is_json = cursor_.SkipValue(0, &ignored);
      refusal_ = InvalidArgument(
          "the body must be an event, an array of events or an object with \"events\"");
    }
  }
  if (!is_json && cursor_.error().message == nullptr) return refusal_;
  if (!is_json) return NotJson(cursor_.error().offset, cursor_.error().message);
  if (!cursor_.AtEnd()) return NotJson(cursor_.offset(), "text follows the JSON value");
  return refusal_;
}

bool JsonDecoder::ReadObject() {
  const bool is_json = cursor_.ReadObject(
      [this](std::string_view key, ValueFault, std::size_t) { return ReadEnvelopeMember(key); });
  if (!is_json) return false;
  if (has_events_) return true;
  sent_at_ms_.reset();  // a property of the event, not of an envelope
  cursor_.Rewind();
  return ReadEvent(0);
}

bool JsonDecoder::ReadEnvelopeMember(std::string_view key) {
  if (key == "events" && !has_events_) {
    has_events_ = true;
    if (cursor_.Peek() == '[') return ReadArray();
    refusal_ = InvalidArgument("\"events\" must be an array");
  } else if (key == "sent_at" && !sent_at_ms_) {
    return ReadSentAt();
  }
  ValueFault ignored = ValueFault::kNone;
  return cursor_.SkipValue(0, &ignored);
}

// A sent_at that is no time is ignored: it only says how far the client's clock is off.
bool JsonDecoder::ReadSentAt() {
  if (cursor_.NumberIsNext()) {
    JsonNumber number;
    std::string_view token;
    if (!cursor_.ReadNumber(&number, &token)) return false;
    sent_at_ms_ = FloorToInt64(number, token);
  } else if (cursor_.Peek() == '"') {
    std::string_view text;
    ValueFault ignored = ValueFault::kNone;
    if (!cursor_.ReadString(&text, &ignored)) return false;
    sent_at_ms_ = ParseIsoTime(text);
  } else {
    ValueFault ignored = ValueFault::kNone;
    return cursor_.SkipValue(0, &ignored);
  }
  if (sent_at_ms_ && *sent_at_ms_ <= 0) sent_at_ms_.reset();
  return true;
}

bool JsonDecoder::ReadArray() {
  cursor_.Take('[');
  if (cursor_.Take(']')) return true;
  for (std::uint64_t index = 0;; ++index) {
    if (context_->events_max != 0 && index >= context_->events_max) {
      refusal_ =
          OutOfRange("more than " + std::to_string(context_->events_max) + " events in a batch");
      return false;
    }
    if (!ReadEvent(index)) return false;
    if (cursor_.Take(',')) continue;
    return cursor_.Take(']') || cursor_.Fail("',' or ']' is expected");
  }
}

bool JsonDecoder::ReadEvent(std::uint64_t index) {
  const std::size_t begin = cursor_.offset();
  const bool is_object = cursor_.Peek() == '{';
  Fault fault;
  if (!ReadDraft(&fault)) return false;
  const std::size_t end = is_object ? cursor_.previous_end() : cursor_.offset();
  Emit(fault, {index, cursor_.text().substr(begin, end - begin)});
  return true;
}

bool JsonDecoder::ReadDraft(Fault* fault) {
  if (cursor_.Peek() == '{') return reader_.Read(&cursor_, &draft_, fault);
  *fault = kNotAnObject;
  ValueFault ignored = ValueFault::kNone;
  return cursor_.SkipValue(0, &ignored);
}

void JsonDecoder::Emit(const Fault& fault, const RowWriter::Origin& origin) {
  if (fault) {
    writer_->Reject(fault, origin);
  } else {
    writer_->Add(&draft_, origin);
  }
}

Status JsonDecoder::NotJson(std::size_t offset, std::string_view message) const {
  return InvalidArgument("the body is not JSON: " + std::string(message) + " at byte " +
                         std::to_string(offset + text_offset_));
}

std::uint64_t JsonDecoder::DecodeLines(std::string_view lines, std::uint64_t first_line,
                                       const DecodeContext& context, RowWriter* writer,
                                       DecodedBatch* out) {
  writer_ = writer;
  context_ = &context;
  writer->Begin(context, true, out);
  if (first_line == 1) lines = WithoutByteOrderMark(lines);
  std::uint64_t line_number = first_line;
  while (!lines.empty()) {
    std::size_t size = lines.size();
    if (size > kBlockBytes) {
      size = lines.rfind('\n', kBlockBytes - 1);
      if (size == std::string_view::npos) size = lines.find('\n', kBlockBytes);
      size = size == std::string_view::npos ? lines.size() : size + 1;
    }
    ReadLines(lines.substr(0, size), &line_number);
    lines.remove_prefix(size);
  }
  writer->Finish(0);
  return line_number;
}

bool JsonDecoder::IndexLines(std::string_view lines) {
  if (lines.size() > JsonIndex::kBytesMax) return false;
  const JsonIndex::Outcome outcome = index_.Build(lines);
  if (outcome == JsonIndex::Outcome::kNotJson) return false;
  cursor_.Reset(lines, index_, outcome == JsonIndex::Outcome::kOk);
  return true;
}

// One line that is not JSON can spoil the index of its whole block, or take the next lines for a
// part of itself; from there on each line of the block gets an index of its own.
void JsonDecoder::ReadLines(std::string_view lines, std::uint64_t* line_number) {
  bool together = IndexLines(lines);
  for (std::size_t begin = 0; begin < lines.size(); ++*line_number) {
    const std::size_t end = std::min(lines.find('\n', begin), lines.size());
    std::string_view line = lines.substr(begin, end - begin);
    begin = end + 1;
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (line.empty() || (line.front() != '{' && IsBlank(line))) continue;
    if (line.size() > context_->line_bytes_max) {
      writer_->Reject({RejectCode::kTooLong, "", kLineTooLong}, {*line_number, line});
      together = false;
      continue;
    }
    if (together && ReadLine(line, end, *line_number)) continue;
    together = false;
    if (!IndexLines(line) || !ReadLine(line, line.size(), *line_number)) {
      writer_->Reject(kNotALine, {*line_number, line});
    }
  }
}

// False, and nothing is taken, when the tokens up to `line_end` in the indexed text are not one
// JSON value.
bool JsonDecoder::ReadLine(std::string_view line, std::size_t line_end, std::uint64_t line_number) {
  Fault fault;
  if (!ReadDraft(&fault)) return false;
  if (cursor_.previous_begin() >= line_end || cursor_.offset() < line_end) return false;
  Emit(fault, {line_number, line});
  return true;
}

}  // namespace v1
}  // namespace insightflow
