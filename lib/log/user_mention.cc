#include "lib/log/user_mention.h"

#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "lib/base/utf8.h"

namespace insightflow {
inline namespace v1 {
namespace {

bool IsWord(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
         c == '-';
}

bool HasWord(std::string_view text, std::string_view word) {
  for (std::size_t at = text.find(word); at != text.npos; at = text.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    if ((at == 0 || !IsWord(text[at - 1])) && (end == text.size() || !IsWord(text[end]))) {
      return true;
    }
  }
  return false;
}

// The code unit of a \uXXXX that `text` begins with.
std::optional<char32_t> UnitAt(std::string_view text) {
  if (text.size() < 6 || text[0] != '\\' || text[1] != 'u') return {};
  char32_t unit = 0;
  for (const char c : text.substr(2, 4)) {
    const char lower = static_cast<char>(c | 0x20);
    if (c >= '0' && c <= '9') {
      unit = unit * 16 + static_cast<char32_t>(c - '0');
    } else if (lower >= 'a' && lower <= 'f') {
      unit = unit * 16 + static_cast<char32_t>(lower - 'a' + 10);
    } else {
      return {};
    }
  }
  return unit;
}

// Appends what the escape at the begin of `text` stands for. Returns its length, 0 when it is none.
std::size_t AppendEscaped(std::string_view text, std::string* out) {
  constexpr std::string_view kNames = "\"\\/bfnrt";
  constexpr std::string_view kValues = "\"\\/\b\f\n\r\t";
  if (text.size() < 2) return 0;
  if (const std::size_t known = kNames.find(text[1]); known != kNames.npos) {
    out->push_back(kValues[known]);
    return 2;
  }
  std::optional<char32_t> code = UnitAt(text);
  if (!code) return 0;
  std::size_t size = 6;
  if (*code >= 0xd800 && *code < 0xe000) {
    const std::optional<char32_t> low = UnitAt(text.substr(6));
    if (*code >= 0xdc00 || !low || *low < 0xdc00 || *low >= 0xe000) return 0;
    code = 0x10000 + ((*code - 0xd800) << 10) + (*low - 0xdc00);
    size = 12;
  }
  char bytes[4];
  out->append(bytes, PutUtf8(*code, bytes));
  return size;
}

// Takes one level of escapes off; a backslash that begins none stays.
std::string Unescape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    std::size_t size = text[0] == '\\' ? AppendEscaped(text, &out) : 0;
    if (size == 0) {
      out.push_back(text[0]);
      size = 1;
    }
    text.remove_prefix(size);
  }
  return out;
}

std::string HalveQuotes(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    out.push_back(text[i]);
    if (text.substr(i, 2) == "\"\"") ++i;
  }
  return out;
}

}  // namespace

bool MentionsUser(std::string_view text, std::string_view user_id) {
  if (user_id.empty()) return false;
  if (HasWord(text, user_id)) return true;
  if (user_id.find('"') != user_id.npos && HasWord(HalveQuotes(text), user_id)) return true;
  std::string plain(text);
  while (plain.find('\\') != plain.npos) {
    std::string next = Unescape(plain);
    if (next.size() == plain.size()) return false;  // no escape was left
    if (HasWord(next, user_id)) return true;
    plain = std::move(next);
  }
  return false;
}

}  // namespace v1
}  // namespace insightflow
