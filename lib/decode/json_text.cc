#include "lib/decode/json_text.h"

#include <cstddef>

namespace insightflow {
inline namespace v1 {
namespace {

void AppendEscape(unsigned char c, std::string* out) {
  constexpr char kHex[] = "0123456789abcdef";
  switch (c) {
    case '"': out->append("\\\""); return;
    case '\\': out->append("\\\\"); return;
    case '\n': out->append("\\n"); return;
    case '\r': out->append("\\r"); return;
    case '\t': out->append("\\t"); return;
    default:
      out->append("\\u00");
      out->push_back(kHex[c >> 4]);
      out->push_back(kHex[c & 15]);
  }
}

}  // namespace

void AppendJsonString(std::string_view text, std::string* out) {
  out->push_back('"');
  std::size_t copied = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out->append(text.substr(copied, i - copied));
    AppendEscape(c, out);
    copied = i + 1;
  }
  out->append(text.substr(copied));
  out->push_back('"');
}

void JsonObjectWriter::Key(std::string_view key) {
  if (!empty()) out_->push_back(',');
  AppendJsonString(key, out_);
  out_->push_back(':');
}

void JsonObjectWriter::Text(std::string_view key, std::string_view value) {
  Key(key);
  AppendJsonString(value, out_);
}

void JsonObjectWriter::Raw(std::string_view key, std::string_view value) {
  Key(key);
  out_->append(value);
}

}  // namespace v1
}  // namespace insightflow
