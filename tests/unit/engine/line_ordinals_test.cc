#include "lib/engine/line_ordinals.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace insightflow {
namespace {

using Keys = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

EventBatch BatchOf(const std::vector<std::string>& lines) {
  EventBatch batch;
  for (const std::string& line : lines) {
    const std::size_t row = batch.PushRow(1);
    batch.flags[row] |= kLineKey;
    batch.keys[row] = HashBytes128(line, 1);
  }
  return batch;
}

Keys KeysOf(const std::vector<std::string>& lines, LineOrdinals* ordinals) {
  EventBatch batch = BatchOf(lines);
  ordinals->Apply(&batch);
  Keys keys;
  for (std::size_t row = 0; row < batch.rows; ++row) {
    EXPECT_EQ(batch.flags[row] & kLineKey, 0);
    keys.emplace_back(batch.keys[row].low, batch.keys[row].high);
  }
  return keys;
}

TEST(LineOrdinalsTest, EqualLinesDifferByTheirOrdinal) {
  LineOrdinals ordinals("", 1);
  const Keys keys = KeysOf({"a", "b", "a", "a"}, &ordinals);
  EXPECT_EQ(std::set(keys.begin(), keys.end()).size(), 4u);
}

TEST(LineOrdinalsTest, ARepeatedOrLongerFileHasTheSameKeysWhateverTheBlocks) {
  LineOrdinals first("", 1, 3), second("", 1, 3);
  const std::vector<std::string> file = {"a", "b", "a", "c", "a", "b", "a", "a"};
  const Keys whole = KeysOf(file, &first);
  EXPECT_EQ(std::set(whole.begin(), whole.end()).size(), file.size());
  Keys parts;
  for (const auto& block : {std::vector<std::string>(file.begin(), file.begin() + 1),
                            std::vector<std::string>(file.begin() + 1, file.begin() + 5),
                            std::vector<std::string>(file.begin() + 5, file.end())}) {
    for (const auto& key : KeysOf(block, &second)) parts.push_back(key);
  }
  EXPECT_EQ(whole, parts);
  first.NextFile();
  std::vector<std::string> longer = file;
  longer.push_back("a");
  Keys again = KeysOf(longer, &first);
  again.pop_back();
  EXPECT_EQ(whole, again);
}

TEST(LineOrdinalsTest, SourcesAreKeptApart) {
  LineOrdinals one("web1", 1), other("web2", 1);
  EXPECT_NE(KeysOf({"a"}, &one), KeysOf({"a"}, &other));
}

TEST(LineOrdinalsTest, RowsWithAnIdAreLeftAlone) {
  LineOrdinals ordinals("", 1);
  EventBatch batch = BatchOf({"a"});
  batch.flags[0] = 0;
  const Hash128 key = batch.keys[0];
  ordinals.Apply(&batch);
  EXPECT_EQ(batch.keys[0], key);
}

}  // namespace
}  // namespace insightflow
