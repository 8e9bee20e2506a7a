#include "lib/decode/json_cursor.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "lib/base/hex.h"
#include "lib/base/limits.h"
#include "lib/base/utf8.h"

namespace insightflow {
inline namespace v1 {
namespace {

void Note(ValueFault found, ValueFault* fault) {
  if (*fault == ValueFault::kNone) *fault = found;
}

// The four digits after "\u"; -1 when they are not there.
int HexQuad(std::string_view digits) {
  if (digits.size() < 4) return -1;
  int value = 0;
  for (const char c : digits.substr(0, 4)) {
    const int digit = HexValue(c);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

// The character of a one-letter escape, NUL when there is none.
char SimpleEscape(char letter) {
  switch (letter) {
    case '"': return '"';
    case '\\': return '\\';
    case '/': return '/';
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return '\0';
  }
}

enum class Escape : std::uint8_t { kGood, kLoneSurrogate, kBad };

// Takes the escape at the front of `raw` (which begins with a backslash) and writes its character.
Escape TakeEscape(std::string_view* raw, char** out) {
  const char letter = raw->size() > 1 ? (*raw)[1] : '\0';
  if (letter != 'u') {
    const char c = SimpleEscape(letter);
    if (c == '\0') return Escape::kBad;
    *(*out)++ = c;
    raw->remove_prefix(2);
    return Escape::kGood;
  }
  int code = HexQuad(raw->substr(2));
  if (code < 0) return Escape::kBad;
  raw->remove_prefix(6);
  if (code < 0xd800 || code > 0xdfff) {
    *out = PutUtf8(static_cast<char32_t>(code), *out);
    return Escape::kGood;
  }
  if (code > 0xdbff || !raw->starts_with("\\u")) return Escape::kLoneSurrogate;
  const int low = HexQuad(raw->substr(2));
  if (low < 0xdc00 || low > 0xdfff) return Escape::kLoneSurrogate;
  raw->remove_prefix(6);
  code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
  *out = PutUtf8(static_cast<char32_t>(code), *out);
  return Escape::kGood;
}

}  // namespace

void JsonCursor::Reset(std::string_view text, const JsonIndex& index, bool valid_utf8) {
  text_ = text;
  begin_ = index.begin();
  end_ = index.end();
  valid_utf8_ = valid_utf8;
  Rewind();
}

void JsonCursor::Rewind() {
  at_ = begin_;
  next_escape_ = FindEscape(0);
  next_bad_ = valid_utf8_ ? text_.size() : FindBad(0);
  plain_end_ = std::min(next_escape_, next_bad_);
  unescaped_size_ = 0;
  error_ = {};
}

std::size_t JsonCursor::FindEscape(std::size_t from) const {
  const void* found = std::memchr(text_.data() + from, '\\', text_.size() - from);
  return found == nullptr
             ? text_.size()
             : static_cast<std::size_t>(static_cast<const char*>(found) - text_.data());
}

std::size_t JsonCursor::FindBad(std::size_t from) const { return FindInvalidUtf8(text_, from); }

bool JsonCursor::LooksPlain(std::size_t begin, std::size_t end) {
  if (next_escape_ < begin) next_escape_ = FindEscape(begin);
  if (next_bad_ < begin) next_bad_ = FindBad(begin);
  plain_end_ = std::min(next_escape_, next_bad_);
  return end <= plain_end_;
}

bool JsonCursor::HasSpacesSince(std::size_t begin) const {
  const char* const before = text_.data() - 1;
  bool found = false;
  // Between two tokens there is nothing but what the first one is spelled with, and white space.
  for (const std::uint32_t* token = at_ - 1; *token > begin; --token) {
    found |= static_cast<unsigned char>(before[*token]) <= ' ';
  }
  return found;
}

bool JsonCursor::Fail(const char* message) {
  error_ = {*at_, message};
  return false;
}

bool JsonCursor::Unescape(std::string_view raw, std::string_view* value, ValueFault* fault) {
  if (unescaped_.size() < text_.size()) {
    assert(unescaped_size_ == 0);
    unescaped_.resize(text_.size());
  }
  assert(unescaped_size_ + raw.size() <= unescaped_.size());
  char* const begin = unescaped_.data() + unescaped_size_;
  char* out = begin;
  bool good = IsUtf8(raw);
  std::string_view rest = raw;
  while (!rest.empty()) {
    const std::size_t plain = std::min(rest.find('\\'), rest.size());
    std::memcpy(out, rest.data(), plain);
    out += plain;
    rest.remove_prefix(plain);
    if (rest.empty()) break;
    const Escape escape = TakeEscape(&rest, &out);
    if (escape == Escape::kBad) return Fail("a string has an unknown escape");
    if (escape == Escape::kLoneSurrogate) good = false;
  }
  if (!good) {
    Note(ValueFault::kBadString, fault);
    *value = raw;
    return true;
  }
  unescaped_size_ = static_cast<std::size_t>(out - unescaped_.data());
  *value = std::string_view(begin, static_cast<std::size_t>(out - begin));
  return true;
}

bool JsonCursor::ReadNumber(JsonNumber* number, std::string_view* token) {
  *token = text_.substr(*at_, TokenEnd() - *at_);
  *number = ParseJsonNumber(*token);
  if (number->kind == JsonNumber::Kind::kNone) return Fail("a number is malformed");
  ++at_;
  return true;
}

bool JsonCursor::TakeNull() {
  if (Peek() != 'n' || text_.substr(*at_, TokenEnd() - *at_) != "null") return false;
  ++at_;
  return true;
}

bool JsonCursor::SkipScalar(ValueFault* fault) {
  if (AtEnd()) return Fail("the text ends within a value");
  const char first = Peek();
  if (first == '"') {
    std::string_view ignored;
    const std::size_t before = unescaped_size_;
    const bool ok = ReadString(&ignored, fault);
    unescaped_size_ = before;
    return ok;
  }
  if (std::uint64_t small; TakeDigits(&small)) return true;
  std::string_view token;
  if (NumberIsNext()) {
    JsonNumber number;
    if (!ReadNumber(&number, &token)) return false;
    if (number.kind != JsonNumber::Kind::kReal && !AsInt64(number)) {
      Note(ValueFault::kIntRange, fault);
    }
    return true;
  }
  token = text_.substr(*at_, TokenEnd() - *at_);
  if (token != "true" && token != "false" && token != "null") return Fail("a value is expected");
  ++at_;
  return true;
}

bool JsonCursor::SkipNested(std::size_t level_before, ValueFault* fault) {
  open_.clear();
  for (;;) {
    // A value is next, or the end of an array or object that has just begun.
    const char c = Peek();
    if (c == '{' || c == '[') {
      open_.push_back(c);
      if (level_before + open_.size() > kExtraDataDepthMax) Note(ValueFault::kTooDeep, fault);
      ++at_;
      if (Peek() != (c == '{' ? '}' : ']')) {
        if (c == '{' && !SkipKey(fault)) return false;
        continue;
      }
    } else if (!SkipScalar(fault)) {
      return false;
    }
    // After a value: close what ends here, then go to the next one.
    for (;;) {
      const bool in_object = open_.back() == '{';
      if (Take(',')) {
        if (in_object && !SkipKey(fault)) return false;
        break;
      }
      if (!Take(in_object ? '}' : ']')) {
        return Fail(in_object ? "',' or '}' is expected" : "',' or ']' is expected");
      }
      open_.pop_back();
      if (open_.empty()) return true;
    }
  }
}

bool JsonCursor::ReadKey(std::string_view* key, ValueFault* fault) {
  if (Peek() != '"') return Fail("a key in quotes is expected");
  return ReadString(key, fault) && (Take(':') || Fail("':' is expected"));
}

bool JsonCursor::SkipKey(ValueFault* fault) {
  if (Peek() != '"') return Fail("a key in quotes is expected");
  if (!SkipScalar(fault)) return false;
  return Take(':') || Fail("':' is expected");
}

void JsonCursor::AppendCompact(std::size_t begin, std::size_t end, std::string* out) const {
  const std::uint32_t* token = at_;
  while (token[-1] > begin) --token;
  for (--token; *token < end; ++token) {
    std::size_t stop = std::min<std::size_t>(token[1], end);
    while (IsSpace(text_[stop - 1])) --stop;
    out->append(text_.substr(*token, stop - *token));
  }
}

}  // namespace v1
}  // namespace insightflow
