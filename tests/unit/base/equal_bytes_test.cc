#include "lib/base/equal_bytes.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace insightflow {
namespace {

TEST(EqualBytesTest, IsEqualityAtEverySize) {
  for (std::size_t size = 0; size <= 40; ++size) {
    // Of exactly this size, so that a sanitizer sees a read past the end.
    const auto a = std::make_unique<char[]>(size);
    const auto b = std::make_unique<char[]>(size);
    for (std::size_t i = 0; i < size; ++i) a[i] = b[i] = static_cast<char>('a' + i % 26);
    EXPECT_TRUE(EqualBytes({a.get(), size}, {b.get(), size})) << size;
    for (std::size_t i = 0; i < size; ++i) {
      EXPECT_FALSE(EqualBytes({a.get(), size}, {b.get(), i})) << size;
      b[i] = static_cast<char>(b[i] ^ 0x80);
      EXPECT_FALSE(EqualBytes({a.get(), size}, {b.get(), size})) << size << ", " << i;
      b[i] = a[i];
    }
  }
  EXPECT_TRUE(EqualBytes({}, std::string()));
}

}  // namespace
}  // namespace insightflow
