#include "lib/segments/batch_days.h"

#include <gtest/gtest.h>

#include "lib/segments/segment_format.h"

namespace insightflow {
namespace {

EventBatch At(std::initializer_list<std::int64_t> times) {
  EventBatch batch;
  for (const std::int64_t time : times) batch.PushRow(time);
  return batch;
}

TEST(BatchDaysTest, DaysRiseAndEachIsThereOnce) {
  std::vector<std::uint32_t> days = {7};
  ASSERT_TRUE(FindDays(At({3 * kDayMs, kDayMs - 1, 3 * kDayMs + 5, 0, kDayMs}), &days).ok());
  EXPECT_EQ(days, (std::vector<std::uint32_t>{0, 1, 3}));
  ASSERT_TRUE(FindDays(EventBatch(), &days).ok());
  EXPECT_TRUE(days.empty());
}

TEST(BatchDaysTest, TimesWithoutADayAreRefused) {
  std::vector<std::uint32_t> days;
  EXPECT_EQ(FindDays(At({kDayMs, -1}), &days).code(), StatusCode::kInternal);
  EXPECT_EQ(FindDays(At({INT64_MAX}), &days).code(), StatusCode::kInternal);
}

}  // namespace
}  // namespace insightflow
