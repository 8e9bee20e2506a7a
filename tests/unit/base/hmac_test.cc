#include "lib/base/hmac.h"

#include <gtest/gtest.h>

#include <string>

namespace insightflow {
namespace {

std::string Hex(const HmacDigest& digest) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (const std::uint8_t byte : digest) {
    hex.push_back(kDigits[byte >> 4]);
    hex.push_back(kDigits[byte & 15]);
  }
  return hex;
}

// Test cases 2 and 6 of RFC 4231.
TEST(HmacSha256, AgreesWithItsStandard) {
  const HmacSha256 hash("Jefe");
  for (int again = 0; again < 2; ++again) {
    EXPECT_EQ(Hex(hash.Of("what do ya want for nothing?")),
              "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  }
  EXPECT_EQ(Hex(HmacSha256(std::string(131, '\xaa'))
                    .Of("Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

}  // namespace
}  // namespace insightflow
