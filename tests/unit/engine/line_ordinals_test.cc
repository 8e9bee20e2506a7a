#include "lib/engine/line_ordinals.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
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

// The first of `lines` is number `first` of the file.
Keys KeysOf(const std::vector<std::string>& lines, LineOrdinals* ordinals,
            std::uint64_t first = 1) {
  EventBatch batch = BatchOf(lines);
  std::vector<std::uint64_t> numbers(lines.size());
  std::iota(numbers.begin(), numbers.end(), first);
  ordinals->Apply(numbers, &batch);
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
  std::uint64_t next_line = 1;
  for (const auto& block : {std::vector<std::string>(file.begin(), file.begin() + 1),
                            std::vector<std::string>(file.begin() + 1, file.begin() + 5),
                            std::vector<std::string>(file.begin() + 5, file.end())}) {
    for (const auto& key : KeysOf(block, &second, next_line)) parts.push_back(key);
    next_line += block.size();
  }
  EXPECT_EQ(whole, parts);
  first.Restart({});
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
  const std::uint64_t line = 1;
  ordinals.Apply({&line, 1}, &batch);
  EXPECT_EQ(batch.keys[0], key);
}

TEST(LineOrdinalsTest, APartGoesOnWithTheCountsThatItIsGiven) {
  LineOrdinals whole("", 1), part("", 1);
  const Keys expected = KeysOf({"a", "b", "a", "c", "a", "b", "a"}, &whole);
  part.Restart({{5, 2}, {6, 1}});
  const Keys keys = KeysOf({"c", "a", "b", "a"}, &part, 4);
  EXPECT_TRUE(std::equal(keys.begin(), keys.end(), expected.begin() + 3));
}

using Entries = std::vector<std::pair<std::uint64_t, std::uint32_t>>;

Entries EntriesOf(const FilePart& part) {
  Entries entries;
  for (const RepeatedLine& one : part.repeated) entries.emplace_back(one.line, one.before);
  return entries;
}

TEST(RepeatedLinesTest, TellsTheFirstOfEachContentInAPart) {
  RepeatedLines lines(ImportFormat::kNdjson);
  EXPECT_EQ(EntriesOf(lines.Next("\xEF\xBB\xBF"
                                 "a\nb\r\n\na\n",
                                 1)),
            Entries());
  EXPECT_EQ(EntriesOf(lines.Next("a\nc\nb\na\n", 5)), (Entries{{5, 2}, {7, 1}}));
  EXPECT_EQ(EntriesOf(lines.Next("d\na\n\nc", 9)), (Entries{{10, 4}, {12, 1}}));
}

TEST(RepeatedLinesTest, CsvHasRecordsBehindAHeader) {
  RepeatedLines lines(ImportFormat::kCsv);
  EXPECT_EQ(EntriesOf(lines.Next("h\nh\n\"x\ny\"\n\"x\ny\"\n", 1)), Entries());
  EXPECT_EQ(EntriesOf(lines.Next("h\ny\"\n\"x\ny\"\r\nh\n", 6)), (Entries{{8, 2}, {10, 1}}));
  EXPECT_EQ(EntriesOf(lines.Next("h", 10)), Entries());
}

TEST(RepeatedLinesTest, CountsBeginAgainWithAStretch) {
  RepeatedLines lines(ImportFormat::kNdjson, 3);
  EXPECT_EQ(EntriesOf(lines.Next("a\na\n", 1)), Entries());
  EXPECT_EQ(EntriesOf(lines.Next("a\na\na\n", 3)), (Entries{{3, 2}}));
  EXPECT_EQ(EntriesOf(lines.Next("a\na\n", 6)), (Entries{{6, 2}}));
}

}  // namespace
}  // namespace insightflow
