// The shape form of texts written for obviousness: a character at a time, and a map.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/coding.h"
#include "lib/base/packed_ints.h"

namespace insightflow::testing {

struct ShapeTwin {
  std::string shape;
  std::vector<std::uint64_t> numbers;
};

inline ShapeTwin CutTwin(std::string_view text) {
  ShapeTwin twin;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    while (end < text.size() && text[end] >= '0' && text[end] <= '9') ++end;
    const std::string digits(text.substr(at, end - at));
    if (digits.empty()) {
      twin.shape.push_back(text[at++]);
    } else if (digits.size() > 1 && digits[0] == '0' && digits.size() <= 9) {
      twin.shape.push_back(static_cast<char>(digits.size()));
      twin.numbers.push_back(std::stoull(digits));
    } else if ((digits.size() == 1 || digits[0] != '0') && digits.size() <= 18) {
      twin.shape.push_back('\1');
      twin.numbers.push_back(std::stoull(digits));
    } else {
      twin.shape += digits;
    }
    at += digits.size();
  }
  return twin;
}

struct ShapesTwin {
  std::size_t distinct = 0;
  std::string shapes;
  std::string numbers;
};

// For texts without bytes that stand for numbers.
inline ShapesTwin ShapeTextsTwin(const std::vector<std::string>& texts) {
  std::map<std::string, std::uint32_t> known;
  std::vector<std::string> in_order;
  std::vector<std::uint32_t> codes;
  std::vector<ShapeTwin> rows;
  for (const std::string& text : texts) {
    rows.push_back(CutTwin(text));
    const std::string& shape = rows.back().shape;
    if (!shape.empty() && known.emplace(shape, known.size() + 1).second) in_order.push_back(shape);
    codes.push_back(shape.empty() ? 0 : known[shape]);
  }
  std::map<std::string, std::size_t> streams;  // by what stands before a number
  const auto stream_of = [&](const std::string& shape, std::size_t at) {
    std::string before = shape.substr(at < 8 ? 0 : at - 8, at < 8 ? at : 8);
    before.resize(8, '\0');
    if (streams.size() == 16 && !streams.contains(before)) return std::size_t{15};
    return streams.emplace(before, streams.size()).first->second;
  };
  ShapesTwin twin;
  twin.distinct = in_order.size();
  std::vector<std::uint32_t> lengths;
  std::string bytes;
  std::map<std::string, std::vector<std::size_t>> slots;
  for (const std::string& shape : in_order) {
    lengths.push_back(static_cast<std::uint32_t>(shape.size()));
    bytes += shape;
    for (std::size_t at = 0; at < shape.size(); ++at) {
      if (shape[at] >= 1 && shape[at] <= 9) slots[shape].push_back(stream_of(shape, at));
    }
  }
  std::vector<std::vector<std::uint64_t>> numbers(streams.size());
  for (const ShapeTwin& row : rows) {
    for (std::size_t i = 0; i < row.numbers.size(); ++i) {
      numbers[slots[row.shape][i]].push_back(row.numbers[i]);
    }
  }
  PutVarint(&twin.shapes, in_order.size());
  PutInts<std::uint32_t>(&twin.shapes, lengths, false);
  twin.shapes += bytes;
  PutInts<std::uint32_t>(&twin.numbers, codes, false);
  for (const auto& stream : numbers) PutInts<std::uint64_t>(&twin.numbers, stream, false);
  return twin;
}

}  // namespace insightflow::testing
