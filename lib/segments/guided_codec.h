// Columns of a block that other columns of its rows foretell: which rows have a value, by their
// event type, and a page's title. docs/formats.md, "Segment".
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "lib/base/coding.h"
#include "lib/segments/column_codec.h"

namespace insightflow {
inline namespace v1 {

// Text fields that belong to some types of events. Others, as sessions, belong to all.
constexpr bool IsGuidedByType(Field field) {
  return field >= Field::kPageTitle && field <= Field::kElementText;
}

// Of each row the code of its type, where types are narrow, and of its page; 0 where it has none.
// Empty when there are no such codes.
struct RowGuides {
  std::span<const std::uint8_t> types;
  std::uint32_t type_entries = 0;
  std::span<const std::uint32_t> pages;
  std::span<const std::uint32_t> titles;  // by the code of a page: that of its title, 0 none
};

// The codes of a field that IsGuidedByType, in the encoding that is returned, the one that takes
// least, about: kSharedCodes, kGatedCodes or, with titles, kTitlesOfPages. O(rows).
std::uint8_t PutGuidedCodes(std::span<const std::uint32_t> codes, const RowGuides& guides,
                            ColumnScratch* scratch, std::string* out);
// As column_codec.h's Gets. Codes of at most `entries`.
bool GetGatedCodes(ByteReader* in, const RowGuides& guides, std::uint32_t entries,
                   ColumnScratch* scratch, std::span<std::uint32_t> codes);
bool GetTitlesOfPages(ByteReader* in, const RowGuides& guides, std::uint32_t entries,
                      ColumnScratch* scratch, std::span<std::uint32_t> codes);

// Flags, in the encoding that is returned: 1, or 2, where types foretell most of them.
std::uint8_t PutFlags(std::span<const std::uint8_t> flags, const RowGuides& guides,
                      ColumnScratch* scratch, std::string* out);
bool GetFlags(ByteReader* in, std::uint8_t encoding, const RowGuides& guides,
              ColumnScratch* scratch, std::span<std::uint8_t> flags);

}  // namespace v1
}  // namespace insightflow
