#include "lib/wire/json_writer.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <utility>

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

// The letter after a backslash, or 0.
char ShortEscape(char c) {
  switch (c) {
    case '"': return '"';
    case '\\': return '\\';
    case '\n': return 'n';
    case '\r': return 'r';
    case '\t': return 't';
    case '\b': return 'b';
    case '\f': return 'f';
    default: return 0;
  }
}

}  // namespace

JsonWriter& JsonWriter::Open(char bracket) {
  Separate();
  text_ += bracket;
  first_ = true;
  return *this;
}

JsonWriter& JsonWriter::Close(char bracket) {
  text_ += bracket;
  first_ = false;
  return *this;
}

void JsonWriter::Separate() {
  if (!first_) text_ += ',';
  first_ = false;
}

void JsonWriter::Quote(std::string_view text) {
  text_ += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (const char letter = ShortEscape(c); letter != 0) {
      text_ += '\\';
      text_ += letter;
    } else if (byte < 0x20 || byte == 0x7f) {
      text_ += "\\u00";
      text_ += kHexDigits[byte >> 4];
      text_ += kHexDigits[byte & 15];
    } else {
      text_ += c;
    }
  }
  text_ += '"';
}

JsonWriter& JsonWriter::Key(std::string_view name) {
  Separate();
  Quote(name);
  text_ += ':';
  first_ = true;
  return *this;
}

JsonWriter& JsonWriter::Text(std::string_view value) {
  Separate();
  Quote(value);
  return *this;
}

JsonWriter& JsonWriter::Count(std::uint64_t value) { return Raw(std::to_string(value)); }
JsonWriter& JsonWriter::Integer(std::int64_t value) { return Raw(std::to_string(value)); }
JsonWriter& JsonWriter::Real(double value) { return Raw(RealText(value)); }
JsonWriter& JsonWriter::Bool(bool value) { return Raw(value ? "true" : "false"); }
JsonWriter& JsonWriter::Null() { return Raw("null"); }

JsonWriter& JsonWriter::Raw(std::string_view json) {
  Separate();
  text_ += json;
  return *this;
}

std::string JsonWriter::Take() {
  first_ = true;
  return std::exchange(text_, {});
}

std::string RealText(double value) {
  if (!std::isfinite(value)) return "null";
  if (value == 0) return "0";  // also of -0
  const double size = std::abs(value);
  const bool plain = size >= 1e-6 && size < 1e21;
  std::array<char, 64> text{};
  const auto [end, error] =
      std::to_chars(text.data(), text.data() + text.size(), value,
                    plain ? std::chars_format::fixed : std::chars_format::scientific);
  return error == std::errc() ? std::string(text.data(), end) : "null";
}

}  // namespace v1
}  // namespace insightflow
