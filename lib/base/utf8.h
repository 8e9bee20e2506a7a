// UTF-8: finding what is not, and cutting between characters.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace insightflow {
inline namespace v1 {

// The offset of the first byte at or after `from` that begins no well-formed character (Unicode 15,
// table 3-7: no overlong forms, no surrogates, nothing past U+10FFFF); text.size() when there is
// none. `from` must lie between characters. O(size), eight bytes at a time over ASCII.
std::size_t FindInvalidUtf8(std::string_view text, std::size_t from = 0);

inline bool IsUtf8(std::string_view text) { return FindInvalidUtf8(text) == text.size(); }

// The longest prefix of valid UTF-8 that has at most `bytes_max` bytes and splits no character.
std::string_view CutUtf8(std::string_view text, std::size_t bytes_max);

// Appends `text` with U+FFFD in place of every byte that begins no character.
void AppendAsUtf8(std::string_view text, std::string* out);

// Appends the encoding of a scalar value (not a surrogate, at most 0x10FFFF). Returns the end.
char* PutUtf8(char32_t code, char* out);

}  // namespace v1
}  // namespace insightflow
