// The fixed header of a log record and what its writer and reader share. docs/formats.md, "Record".
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace insightflow {
inline namespace v1 {

// What is written; earlier versions are still read.
inline constexpr std::uint8_t kRecordVersion = 3;
// The seed of a record's checksums (XXH3-64).
inline constexpr std::uint64_t kRecordChecksumSeed = 0;

inline constexpr std::size_t kCoreSection = 0;
inline constexpr std::size_t kIdsSection = 1;
inline constexpr std::size_t kExtraSection = 2;
inline constexpr std::size_t kRecordSections = 3;

struct RecordSection {
  std::uint32_t raw_bytes = 0;  // without what is packed outside of the LZ4 block
  std::uint32_t stored_bytes = 0;
  std::uint64_t checksum = 0;  // of the stored bytes
};

struct RecordHeader {
  std::uint8_t version = kRecordVersion;
  std::uint8_t compressed = 0;  // bit s: section s is an LZ4 block
  std::uint16_t reserved = 0;
  std::uint32_t rows = 0;
  std::array<RecordSection, kRecordSections> sections = {};
  std::uint64_t checksum = 0;  // of the bytes before it, so in the end of the whole record
};
static_assert(sizeof(RecordHeader) == 64 && offsetof(RecordHeader, checksum) == 56);

// In the ids section: a form for each row follows; otherwise the byte is the form of all rows.
inline constexpr std::uint8_t kMixedForms = 0xff;

// The bits that a row's flags take when they are all within `all`. At least one, so that the count
// of rows is backed by bytes that are there.
constexpr std::uint8_t FlagBits(unsigned all) { return all > 3 ? 4 : all > 1 ? 2 : 1; }

// How the section of extra_data is written: its first byte, since version 3.
inline constexpr std::uint8_t kWholeTexts = 0;
inline constexpr std::uint8_t kShapedTexts = 1;

// Whether a column of `rows` codes marks the rows that use the next new entry: then one bit says of
// most rows what a code of one byte and more would.
constexpr bool MarksNewEntries(std::size_t rows, std::size_t entries) {
  return entries * 8 >= rows;
}

// LZ4 can write at most 255 bytes for one that it reads, so a greater claim is a lie.
inline constexpr std::uint64_t kLz4RatioMax = 255;

}  // namespace v1
}  // namespace insightflow
