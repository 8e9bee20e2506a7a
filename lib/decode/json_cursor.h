// A walk over the tokens of a JSON text that checks all of its grammar, once, as it goes.
//
// Two kinds of trouble are kept apart. What is not JSON ends the walk: methods return false and
// error() says where. What is JSON but not acceptable (a lone surrogate, an integer past 2^63 − 1,
// too many levels) is noted as a ValueFault and the walk goes on, so that only the event at hand is
// refused.
//
// Not thread-safe. The text and the index must outlive the cursor's use of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/short_text.h"
#include "lib/decode/json_index.h"
#include "lib/decode/json_number.h"

namespace insightflow {
inline namespace v1 {

enum class ValueFault : std::uint8_t { kNone, kBadString, kIntRange, kTooDeep };

class JsonCursor {
 public:
  // `valid_utf8`: what the index says of the text.
  void Reset(std::string_view text, const JsonIndex& index, bool valid_utf8);

  bool AtEnd() const { return at_ == end_; }
  // The first byte of the token, NUL at the end.
  char Peek() const { return at_ == end_ ? '\0' : text_[*at_]; }
  // Where the token begins; the text's size at the end.
  std::size_t offset() const { return *at_; }
  // Where the token before this one ends, when it is a bracket, a comma or a colon.
  std::size_t previous_end() const { return at_[-1] + 1; }
  std::string_view text() const { return text_; }

  std::size_t previous_begin() const { return at_[-1]; }
  // Goes back to the first token.
  void Rewind();

  // Consumes a bracket, comma or colon when it is the next token.
  bool Take(char c) {
    if (Peek() != c) return false;
    ++at_;
    return true;
  }

  // The token is a string (Peek() is '"'): its value without escapes, valid until ForgetStrings.
  // A string that is not Unicode sets `fault` to kBadString and gives its escaped text.
  bool ReadString(std::string_view* value, ValueFault* fault);
  // The token begins like a number (NumberIsNext()).
  bool ReadNumber(JsonNumber* number, std::string_view* token);
  bool NumberIsNext() const {
    const char c = Peek();
    return c == '-' || (c >= '0' && c <= '9');
  }
  bool TakeNull();
  // Any value; `level` of its brackets counts from `level_before` + 1. The first fault stays.
  bool SkipValue(std::size_t level_before, ValueFault* fault) {
    const char first = Peek();
    return first == '{' || first == '[' ? SkipNested(level_before, fault) : SkipScalar(fault);
  }

  // An integer of 1 to 18 digits without a sign, followed by a token at once: consumes it. False
  // for anything else.
  bool TakeDigits(std::uint64_t* value) {
    const std::size_t begin = at_[0];
    const std::size_t size = at_[1] - begin;
    if (!ParseDigits({text_.data() + begin, size}, value)) return false;
    ++at_;
    return true;
  }

  // Walks an object (Peek() is '{'). Visit is bool(key, key fault, offset of the key) with the
  // cursor at the value, which it consumes; false ends the walk. `take_usual` is called with the
  // cursor at a key and may consume members with the commas after them.
  template <typename Visit, typename TakeUsual>
  bool ReadObject(Visit visit, TakeUsual take_usual);
  template <typename Visit>
  bool ReadObject(Visit visit) {
    return ReadObject(visit, [] {});
  }

  // Consumes `"name":"text",` when it is spelled just so, except for white space around the value,
  // with a text that needs no unescaping. `quoted` is `"name":`.
  bool TakeTextMember(std::string_view quoted, std::string_view* value) {
    if (end_ - at_ < 5) return false;
    const char* const text = text_.data();
    const std::size_t begin = at_[2];
    const std::size_t next = at_[3];
    const bool usual = at_[1] - at_[0] + 1 == quoted.size() &&
                       SameBytes(text + at_[0], quoted.data(), quoted.size()) &&
                       text[begin] == '"' && text[next] == ',' && text[next - 1] == '"' &&
                       next >= begin + 2 && next <= plain_end_;
    if (!usual) return false;
    *value = {text + begin + 1, next - begin - 2};
    at_ += 4;
    return true;
  }

  // Lets memory of unescaped strings be used again.
  void ForgetStrings() { unescaped_size_ = 0; }
  // Whether there is white space between the tokens from the one at `begin` to the previous one.
  bool HasSpacesSince(std::size_t begin) const;
  // Appends the tokens in [begin, end) of the text, which the cursor has just passed, without the
  // white space between them.
  void AppendCompact(std::size_t begin, std::size_t end, std::string* out) const;

  bool Fail(const char* message);
  struct Error {
    std::size_t offset = 0;
    const char* message = nullptr;
  };
  const Error& error() const { return error_; }

 private:
  // One past the last byte of the token, which is not a bracket, comma or colon.
  std::size_t TokenEnd() const {
    std::size_t end = at_[1];
    while (IsSpace(text_[end - 1])) --end;
    return end;
  }
  static bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

  // Whether [begin, end) has neither a backslash nor a byte that is not UTF-8. `begin` never goes
  // back.
  bool IsPlain(std::size_t begin, std::size_t end) {
    return end <= plain_end_ || LooksPlain(begin, end);
  }
  bool LooksPlain(std::size_t begin, std::size_t end);
  // Consumes a key and its colon when both are spelled in the usual way: no escapes, no white space
  // between them.
  bool TakePlainKey(std::string_view* key) {
    if (end_ - at_ < 2) return false;
    const std::size_t begin = at_[0];
    const std::size_t colon = at_[1];
    const bool plain = text_[begin] == '"' && text_[colon] == ':' && text_[colon - 1] == '"' &&
                       colon >= begin + 2 && colon <= plain_end_;
    if (!plain) return false;
    *key = {text_.data() + begin + 1, colon - begin - 2};
    at_ += 2;
    return true;
  }
  bool ReadKey(std::string_view* key, ValueFault* fault);  // any key, with its colon
  std::size_t FindEscape(std::size_t from) const;
  std::size_t FindBad(std::size_t from) const;
  // What a string with escapes or bytes that are not UTF-8 stands for.
  bool Unescape(std::string_view raw, std::string_view* value, ValueFault* fault);
  bool SkipScalar(ValueFault* fault);  // a string, a number or a word
  bool SkipKey(ValueFault* fault);     // with its colon
  bool SkipNested(std::size_t level_before, ValueFault* fault);

  std::string_view text_;
  const std::uint32_t* begin_ = nullptr;
  const std::uint32_t* at_ = nullptr;
  const std::uint32_t* end_ = nullptr;
  std::size_t next_escape_ = 0;
  std::size_t next_bad_ = 0;
  std::size_t plain_end_ = 0;  // the lesser of the two
  bool valid_utf8_ = true;
  std::string unescaped_;  // as long as the text once it is needed, so that views into it stay
  std::size_t unescaped_size_ = 0;
  std::string open_;  // the brackets around the value that SkipValue is at
  Error error_;
};

inline bool JsonCursor::ReadString(std::string_view* value, ValueFault* fault) {
  const std::size_t begin = at_[0] + 1;
  const std::size_t end = TokenEnd() - 1;
  if (end < begin || text_[end] != '"') return Fail("a string is not closed");
  *value = {text_.data() + begin, end - begin};
  if (!IsPlain(begin, end) && !Unescape(*value, value, fault)) return false;
  ++at_;
  return true;
}

template <typename Visit, typename TakeUsual>
bool JsonCursor::ReadObject(Visit visit, TakeUsual take_usual) {
  ++at_;
  if (Take('}')) return true;
  for (;;) {
    take_usual();
    const std::size_t key_begin = offset();
    std::string_view key;
    ValueFault fault = ValueFault::kNone;
    if (!TakePlainKey(&key) && !ReadKey(&key, &fault)) return false;
    if (!visit(key, fault, key_begin)) return false;
    const char next = Peek();
    if (next != ',' && next != '}') return Fail("',' or '}' is expected");
    ++at_;
    if (next == '}') return true;
  }
}

}  // namespace v1
}  // namespace insightflow
