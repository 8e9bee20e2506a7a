#include "lib/model/value_table.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace insightflow {
namespace {

TEST(ValueTableTest, NumbersTextsInOrderOfFirstUse) {
  ValueTable table;
  EXPECT_EQ(table.Intern(""), 0u);
  EXPECT_EQ(table.Intern("b"), 1u);
  EXPECT_EQ(table.Intern("a"), 2u);
  EXPECT_EQ(table.Intern("b"), 1u);
  EXPECT_EQ(table.size(), 2u);
  EXPECT_EQ(table.Text(0), "");
  EXPECT_EQ(table.Text(1), "b");
  EXPECT_EQ(table.Text(2), "a");
  const std::vector<std::string_view> texts = {"c", "", "a", "c"};
  std::vector<std::uint32_t> codes(texts.size());
  table.Intern(texts, codes.data());
  EXPECT_EQ(codes, (std::vector<std::uint32_t>{3, 0, 2, 3}));
}

TEST(ValueTableTest, TextsAreCopiedAndStayWhereTheyAre) {
  ValueTable table;
  std::vector<std::string_view> places;
  for (int i = 0; i < 20'000; ++i) {
    // Some larger than a block.
    std::string text = std::to_string(i) + std::string(i % 1'000 == 7 ? 100'000 : i % 50, 'x');
    const std::uint32_t code = table.Intern(text);
    text.assign(text.size(), '?');
    places.push_back(table.Text(code));
  }
  std::size_t bytes = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string text =
        std::to_string(i) + std::string(i % 1'000 == 7 ? 100'000 : i % 50, 'x');
    ASSERT_EQ(places[i], text);
    ASSERT_EQ(table.Text(i + 1).data(), places[i].data());
    bytes += text.size();
  }
  EXPECT_GE(table.bytes(), bytes);
  EXPECT_LE(table.bytes(), 2 * bytes + 20'000 * 100);
}

TEST(ValueTableTest, ThreadsAgreeOnCodes) {
  constexpr int kThreads = 4, kTexts = 5'000;
  ValueTable table;
  std::vector<std::vector<std::uint32_t>> codes(kThreads, std::vector<std::uint32_t>(kTexts));
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&table, &codes, t] {
      for (int i = 0; i < kTexts; ++i) {
        const int which = (i * 7 + t * 1'000) % kTexts;
        const std::uint32_t code = table.Intern(std::to_string(which));
        codes[t][which] = code;
        EXPECT_EQ(table.Text(code), std::to_string(which));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int t = 1; t < kThreads; ++t) EXPECT_EQ(codes[t], codes[0]);
  EXPECT_EQ(table.size(), static_cast<std::uint32_t>(kTexts));
}

}  // namespace
}  // namespace insightflow
