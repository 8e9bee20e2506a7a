#include "lib/model/packed_texts.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace insightflow {
namespace {

// The ending that was found; expects the texts back.
int PackedEnding(const std::vector<std::string>& entries) {
  const std::size_t length = entries.front().size();
  const std::string before = "before";
  std::string texts = before;
  for (const std::string& entry : entries) texts += entry;
  const std::string all = texts;
  std::string packed = before;
  const std::uint8_t ending = PackTexts(entries.size(), length, &texts, &packed);
  if (ending == 0) {
    EXPECT_EQ(texts, all);
    EXPECT_EQ(packed, before);
    return 0;
  }
  const std::size_t prefix = length - EndingTextBytes(ending);
  EXPECT_EQ(texts, all.substr(0, before.size() + prefix));
  EXPECT_EQ(packed.size(), before.size() + entries.size() * EndingPackedBytes(ending));
  std::string unpacked;
  EXPECT_TRUE(UnpackTexts(entries.front().substr(0, prefix), ending, packed.substr(before.size()),
                          &unpacked));
  EXPECT_EQ(before + unpacked, all);
  return ending;
}

std::vector<std::string> Entries(const std::string& prefix, std::size_t digits,
                                 const std::string& suffix = "") {
  std::vector<std::string> entries;
  for (std::size_t i = 0; i < 20; ++i) {
    std::string text = prefix;
    for (std::size_t d = 0; d < digits; ++d) text += "0123456789abcdef"[(i + 5 * d * i) % 16];
    entries.push_back(text + suffix);
  }
  return entries;
}

TEST(PackedTextsTest, EveryCountOfDigitsComesBack) {
  for (std::size_t digits = 4; digits <= kPackedDigitsMax; ++digits) {
    for (const std::size_t prefix : {0, 1, 15, 16, 17, 64}) {
      ASSERT_EQ(PackedEnding(Entries(std::string(prefix, 'u'), digits)), static_cast<int>(digits));
    }
  }
}

TEST(PackedTextsTest, OnlyWhatIsWorthItIsPacked) {
  EXPECT_EQ(PackedEnding(Entries("u", 3)), 0);
  EXPECT_EQ(PackedEnding(Entries("", kPackedDigitsMax + 1)), 0);
  EXPECT_EQ(PackedEnding(Entries(std::string(kPackedPrefixMax + 1, 'u'), 8)), 0);
  EXPECT_EQ(PackedEnding(Entries("", 8, "!")), 0);
  EXPECT_EQ(PackedEnding({"12345678"}), 0);
  std::vector<std::string> entries = Entries("u", 8);
  for (const std::size_t at : {0, 1, 8}) {
    for (const char c : {'A', 'F', 'g', '/', ':', '`', '\0', '\xff'}) {
      std::vector<std::string> changed = entries;
      changed[11][at] = c;
      EXPECT_EQ(PackedEnding(changed), 0) << at << c;
    }
  }
  entries.resize(7);
  EXPECT_EQ(PackedEnding(entries), 0);
}

TEST(PackedTextsTest, UuidsComeBack) {
  for (const std::string prefix : {"", "tab:", "a long prefix of more than 16 bytes "}) {
    std::vector<std::string> entries = Entries(prefix, 8, "-0123-4567-89ab-cdef00112233");
    EXPECT_EQ(PackedEnding(entries), kPackedUuid);
    entries[9].back() = 'G';
    EXPECT_EQ(PackedEnding(entries), 0);
  }
}

TEST(PackedTextsTest, AnOddDigitTakesNoMore) {
  std::string texts;
  EXPECT_TRUE(UnpackTexts("u", 5, std::string("\x01\x23\x45", 3), &texts));
  EXPECT_EQ(texts, "u12345");
  EXPECT_FALSE(UnpackTexts("u", 5, std::string("\x11\x23\x45", 3), &texts));
}
}  // namespace
}  // namespace insightflow
