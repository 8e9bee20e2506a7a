#include "lib/base/short_text.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>

#include "lib/base/byte_buffer.h"

namespace insightflow {
namespace {

// A copy in memory of just its size, so that a sanitizer sees a byte too many.
std::unique_ptr<char[]> Exactly(std::string_view text) {
  std::unique_ptr<char[]> copy(new char[text.size()]);
  text.copy(copy.get(), text.size());
  return copy;
}

std::string TextOf(std::size_t size) {
  std::string text(size, ' ');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i * 7 % 26);
  return text;
}

TEST(ShortText, EveryByteOfEverySizeCounts) {
  for (std::size_t size = 0; size <= 70; ++size) {
    const std::string text = TextOf(size);
    const auto a = Exactly(text);
    EXPECT_TRUE(SameBytes(a.get(), Exactly(text).get(), size)) << size;
    EXPECT_TRUE(EqualBytes({a.get(), size}, text)) << size;
    EXPECT_FALSE(EqualBytes({a.get(), size}, text + "x")) << size;
    std::set<std::uint64_t> hashes = {ShortTextHash({a.get(), size}, 1)};
    for (std::size_t i = 0; i < size; ++i) {
      std::string other = text;
      other[i] = static_cast<char>(other[i] ^ 1);
      const auto b = Exactly(other);
      EXPECT_FALSE(SameBytes(a.get(), b.get(), size)) << size << " at " << i;
      hashes.insert(ShortTextHash({b.get(), size}, 1));
    }
    EXPECT_EQ(hashes.size(), size + 1) << size;
    EXPECT_EQ(ShortTextHash({a.get(), size}, 1), ShortTextHash(text, 1)) << size;
    EXPECT_NE(ShortTextHash(text, 1), ShortTextHash(text, 2)) << size;
    EXPECT_NE(ShortTextHash(text, 1), ShortTextHash(text + '\0', 1)) << size;
  }
}

TEST(ShortText, FindsEitherCharacterAnywhereAndNothingElse) {
  for (std::size_t size = 0; size <= 40; ++size) {
    for (int c = 0; c < 256; ++c) {
      const bool meant = c == '?' || c == '#';
      for (std::size_t i = 0; i < size; ++i) {
        // Next to characters one above and one below, where borrows could be seen.
        std::string text(size, i % 2 == 0 ? '@' : '"');
        text[i] = static_cast<char>(c);
        ASSERT_EQ(HasEither({Exactly(text).get(), size}, '?', '#'), meant) << text << " at " << i;
      }
    }
    EXPECT_FALSE(HasEither(std::string(size, '>'), '?', '#'));
  }
}

TEST(ByteBuffer, HoldsWhatWasAppended) {
  ByteBuffer buffer;
  std::string expected;
  EXPECT_TRUE(buffer.empty());
  for (std::size_t size = 0; size <= 200; ++size) {
    const std::string text = TextOf(size);
    buffer.Append({Exactly(text).get(), size});
    expected += text;
    ASSERT_EQ(buffer.view(), expected) << size;
  }
  ByteBuffer copy = buffer;
  buffer.Truncate(100);
  buffer.Append("end");
  EXPECT_EQ(buffer.view(), expected.substr(0, 100) + "end");
  EXPECT_EQ(copy.view(), expected);
  ByteBuffer moved = std::move(copy);
  EXPECT_EQ(moved.view(), expected);
  moved.clear();
  EXPECT_EQ(moved.size(), 0u);
}

}  // namespace
}  // namespace insightflow
