// The entries of a dictionary that are one prefix and hexadecimal digits, as session and user ids
// are, in half the bytes: digits that say nothing of each other do not shrink in LZ4, and it takes
// its time to find that out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace insightflow {
inline namespace v1 {

// How the entries end: stored. 0: nothing is packed. 1 … kPackedDigitsMax: in so many lower-case
// hexadecimal digits. kPackedUuid: in a lower-case UUID.
inline constexpr std::uint8_t kPackedDigitsMax = 254;
inline constexpr std::uint8_t kPackedUuid = 255;
// A longer prefix is left to LZ4, so that few stored bytes cannot claim very many.
inline constexpr std::size_t kPackedPrefixMax = 64;

// What `ending` takes of every entry, as text and packed. An odd digit has a byte of its own.
std::size_t EndingTextBytes(std::uint8_t ending);
std::size_t EndingPackedBytes(std::uint8_t ending);

// `texts` ends in `entries` texts of `length` bytes. When that is worth it and all of them have one
// prefix and one ending, leaves the prefix of them there and appends the endings to `packed`.
std::uint8_t PackTexts(std::size_t entries, std::size_t length, std::string* texts,
                       std::string* packed);

// The reverse: appends entries × (prefix and ending) to `texts`. False when an odd digit's byte
// holds more. packed.size() is entries × EndingPackedBytes(ending).
bool UnpackTexts(std::string_view prefix, std::uint8_t ending, std::string_view packed,
                 std::string* texts);

}  // namespace v1
}  // namespace insightflow
