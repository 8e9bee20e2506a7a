#include "lib/model/time_zone.h"

#include <gtest/gtest.h>

namespace insightflow {
namespace {

int OffsetAt(const char* name, absl::Time time) {
  const Result<absl::TimeZone> zone = LoadZone(name);
  EXPECT_TRUE(zone.ok()) << zone.status().ToString();
  return zone.ok() ? zone->At(time).offset : -1;
}

TEST(TimeZone, TakesNamesAndOffsets) {
  const absl::Time winter = absl::FromUnixSeconds(1'767'225'600);  // 2026-01-01
  const absl::Time summer = absl::FromUnixSeconds(1'782'864'000);  // 2026-07-01
  EXPECT_EQ(OffsetAt("UTC", winter), 0);
  EXPECT_EQ(OffsetAt("Europe/Berlin", winter), 3'600);
  EXPECT_EQ(OffsetAt("Europe/Berlin", summer), 7'200);
  EXPECT_EQ(OffsetAt("Asia/Tehran", winter), 12'600);
  EXPECT_EQ(OffsetAt("America/Argentina/Buenos_Aires", winter), -10'800);
  EXPECT_EQ(OffsetAt("Etc/GMT+5", winter), -18'000);
  EXPECT_EQ(OffsetAt("+03:30", winter), 12'600);
  EXPECT_EQ(OffsetAt("-05:00", summer), -18'000);
  EXPECT_EQ(OffsetAt("+00:00", summer), 0);
}

TEST(TimeZone, RefusesEverythingElse) {
  for (const char* name : {"",
                           "utc",
                           "europe/berlin",
                           "Europe/Atlantis",
                           "Europe",
                           "localtime",
                           "right/UTC",
                           "Fixed/UTC",
                           "Fixed/UTC+01:00:00",
                           "/etc/localtime",
                           "../zoneinfo/UTC",
                           "Europe/../UTC",
                           "file:UTC",
                           "+3",
                           "+0330",
                           "+03:60",
                           "+19:00",
                           "+18:01",
                           "3:30",
                           "tzdata.zi",
                           "Factory",
                           "UTC "}) {
    const Result<absl::TimeZone> zone = LoadZone(name);
    ASSERT_FALSE(zone.ok()) << name;
    EXPECT_EQ(zone.status().code(), StatusCode::kInvalidArgument);
    EXPECT_NE(zone.status().message().find("+03:30"), std::string::npos);
  }
  EXPECT_FALSE(LoadZone(std::string_view("UTC\0x", 5)).ok());
}

}  // namespace
}  // namespace insightflow
