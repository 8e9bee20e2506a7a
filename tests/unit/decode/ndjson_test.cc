#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "lib/model/key.h"
#include "tests/support/decoding.h"

namespace insightflow::testing {
namespace {

constexpr std::string_view kShort = R"({"user_id":"u","event_type":"v","timestamp":1})";

TEST(NdjsonTest, ReadsLines) {
  const std::string id = R"({"event_id":"e","user_id":"u","event_type":"v","timestamp":2})";
  const Decoded d = DecodeNdjson("\xef\xbb\xbf" + std::string(kShort) + "\n\n \t\r\n" + id +
                                 "\r\n  " + std::string(kShort) + " \n" + EventWith(""));
  ASSERT_EQ(d.out.batch.rows, 4u);
  EXPECT_EQ(d.out.batch.keys[0], HashBytes128(kShort, kHashSeed));
  EXPECT_EQ(d.out.batch.flags[0], kLineKey);
  EXPECT_EQ(d.out.batch.keys[1], EventIdKey("e", kHashSeed));
  EXPECT_EQ(d.out.batch.flags[1], 0);
  EXPECT_EQ(d.Text(Field::kSessionId, 3), "s");
  EXPECT_EQ(DecodeNdjson("").out.received, 0u);
  EXPECT_EQ(DecodeNdjson("\n\n").out.received, 0u);
}

TEST(NdjsonTest, ABadLineCostsOnlyItself) {
  const std::string good(kShort);
  const std::vector<std::string> bad_lines = {"{",
                                              "}",
                                              "x",
                                              "{\"a\":1,",
                                              "\"open",
                                              "{\"a\":\"open}",
                                              "{}{}",
                                              good + good,
                                              good + " x",
                                              "[" + good,
                                              "{\"a\":\"\x01\"}",
                                              "{\"a\":tru}",
                                              "[1,",
                                              "{\"user_id\":\"u\",\"x\":[{",
                                              "{\"x\":\"\\\"}",
                                              "\\",
                                              "\"",
                                              "{\"a\":01}",
                                              std::string(200'000, '{'),
                                              "\x80",
                                              ","};
  for (const std::string& bad : bad_lines) {
    const Decoded d =
        DecodeNdjson(good + "\n" + bad + "\n" + good + "\n" + bad + "\n" + bad + "\n" + good);
    EXPECT_EQ(d.out.batch.rows, 3u) << bad.substr(0, 100);
    ASSERT_EQ(d.out.rejected.size(), 3u) << bad.substr(0, 100);
    EXPECT_EQ(d.Verdict(0), "bad_line ");
    EXPECT_EQ(d.out.rejected[0].why.index, 2u);
    EXPECT_EQ(d.out.rejected[1].why.index, 4u);
    EXPECT_EQ(d.out.rejected[2].why.index, 5u);
    EXPECT_EQ(d.out.rejected[0].raw, bad.substr(0, 4096));
  }
}

TEST(NdjsonTest, AnEventDoesNotContinueOnTheNextLine) {
  const Decoded d =
      DecodeNdjson("{\"user_id\":\"u\",\n\"event_type\":\"v\",\"timestamp\":1}\n[1,\n2]\n" +
                   std::string(kShort));
  EXPECT_EQ(d.out.received, 5u);
  EXPECT_EQ(d.out.batch.rows, 1u);
}

TEST(NdjsonTest, ValuesThatAreNoEventsAndBadTextAreRejected) {
  const Decoded d =
      DecodeNdjson("1\n[1]\nnull\n{\"user_id\":\"\xff\"}\n{\"user_id\":\"\\ud800\"}\n{}\n" +
                   std::string(kShort));
  EXPECT_EQ(d.out.batch.rows, 1u);
  ASSERT_EQ(d.out.rejected.size(), 6u);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(d.Verdict(i), "bad_type ");
  EXPECT_EQ(d.Verdict(3), "bad_string user_id");
  EXPECT_EQ(d.Verdict(4), "bad_string user_id");
  EXPECT_EQ(d.Verdict(5), "missing_field user_id");
}

TEST(NdjsonTest, LineNumbersGoOnFromTheFirst) {
  DecodedBatch out;
  Decoder().DecodeNdjson("\nx\n", 1001, Context(), &out);
  EXPECT_EQ(out.rejected.at(0).why.index, 1002u);
}

TEST(NdjsonTest, BlocksOfEverySizeGiveTheSameRows) {
  std::string lines;
  std::size_t bad = 0;
  for (int i = 0; i < 3000; ++i) {
    lines += R"({"user_id":"u)" + std::to_string(i) + R"(","event_type":"v","timestamp":)" +
             std::to_string(i + 1) + R"(,"page_title":")" + std::string(i % 97, 'x') + "\\n\"}\n";
    if (i % 701 == 700) {
      lines += "{\"broken\":\"" + std::string(i * 40, 'y') + "\n";
      ++bad;
    }
  }
  const Decoded d = DecodeNdjson(lines);
  EXPECT_EQ(d.out.rejected.size(), bad);
  ASSERT_EQ(d.out.batch.rows, 3000u);
  for (std::size_t i = 0; i < 3000; ++i) {
    ASSERT_EQ(d.Text(Field::kUserId, i), "u" + std::to_string(i));
    ASSERT_EQ(d.Text(Field::kPageTitle, i), std::string(i % 97, 'x') + "\n");
  }
}

}  // namespace
}  // namespace insightflow::testing
