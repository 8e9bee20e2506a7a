#include "lib/model/time_zone.h"

#include <gtest/gtest.h>

#include <string>

namespace insightflow {
namespace {

int OffsetOf(std::string_view name) {
  const Result<absl::TimeZone> zone = LoadZone(name);
  EXPECT_TRUE(zone.ok()) << name;
  return zone.ok() ? zone->At(absl::FromUnixSeconds(1'700'000'000)).offset : -1;
}

TEST(TimeZoneTest, KnowsNamesAndOffsets) {
  EXPECT_EQ(OffsetOf("UTC"), 0);
  EXPECT_EQ(OffsetOf("Europe/Berlin"), 3600);
  EXPECT_EQ(OffsetOf("America/Argentina/Buenos_Aires"), -3 * 3600);
  EXPECT_EQ(OffsetOf("Etc/GMT+5"), -5 * 3600);
  EXPECT_EQ(OffsetOf("+03:30"), 12'600);
  EXPECT_EQ(OffsetOf("-05:00"), -18'000);
  EXPECT_EQ(OffsetOf("+18:00"), 64'800);
  EXPECT_EQ(OffsetOf("-00:00"), 0);
}

TEST(TimeZoneTest, NamesWhatIsAllowedForAnythingElse) {
  for (const std::string name : {"", "Berlin", "localtime", "Fixed/UTC+01:00:00", "/etc/passwd",
                                 "../UTC", ":UTC", "Europe/../UTC", "+3:30", "+0330", "+03:60",
                                 "+18:01", "03:30", "+03:3x", "+ 3:30", "libc:localtime"}) {
    const Result<absl::TimeZone> zone = LoadZone(name);
    ASSERT_FALSE(zone.ok()) << name;
    EXPECT_EQ(zone.status().code(), StatusCode::kInvalidArgument);
    EXPECT_NE(zone.status().message().find("Europe/Berlin"), std::string::npos);
    EXPECT_NE(zone.status().message().find("+03:30"), std::string::npos);
  }
}

}  // namespace
}  // namespace insightflow
