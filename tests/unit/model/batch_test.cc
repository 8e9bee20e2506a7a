#include "lib/model/batch.h"

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/random_cases.h"

namespace insightflow {
namespace {

TEST(DictColumnTest, GivesEqualValuesOneCodeAndLeavesEmptyAbsent) {
  DictColumn column;
  column.Set(0, "a");
  column.Set(1, "b");
  column.Set(2, "a");
  column.Set(3, "");
  EXPECT_EQ(column.entries(), 2u);
  EXPECT_EQ(column.CodeAt(0), column.CodeAt(2));
  EXPECT_EQ(column.At(1), "b");
  EXPECT_EQ(column.CodeAt(3), 0u);
  EXPECT_EQ(column.At(3), "");
  EXPECT_EQ(column.At(1000), "");
}

TEST(DictColumnTest, RowsMayBeLeftOut) {
  DictColumn column;
  column.Set(5, "x");
  EXPECT_EQ(column.At(4), "");
  EXPECT_EQ(column.At(5), "x");
  column.Set(5, "y");
  EXPECT_EQ(column.At(5), "y");
  column.Set(5, "");
  EXPECT_EQ(column.At(5), "");
}

TEST(DictColumnTest, IsAsNewAfterClear) {
  for (const int entries : {1, 3, 40, 5000}) {
    DictColumn column;
    for (int round = 0; round < 3; ++round) {
      for (int i = 0; i < entries; ++i) column.Set(i, std::to_string(i));
      ASSERT_EQ(column.entries(), static_cast<std::uint32_t>(entries));
      for (int i = 0; i < entries; ++i) ASSERT_EQ(column.At(i), std::to_string(i));
      column.Clear();
      ASSERT_TRUE(column.empty());
      column.Set(0, "after");
      ASSERT_EQ(column.CodeAt(0), 1u);
      column.Clear();
    }
  }
}

TEST(DictColumnTest, ALoadedColumnCanBeClearedAndFilled) {
  DictColumn column;
  for (int i = 0; i < 1000; ++i) column.Set(i, std::to_string(i));
  const std::vector<std::uint32_t> codes = {1, 2, 1}, ends = {0, 1, 3};
  column.Load(codes, ends, "abb");
  EXPECT_EQ(column.At(0), "a");
  EXPECT_EQ(column.At(1), "bb");
  column.Clear();
  column.Set(0, "a");
  EXPECT_EQ(column.At(0), "a");
  EXPECT_EQ(column.entries(), 1u);
}

// A row as plain values: the twin of what a batch stores in columns.
struct Row {
  std::int64_t time = 0;
  std::string text[kFieldCount];
  std::string event_id, extra_data;
  std::optional<std::int32_t> x, y;
  std::optional<std::uint64_t> seq;
};

class BatchPropertyTest : public ::testing::Test {
 protected:
  BatchPropertyTest() {
    seed_ = testing::RandomSeed();
    random_.seed(seed_);
  }

  std::uint64_t Below(std::uint64_t n) { return random_() % n; }

  std::string Text() {
    if (Below(3) == 0) return "";
    return std::string(Below(12) + 1, static_cast<char>('a' + Below(4)));
  }

  Row RandomRow() {
    Row row;
    row.time = static_cast<std::int64_t>(random_());
    for (std::string& text : row.text) text = Text();
    row.event_id = Text();
    row.extra_data = Text();
    if (Below(2) == 0) row.x = static_cast<std::int32_t>(random_());
    if (Below(2) == 0) row.y = static_cast<std::int32_t>(random_());
    if (Below(2) == 0) row.seq = random_();
    return row;
  }

  static void Push(const Row& row, EventBatch* batch) {
    const std::size_t at = batch->PushRow(row.time);
    for (std::size_t f = 0; f < kFieldCount; ++f) batch->text[f].Set(at, row.text[f]);
    batch->event_id.Set(at, row.event_id);
    batch->extra_data.Set(at, row.extra_data);
    if (row.x) batch->SetPositionX(*row.x);
    if (row.y) batch->SetPositionY(*row.y);
    if (row.seq) batch->SetClientSeq(*row.seq);
  }

  static void ExpectEqual(const std::vector<Row>& rows, const EventBatch& batch) {
    ASSERT_EQ(batch.rows, rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      ASSERT_EQ(batch.time_ms[i], rows[i].time);
      for (std::size_t f = 0; f < kFieldCount; ++f) ASSERT_EQ(batch.text[f].At(i), rows[i].text[f]);
      ASSERT_EQ(batch.event_id.At(i), rows[i].event_id);
      ASSERT_EQ(batch.extra_data.At(i), rows[i].extra_data);
      ASSERT_EQ((batch.flags[i] & kHasPositionX) != 0, rows[i].x.has_value());
      ASSERT_EQ((batch.flags[i] & kHasPositionY) != 0, rows[i].y.has_value());
      ASSERT_EQ((batch.flags[i] & kHasClientSeq) != 0, rows[i].seq.has_value());
      if (rows[i].x) {
        ASSERT_EQ(batch.position_x[i], *rows[i].x);
      }
      if (rows[i].y) {
        ASSERT_EQ(batch.position_y[i], *rows[i].y);
      }
      if (rows[i].seq) {
        ASSERT_EQ(batch.client_seq[i], *rows[i].seq);
      }
    }
  }

  std::uint64_t seed_ = 0;
  std::mt19937_64 random_;
};

TEST_F(BatchPropertyTest, BehavesAsAListOfRows) {
  SCOPED_TRACE("INSIGHTFLOW_SEED=" + std::to_string(seed_));
  EventBatch batch;
  for (int round = 0; round < 300; ++round) {
    std::vector<Row> rows;
    batch.Clear();
    for (int step = 0; step < 40; ++step) {
      const std::uint64_t what = Below(10);
      if (what < 7) {
        rows.push_back(RandomRow());
        Push(rows.back(), &batch);
      } else if (what == 7 && !rows.empty()) {
        rows.pop_back();
        batch.PopRow();
      } else if (what == 8) {
        std::vector<std::uint8_t> keep(rows.size());
        std::vector<Row> kept;
        for (std::size_t i = 0; i < rows.size(); ++i) {
          keep[i] = Below(3) != 0;
          if (keep[i] != 0) kept.push_back(rows[i]);
        }
        batch.Filter(keep);
        rows.swap(kept);
      } else if (what == 9) {
        EventBatch other;
        for (std::uint64_t i = Below(4); i > 0; --i) {
          rows.push_back(RandomRow());
          Push(rows.back(), &other);
        }
        batch.Append(other);
      }
    }
    ASSERT_NO_FATAL_FAILURE(ExpectEqual(rows, batch));
  }
}

}  // namespace
}  // namespace insightflow
