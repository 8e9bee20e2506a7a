#include "lib/base/suggest.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace insightflow {
namespace {

constexpr std::array<std::string_view, 4> kNames = {"count", "users", "events", "page_url"};

TEST(Suggest, FindsTheNameThatWasMeant) {
  EXPECT_EQ(Nearest("cuont", kNames), "count");
  EXPECT_EQ(Nearest("user", kNames), "users");
  EXPECT_EQ(Nearest("page", kNames), "page_url");
  EXPECT_EQ(Nearest("PAGE_URL", kNames), "page_url");
  EXPECT_EQ(Nearest("events_", kNames), "events");
}

TEST(Suggest, SaysNothingWhenNoneIsNear) {
  EXPECT_EQ(Nearest("", kNames), "");
  EXPECT_EQ(Nearest("xyz", kNames), "");
  EXPECT_EQ(Nearest("retention", kNames), "");
  EXPECT_EQ(Nearest(std::string(1'000, 'c'), kNames), "");
  EXPECT_EQ(Nearest("count", {}), "");
}

TEST(Suggest, ListsWhatIsAllowed) {
  EXPECT_EQ(ListOf(kNames), "count, users, events or page_url");
  EXPECT_EQ(ListOf(std::span(kNames).first(1)), "count");
  EXPECT_EQ(UnknownName("cuont", kNames),
            "\"cuont\" is not known: count, users, events or page_url; did you mean count?");
}

TEST(Suggest, ShowsForeignTextSafely) {
  EXPECT_EQ(Quoted("a\n\x1b[b"), "\"a??[b\"");
  const std::string cut = Quoted(std::string(500, 'x'));
  EXPECT_EQ(cut, "\"" + std::string(64, 'x') + "…\"");
}

}  // namespace
}  // namespace insightflow
