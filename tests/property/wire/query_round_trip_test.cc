#include <gtest/gtest.h>

#include <set>
#include <string>

#include "insightflow/wire.h"
#include "tests/reference/random_query.h"
#include "tests/support/random_cases.h"

namespace insightflow {
namespace {

using testing::RandomQuery;
using testing::RandomSeed;

class QueryRoundTrip : public ::testing::Test {
 protected:
  const std::uint64_t seed_ = RandomSeed();
  RandomQuery random_{seed_};
};

TEST_F(QueryRoundTrip, WhatIsWrittenReadsBackAsTheSameQuery) {
  std::set<std::size_t> kinds;
  for (int i = 0; i < 20'000; ++i) {
    const Query query = random_.Make();
    const std::string text = WriteQuery(query);
    const Result<Query> read = ParseQuery(text);
    ASSERT_TRUE(read.ok()) << read.status().ToString() << "\n" << text;
    ASSERT_TRUE(*read == query) << text << "\n" << WriteQuery(*read);
    ASSERT_EQ(WriteQuery(*read), text);
    kinds.insert(query.index());
  }
  EXPECT_EQ(kinds.size(), std::variant_size_v<Query>);
}

// The text is a cache key: it must tell queries apart.
TEST_F(QueryRoundTrip, EqualTextMeansEqualQueries) {
  for (int i = 0; i < 5'000; ++i) {
    const Query a = random_.Make();
    const Query b = random_.Make();
    ASSERT_EQ(a == b, WriteQuery(a) == WriteQuery(b)) << WriteQuery(a) << "\n" << WriteQuery(b);
  }
}

// A text that was cut or changed somewhere is refused with a message, or is another good query.
TEST_F(QueryRoundTrip, DamagedTextIsJudgedWithoutHarm) {
  std::mt19937_64 random(seed_ + 1);
  for (int i = 0; i < 20'000; ++i) {
    std::string text = WriteQuery(random_.Make());
    const std::size_t at = random() % text.size();
    if (random() % 2 == 0) {
      text.erase(at, 1 + random() % 4);
    } else {
      text[at] = static_cast<char>(random());
    }
    const Result<Query> read = ParseQuery(text);
    if (read.ok()) {
      const Result<Query> again = ParseQuery(WriteQuery(*read));
      ASSERT_TRUE(again.ok() && *again == *read) << text;
    } else {
      ASSERT_FALSE(read.status().message().empty()) << text;
    }
  }
}

}  // namespace
}  // namespace insightflow
