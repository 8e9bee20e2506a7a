// The numbers of encodings, the first byte of a chunk. Stored: append only. A build reads those it
// knows and refuses others as of a newer version.
#pragma once

#include <cstdint>

namespace insightflow {
inline namespace v1 {

// Columns with one encoding so far, and dictionaries of a segment. Of extra_data: whole rows.
inline constexpr std::uint8_t kFirstEncoding = 1;

inline constexpr std::uint8_t kMultiples = 2;  // of times and positions: quotients

inline constexpr std::uint8_t kShapedRows = 2;       // of extra_data: shapes and numbers
inline constexpr std::uint8_t kShapedQuotients = 3;  // as 2, of numbers that have a divisor

inline constexpr std::uint8_t kFlagsOfTypes = 2;  // of flags: what most rows of each type have

// Text columns but kUserId.
inline constexpr std::uint8_t kSharedCodes = 1;    // of the segment's dictionary
inline constexpr std::uint8_t kOwnDictionary = 2;  // a dictionary, then its codes
inline constexpr std::uint8_t kNarrowCodes = 3;    // as 1, in a byte: event types
inline constexpr std::uint8_t kGatedCodes = 4;     // as 1, of the rows of some types
inline constexpr std::uint8_t kTitlesOfPages = 5;  // as 4, and those that pages foretell left out

}  // namespace v1
}  // namespace insightflow
