#include "lib/base/utf8.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace insightflow {
namespace {

TEST(Utf8Test, FindsTheFirstByteThatBeginsNoCharacter) {
  EXPECT_EQ(FindInvalidUtf8(""), 0u);
  EXPECT_EQ(FindInvalidUtf8("plain ascii, long enough for words"), 34u);
  EXPECT_TRUE(IsUtf8("é€😀\xf4\x8f\xbf\xbf\xed\x9f\xbf\xee\x80\x80"));
  EXPECT_TRUE(IsUtf8(std::string_view("\0", 1)));
  EXPECT_EQ(FindInvalidUtf8("12345678\xff"), 8u);
  EXPECT_EQ(FindInvalidUtf8("é\x80"), 2u);
  EXPECT_EQ(FindInvalidUtf8("\xff\xff", 1), 1u);
  for (const char* bad : {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80",
                          "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xc3",
                          "\xe2\x82", "\xf0\x9f\x98", "\xc3(", "\xe2\x28\xa1", "\xfe", "\xff"}) {
    EXPECT_EQ(FindInvalidUtf8(bad), 0u) << bad;
  }
}

TEST(Utf8Test, CutsBetweenCharacters) {
  EXPECT_EQ(CutUtf8("abc", 5), "abc");
  EXPECT_EQ(CutUtf8("abc", 2), "ab");
  EXPECT_EQ(CutUtf8("aé", 2), "a");
  EXPECT_EQ(CutUtf8("aé", 3), "aé");
  EXPECT_EQ(CutUtf8("😀", 3), "");
  EXPECT_EQ(CutUtf8("€€", 5), "€");
  EXPECT_EQ(CutUtf8("x", 0), "");
}

TEST(Utf8Test, ReplacesWhatIsNot) {
  std::string out = ">";
  AppendAsUtf8("a\xff\xfeé\xe2\x82", &out);
  EXPECT_EQ(out, ">a\xef\xbf\xbd\xef\xbf\xbdé\xef\xbf\xbd\xef\xbf\xbd");
}

TEST(Utf8Test, EncodesScalarValues) {
  for (const auto& [code, text] : {std::pair<char32_t, std::string_view>{U'A', "A"},
                                   {0x7f, "\x7f"},
                                   {0x80, "\xc2\x80"},
                                   {0x7ff, "\xdf\xbf"},
                                   {0x800, "\xe0\xa0\x80"},
                                   {0xffff, "\xef\xbf\xbf"},
                                   {0x10000, "\xf0\x90\x80\x80"},
                                   {0x10ffff, "\xf4\x8f\xbf\xbf"}}) {
    char buffer[4];
    char* const end = PutUtf8(code, buffer);
    EXPECT_EQ(std::string_view(buffer, static_cast<std::size_t>(end - buffer)), text);
  }
}

}  // namespace
}  // namespace insightflow
