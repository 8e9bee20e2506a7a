#include "lib/segments/frequency_order.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "lib/base/coding.h"

namespace insightflow {
inline namespace v1 {
namespace {

struct Entry {
  std::uint32_t count = 0;
  std::uint32_t code = 0;
  std::uint64_t text = 0;  // its first bytes behind what all begin with, in the order of texts
};

std::size_t CommonPrefix(const DictColumn& values, const std::vector<Entry>& entries) {
  if (entries.empty()) return 0;
  std::string_view prefix = values.Entry(entries.front().code);
  for (const Entry& entry : entries) {
    const std::string_view text = values.Entry(entry.code).substr(0, prefix.size());
    const auto end = std::mismatch(text.begin(), text.end(), prefix.begin()).first;
    prefix = prefix.substr(0, static_cast<std::size_t>(end - text.begin()));
  }
  return prefix.size();
}

std::uint64_t FirstBytes(std::string_view text) {
  std::array<char, 8> bytes = {};
  std::memcpy(bytes.data(), text.data(), std::min(text.size(), bytes.size()));
  return LoadBigEndian64(bytes.data());
}

}  // namespace

std::vector<std::uint32_t> OrderByFrequency(const DictColumn& values,
                                            const std::vector<std::uint32_t>& counts) {
  std::vector<Entry> entries;
  for (std::uint32_t code = 1; code <= values.entries(); ++code) {
    if (counts[code] != 0) entries.push_back({counts[code], code, 0});
  }
  // Texts are far apart in memory, and most are told apart by few bytes.
  const std::size_t prefix = CommonPrefix(values, entries);
  for (Entry& entry : entries) entry.text = FirstBytes(values.Entry(entry.code).substr(prefix));
  std::sort(entries.begin(), entries.end(), [&values](const Entry& a, const Entry& b) {
    if (a.count != b.count) return a.count > b.count;
    if (a.text != b.text) return a.text < b.text;
    return values.Entry(a.code) < values.Entry(b.code);
  });
  std::vector<std::uint32_t> order;
  order.reserve(entries.size());
  for (const Entry& entry : entries) order.push_back(entry.code);
  return order;
}

}  // namespace v1
}  // namespace insightflow
