#include "lib/validate/address.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace insightflow {
namespace {

TEST(AddressTest, KeepsTheNetworkOnly) {
  EXPECT_EQ(TruncateAddress("203.0.113.77"), "203.0.113.0");
  EXPECT_EQ(TruncateAddress("255.255.255.255"), "255.255.255.0");
  EXPECT_EQ(TruncateAddress("2001:db8:1:2:3:4:5:6"), "2001:db8:1::");
  EXPECT_EQ(TruncateAddress("2001:DB8::1"), "2001:db8::");
  EXPECT_EQ(TruncateAddress("::1"), "::");
  EXPECT_EQ(TruncateAddress("fe80::1%eth0"), "fe80::");
  EXPECT_EQ(TruncateAddress("::ffff:203.0.113.77"), "203.0.113.0");
}

TEST(AddressTest, WhatIsNoAddressIsDropped) {
  for (const char* text : {"", "localhost", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.4:80",
                           "[::1]", ":::", "1::2::3", "g::", "%eth0", " 1.2.3.4"}) {
    EXPECT_EQ(TruncateAddress(text), "") << text;
  }
  EXPECT_EQ(TruncateAddress(std::string_view("1.2.3.4\0x", 9)), "");
  EXPECT_EQ(TruncateAddress(std::string(1000, '1')), "");
}

}  // namespace
}  // namespace insightflow
