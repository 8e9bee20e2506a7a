// A reader of JSON that was judged when it was stored: it only has to find its way.

#include "lib/model/event_value.h"

#include <charconv>
#include <cmath>
#include <optional>

#include "lib/model/number_text.h"

namespace insightflow {
inline namespace v1 {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

void AppendUtf8(std::uint32_t point, std::string* to) {
  const auto put = [to](std::uint32_t byte) { to->push_back(static_cast<char>(byte)); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xc0 | point >> 6);
    put(0x80 | (point & 0x3f));
  } else if (point < 0x10000) {
    put(0xe0 | point >> 12);
    put(0x80 | (point >> 6 & 0x3f));
    put(0x80 | (point & 0x3f));
  } else {
    put(0xf0 | point >> 18);
    put(0x80 | (point >> 12 & 0x3f));
    put(0x80 | (point >> 6 & 0x3f));
    put(0x80 | (point & 0x3f));
  }
}

std::uint32_t HexUnit(std::string_view digits) {
  std::uint32_t unit = 0;
  (void)std::from_chars(digits.data(), digits.data() + digits.size(), unit, 16);
  return unit;
}

char SimpleEscape(char c) {
  switch (c) {
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return c;
  }
}

void Unescape(std::string_view raw, std::string* to) {
  to->clear();
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '\\' || i + 1 >= raw.size()) {
      to->push_back(raw[i]);
      continue;
    }
    ++i;
    if (raw[i] != 'u') {
      to->push_back(SimpleEscape(raw[i]));
      continue;
    }
    std::uint32_t point = HexUnit(raw.substr(i + 1, 4));
    i += 4;
    const bool high = point >= 0xd800 && point < 0xdc00;
    if (high && i + 2 < raw.size() && raw[i + 1] == '\\' && raw[i + 2] == 'u') {
      const std::uint32_t low = HexUnit(raw.substr(i + 3, 4));
      point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
      i += 6;
    }
    AppendUtf8(point, to);
  }
}

class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  char Peek() {
    while (at_ < text_.size() && IsSpace(text_[at_])) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool Take(char c) {
    if (Peek() != c) return false;
    ++at_;
    return true;
  }
  // Between the quotes, with its escapes.
  std::string_view TakeString() {
    const std::size_t begin = ++at_;
    while (at_ < text_.size() && text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
    at_ = std::min(at_, text_.size());
    const std::string_view raw = text_.substr(begin, at_ - begin);
    ++at_;
    return raw;
  }
  // A number, true, false or null.
  std::string_view TakeWord() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '}' && text_[at_] != ']' &&
           !IsSpace(text_[at_])) {
      ++at_;
    }
    return text_.substr(begin, at_ - begin);
  }
  void SkipValue() {
    const char c = Peek();
    if (c == '"') {
      TakeString();
    } else if (c == '{' || c == '[') {
      SkipNested();
    } else {
      TakeWord();
    }
  }

 private:
  void SkipNested() {
    std::size_t depth = 0;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"') {
        TakeString();
        continue;
      }
      ++at_;
      if (c == '{' || c == '[') ++depth;
      if ((c == '}' || c == ']') && --depth == 0) return;
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

bool KeyIs(std::string_view raw, std::string_view key, std::string* scratch) {
  if (raw.find('\\') == std::string_view::npos) return raw == key;
  Unescape(raw, scratch);
  return *scratch == key;
}

EventValue OfNumber(std::string_view word) {
  EventValue value;
  value.text = word;
  const char* const end = word.data() + word.size();
  const auto integer = std::from_chars(word.data(), end, value.integer);
  if (integer.ec == std::errc() && integer.ptr == end) {
    value.kind = EventValue::Kind::kInteger;
    value.real = static_cast<double>(value.integer);
    return value;
  }
  value.integer = 0;
  const auto real = std::from_chars(word.data(), end, value.real);
  const bool valid = real.ptr == end && real.ec == std::errc() && std::isfinite(value.real);
  value.kind = valid ? EventValue::Kind::kReal : EventValue::Kind::kOther;
  return value;
}

EventValue TakeValue(Cursor* cursor, std::string* scratch) {
  EventValue value;
  const char c = cursor->Peek();
  if (c == '{' || c == '[') {
    value.kind = EventValue::Kind::kOther;
    return value;
  }
  if (c == '"') {
    value.kind = EventValue::Kind::kText;
    value.text = cursor->TakeString();
    if (value.text.find('\\') != std::string_view::npos) {
      Unescape(value.text, scratch);
      value.text = *scratch;
    }
    return value;
  }
  const std::string_view word = cursor->TakeWord();
  if (word == "null" || word.empty()) return value;
  if (word == "true" || word == "false") {
    value.kind = EventValue::Kind::kBool;
    value.text = word;
    value.integer = word == "true" ? 1 : 0;
    return value;
  }
  return OfNumber(word);
}

}  // namespace

std::string_view SpelledValue(const EventValue& value, std::string* scratch) {
  if (value.kind == EventValue::Kind::kReal) return OneSpelling(value.text, scratch);
  if (value.kind != EventValue::Kind::kInteger) return value.text;
  if (value.text == "-0") return "0";
  if (!value.text.empty()) return value.text;
  *scratch = std::to_string(value.integer);
  return *scratch;
}

EventValue FindJsonValue(std::string_view object, std::span<const std::string> path,
                         std::string* scratch) {
  Cursor cursor(object);
  for (std::size_t level = 0; level < path.size(); ++level) {
    if (!cursor.Take('{')) return {};
    while (true) {
      if (cursor.Peek() != '"') return {};
      const bool found = KeyIs(cursor.TakeString(), path[level], scratch);
      if (!cursor.Take(':')) return {};
      if (found) break;
      cursor.SkipValue();
      if (!cursor.Take(',')) return {};
    }
  }
  return TakeValue(&cursor, scratch);
}

}  // namespace v1
}  // namespace insightflow
