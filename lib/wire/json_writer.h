// Writes one JSON document. Calls nest as the document does:
//
//   JsonWriter json;
//   json.BeginObject().Key("rate").Real(12.5).Key("time").Null().EndObject();
//   return json.Take();  // {"rate":12.5,"time":null}
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace insightflow {
inline namespace v1 {

class JsonWriter {
 public:
  JsonWriter& BeginObject() { return Open('{'); }
  JsonWriter& EndObject() { return Close('}'); }
  JsonWriter& BeginArray() { return Open('['); }
  JsonWriter& EndArray() { return Close(']'); }
  JsonWriter& Key(std::string_view name);
  JsonWriter& Text(std::string_view value);  // UTF-8; control characters are escaped
  JsonWriter& Count(std::uint64_t value);
  JsonWriter& Integer(std::int64_t value);
  JsonWriter& Real(double value);  // as RealText
  JsonWriter& Bool(bool value);
  JsonWriter& Null();
  JsonWriter& Raw(std::string_view json);  // one value that is JSON already

  // The finished document; this object is empty afterwards.
  std::string Take();

 private:
  JsonWriter& Open(char bracket);
  JsonWriter& Close(char bracket);
  void Separate();
  void Quote(std::string_view text);

  std::string text_;
  bool first_ = true;  // of its object or array, or after a key
};

// The shortest decimal that reads back as `value`, without an exponent from 10^-6 to 10^21 and
// without a fraction where there is none: "100", "59.5". "null" when it is not finite.
std::string RealText(double value);

}  // namespace v1
}  // namespace insightflow
