// JSON for answers: RapidJSON's writer on a std::string, and the forms that all answers share.
#pragma once

#include <rapidjson/writer.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "insightflow/time.h"

namespace insightflow::server {

// The stream that RapidJSON writes to.
struct StringStream {
  using Ch = char;
  std::string* out;
  void Put(char c) { out->push_back(c); }
  void Flush() {}
};

// Builds one JSON document. Calls nest as the document does:
//   JsonText json;
//   json.BeginObject().Key("count").Number(3).EndObject();
//   return json.Take();
class JsonText {
 public:
  JsonText() : writer_(stream_) {}
  JsonText(const JsonText&) = delete;
  JsonText& operator=(const JsonText&) = delete;

  JsonText& BeginObject() { return writer_.StartObject(), *this; }
  JsonText& EndObject() { return writer_.EndObject(), *this; }
  JsonText& BeginArray() { return writer_.StartArray(), *this; }
  JsonText& EndArray() { return writer_.EndArray(), *this; }
  JsonText& Key(std::string_view name);
  JsonText& Text(std::string_view value);  // UTF-8
  JsonText& Number(std::uint64_t value) { return writer_.Uint64(value), *this; }
  JsonText& Integer(std::int64_t value) { return writer_.Int64(value), *this; }
  JsonText& Real(double value) { return writer_.Double(value), *this; }
  JsonText& Bool(bool value) { return writer_.Bool(value), *this; }
  JsonText& Time(Timestamp value);             // ISO 8601
  JsonText& RawObject(std::string_view json);  // already JSON

  // The finished document; this object is empty afterwards.
  std::string Take() { return std::move(text_); }

 private:
  std::string text_;
  StringStream stream_{&text_};
  rapidjson::Writer<StringStream> writer_;
};

// "2026-01-31T09:05:00.123Z"; years outside 0000 to 9999 are clamped.
std::string IsoTime(Timestamp time);

// The bytes of the UTF-8 character that `text` begins with, 0 when there is none.
std::size_t Utf8Length(std::string_view text);
bool IsUtf8(std::string_view text);

}  // namespace insightflow::server
