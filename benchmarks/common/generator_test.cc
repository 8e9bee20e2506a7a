#include "benchmarks/common/generator.h"

#include <gtest/gtest.h>
#include <rapidjson/document.h>
#include <xxhash.h>

#include <array>
#include <map>
#include <string>
#include <unordered_set>
#include <vector>

namespace insightflow::benchmarks {
namespace {

constexpr std::size_t kEvents = 200'000;

std::vector<GeneratedEvent> Take(const GeneratorOptions& options, std::size_t count) {
  Generator generator(options);
  std::vector<GeneratedEvent> events;
  for (std::size_t i = 0; i < count; ++i) events.push_back(generator.Next());
  return events;
}

std::string Lines(const GeneratorOptions& options, std::size_t count) {
  std::string lines;
  for (const GeneratedEvent& event : Take(options, count)) {
    AppendJson(event, &lines);
    lines.push_back('\n');
  }
  return lines;
}

TEST(Generator, GivesTheSameBytesForEver) {
  const std::string lines = Lines({}, 10'000);
  EXPECT_EQ(XXH3_64bits(lines.data(), lines.size()), 13241203269921975870u);
  std::string csv = CsvHeader();
  for (const GeneratedEvent& event : Take({}, 10'000)) AppendCsv(event, &csv);
  EXPECT_EQ(XXH3_64bits(csv.data(), csv.size()), 16870811911661357872u);
}

TEST(Generator, AnotherSeedGivesOtherBytes) {
  EXPECT_NE(Lines({.seed = 1}, 100), Lines({.seed = 2}, 100));
}

TEST(Generator, KeepsTheStatedShares) {
  std::array<double, kKindCount> share = {};
  for (const GeneratedEvent& event : Take({}, kEvents)) {
    share[static_cast<std::size_t>(event.kind)] += 100.0 / kEvents;
  }
  EXPECT_NEAR(share[0], 60, 0.5);
  EXPECT_NEAR(share[1], 25, 0.5);
  EXPECT_NEAR(share[2], 10, 0.5);
  EXPECT_NEAR(share[3], 4, 0.3);
  EXPECT_NEAR(share[4], 1, 0.2);
}

TEST(Generator, KeepsTheStatedSize) {
  EXPECT_NEAR(static_cast<double>(Lines({}, kEvents).size()) / kEvents, 337, 2);
}

TEST(Generator, NeverRepeatsAnId) {
  std::unordered_set<std::uint64_t> ids;
  for (std::uint64_t seed : {1, 2}) {
    for (const GeneratedEvent& event : Take({.seed = seed}, kEvents)) ids.insert(event.id_high);
  }
  EXPECT_EQ(ids.size(), 2 * kEvents);
}

TEST(Generator, UsersFollowAZipfLawAndComeBack) {
  std::map<std::uint32_t, std::size_t> events;
  std::map<std::uint32_t, std::unordered_set<std::uint64_t>> sessions;
  for (const GeneratedEvent& event : Take({.users = 10'000, .events_per_second = 10}, kEvents)) {
    ++events[event.user];
    sessions[event.user].insert(event.session);
  }
  // Shares of ranks 1–100 and 1–1,000 under r^(-3/4): (n^(1/4) - 1) / (N^(1/4) - 1).
  double first_100 = 0;
  double first_1000 = 0;
  std::size_t users_back = 0;
  for (const auto& [user, count] : events) {
    first_100 += user < 100 ? static_cast<double>(count) / kEvents : 0;
    first_1000 += user < 1000 ? static_cast<double>(count) / kEvents : 0;
    users_back += sessions[user].size() > 1 ? 1 : 0;
  }
  EXPECT_NEAR(first_100, 0.240, 0.02);
  EXPECT_NEAR(first_1000, 0.514, 0.02);
  EXPECT_GT(users_back, 1'000u);
}

TEST(Generator, TimesRiseAtTheStatedRate) {
  const auto events = Take({.start_ms = 5'000, .events_per_second = 100}, 1'001);
  EXPECT_EQ(events.front().time_ms, 5'000);
  EXPECT_EQ(events.back().time_ms, 15'000);
  for (std::size_t i = 1; i < events.size(); ++i) {
    ASSERT_LE(events[i - 1].time_ms, events[i].time_ms);
  }
}

TEST(Generator, OneUserAndOnePageAreEnough) {
  for (const GeneratedEvent& event : Take({.users = 1, .pages = 1}, 1'000)) {
    ASSERT_EQ(event.user, 0u);
    ASSERT_EQ(event.page, 0u);
  }
}

TEST(Generator, JsonSaysWhatTheStructSays) {
  Generator generator({});
  std::string body;
  AppendJsonBatch(&generator, 1'000, &body);
  rapidjson::Document document;
  document.Parse(body.data(), body.size());
  ASSERT_FALSE(document.HasParseError());
  const auto& rows = document["events"];
  const auto events = Take({}, 1'000);
  ASSERT_EQ(rows.Size(), events.size());
  for (rapidjson::SizeType i = 0; i < rows.Size(); ++i) {
    const Event event = ToEvent(events[i]);
    ASSERT_EQ(event.event_id, rows[i]["event_id"].GetString());
    ASSERT_EQ(event.event_id.size(), 32u);
    ASSERT_EQ(event.user_id, rows[i]["user_id"].GetString());
    ASSERT_EQ(event.session_id, rows[i]["session_id"].GetString());
    ASSERT_EQ(event.event_type, rows[i]["event_type"].GetString());
    ASSERT_EQ(event.page_url, rows[i]["page_url"].GetString());
    ASSERT_EQ(ToMillis(event.timestamp), rows[i]["timestamp"].GetInt64());
    ASSERT_EQ(event.element.empty(), !rows[i].HasMember("element"));
    ASSERT_EQ(event.position_x.has_value(), rows[i].HasMember("position_x"));
    ASSERT_TRUE(rows[i]["extra_data"].IsObject());
    ASSERT_FALSE(event.extra_data.empty());
  }
}

std::vector<std::string> CellsOf(const GeneratedEvent& event, TsvColumns columns) {
  std::string line;
  AppendTsv(event, columns, &line);
  EXPECT_TRUE(line.ends_with('\n'));
  line.back() = '\t';
  std::vector<std::string> cells;
  for (std::size_t begin = 0; begin < line.size();) {
    const std::size_t end = line.find('\t', begin);
    cells.push_back(line.substr(begin, end - begin));
    begin = end + 1;
  }
  return cells;
}

TEST(Generator, TsvSaysWhatTheStructSays) {
  const auto number = [](const auto& value) { return value ? std::to_string(*value) : "\\N"; };
  for (const GeneratedEvent& generated : Take({}, 1'000)) {
    const Event event = ToEvent(generated);
    const std::string time = std::to_string(ToMillis(event.timestamp));
    const std::vector<std::string> few = {event.user_id, time, event.event_type, event.page_url};
    ASSERT_EQ(CellsOf(generated, TsvColumns::kQueries), few);
    const std::vector<std::string> all = {
        event.event_id,           event.user_id,    event.session_id,
        event.event_type,         event.page_url,   time,
        event.page_title,         event.element,    number(event.position_x),
        number(event.position_y), event.user_agent, event.extra_data};
    ASSERT_EQ(CellsOf(generated, TsvColumns::kAll), all);
  }
}

}  // namespace
}  // namespace insightflow::benchmarks
