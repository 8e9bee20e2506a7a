#include "lib/base/utf8.h"

#include <cstdint>
#include <cstring>

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::uint64_t kHighBits = 0x8080808080808080;

bool IsContinuation(unsigned char byte) { return (byte & 0xc0) == 0x80; }

// The length of the well-formed character of more than one byte at the front, 0 when there is none.
std::size_t SequenceLength(const unsigned char* p, std::size_t size) {
  const unsigned char lead = p[0];
  if (lead < 0xc2 || lead > 0xf4) return 0;
  if (size < 2) return 0;
  // The second byte's range excludes overlong forms, surrogates and what is past U+10FFFF.
  unsigned char low = 0x80;
  unsigned char high = 0xbf;
  switch (lead) {
    case 0xe0: low = 0xa0; break;
    case 0xed: high = 0x9f; break;
    case 0xf0: low = 0x90; break;
    case 0xf4: high = 0x8f; break;
    default: break;
  }
  if (p[1] < low || p[1] > high) return 0;
  if (lead < 0xe0) return 2;
  if (size < 3 || !IsContinuation(p[2])) return 0;
  if (lead < 0xf0) return 3;
  return size >= 4 && IsContinuation(p[3]) ? 4 : 0;
}

}  // namespace

std::size_t FindInvalidUtf8(std::string_view text, std::size_t from) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  std::size_t i = from;
  while (i < text.size()) {
    std::uint64_t word;
    if (i + sizeof word <= text.size()) {
      std::memcpy(&word, bytes + i, sizeof word);
      if ((word & kHighBits) == 0) {
        i += sizeof word;
        continue;
      }
    }
    if (bytes[i] < 0x80) {
      ++i;
      continue;
    }
    const std::size_t length = SequenceLength(bytes + i, text.size() - i);
    if (length == 0) return i;
    i += length;
  }
  return text.size();
}

std::string_view CutUtf8(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  std::size_t end = bytes_max;
  while (end > 0 && IsContinuation(static_cast<unsigned char>(text[end]))) --end;
  return text.substr(0, end);
}

void AppendAsUtf8(std::string_view text, std::string* out) {
  while (!text.empty()) {
    const std::size_t good = FindInvalidUtf8(text);
    out->append(text.substr(0, good));
    if (good == text.size()) return;
    out->append("\xef\xbf\xbd");
    text.remove_prefix(good + 1);
  }
}

char* PutUtf8(char32_t code, char* out) {
  const auto put = [&out](char32_t byte) { *out++ = static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xc0 | (code >> 6));
    put(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    put(0xe0 | (code >> 12));
    put(0x80 | ((code >> 6) & 0x3f));
    put(0x80 | (code & 0x3f));
  } else {
    put(0xf0 | (code >> 18));
    put(0x80 | ((code >> 12) & 0x3f));
    put(0x80 | ((code >> 6) & 0x3f));
    put(0x80 | (code & 0x3f));
  }
  return out;
}

}  // namespace v1
}  // namespace insightflow
