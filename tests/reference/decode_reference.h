// Obvious twins of what the decoders do cleverly.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace insightflow::reference {

// The longest prefix of whole characters, grown character by character.
inline std::string CutUtf8(std::string_view text, std::size_t bytes_max) {
  std::string out;
  std::size_t i = 0;
  while (i < text.size()) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (i + length > bytes_max) break;
    out += text.substr(i, length);
    i += length;
  }
  return out;
}

// Decodes each sequence to a number and asks whether its shortest encoding is what stands there.
inline std::size_t FindInvalidUtf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = [&](std::size_t k) {
      return i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0u;
    };
    std::size_t length = 0;
    std::uint32_t code = 0;
    if (byte(0) < 0x80) {
      length = 1;
      code = byte(0);
    } else if ((byte(0) & 0xe0) == 0xc0) {
      length = 2;
      code = byte(0) & 0x1f;
    } else if ((byte(0) & 0xf0) == 0xe0) {
      length = 3;
      code = byte(0) & 0x0f;
    } else if ((byte(0) & 0xf8) == 0xf0) {
      length = 4;
      code = byte(0) & 0x07;
    } else {
      return i;
    }
    for (std::size_t k = 1; k < length; ++k) {
      if ((byte(k) & 0xc0) != 0x80) return i;
      code = code * 64 + (byte(k) & 0x3f);
    }
    const std::size_t shortest = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    if (shortest != length || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return i;
    i += length;
  }
  return text.size();
}

// Days by counting the years and months one by one.
inline std::int64_t MillisOf(int year, int month, int day, std::int64_t ms_of_day) {
  const auto leap = [](int y) { return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0; };
  const auto days_of = [&](int y, int m) {
    constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return kDays[m - 1] + (m == 2 && leap(y) ? 1 : 0);
  };
  std::int64_t days = 0;
  for (int y = 1970; y < year; ++y) days += leap(y) ? 366 : 365;
  for (int m = 1; m < month; ++m) days += days_of(year, m);
  return (days + day - 1) * 86'400'000 + ms_of_day;
}

struct CsvRecord {
  std::vector<std::string> cells;
};

// RFC 4180, a letter at a time. nullopt where a quote stays open or text follows a closing quote.
inline std::optional<std::vector<CsvRecord>> SplitCsv(std::string_view text) {
  std::vector<CsvRecord> records;
  std::size_t i = 0;
  while (i < text.size()) {
    CsvRecord record;
    for (;;) {
      std::string cell;
      if (i < text.size() && text[i] == '"') {
        ++i;
        for (;;) {
          if (i == text.size()) return std::nullopt;
          if (text[i] == '"' && i + 1 < text.size() && text[i + 1] == '"') {
            cell += '"';
            i += 2;
          } else if (text[i] == '"') {
            ++i;
            break;
          } else {
            cell += text[i++];
          }
        }
        if (text.substr(i, 2) == "\r\n" || text.substr(i) == "\r") ++i;
        if (i < text.size() && text[i] != ',' && text[i] != '\n') return std::nullopt;
      } else {
        while (i < text.size() && text[i] != ',' && text[i] != '\n') cell += text[i++];
        if ((i == text.size() || text[i] == '\n') && cell.ends_with('\r')) cell.pop_back();
      }
      record.cells.push_back(cell);
      if (i < text.size() && text[i] == ',') {
        ++i;
        continue;
      }
      if (i < text.size()) ++i;
      break;
    }
    records.push_back(record);
  }
  return records;
}

}  // namespace insightflow::reference
