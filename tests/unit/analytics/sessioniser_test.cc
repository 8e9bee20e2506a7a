#include "lib/analytics/sessioniser.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "insightflow/event.h"
#include "lib/model/event_rows.h"
#include "lib/model/memory_timelines.h"

namespace insightflow {
namespace {

constexpr std::int64_t kMinute = 60'000;
constexpr std::int64_t kHour = 60 * kMinute;

struct Cut {
  std::uint32_t begin;
  SplitCause cause;

  friend bool operator==(const Cut&, const Cut&) = default;
};

class Cutting final : public TimelineVisitor {
 public:
  explicit Cutting(SessionCutter* cutter) : cutter_(cutter) {}

  Status Visit(const Timelines& timelines) override {
    for (std::size_t run = 0; run < timelines.runs(); ++run) {
      std::vector<SessionSpan> sessions;
      cutter_->Cut(timelines, run, &sessions);
      for (const SessionSpan& session : sessions) cuts.push_back({session.begin, session.cause});
    }
    return Status::Ok();
  }

  std::vector<Cut> cuts;

 private:
  SessionCutter* cutter_;
};

std::vector<Cut> CutsOf(const SessionRules& rules, const std::vector<Event>& events,
                        const std::string& timezone = "UTC") {
  ScanPlan plan;
  const Result<Sessioniser> sessioniser = Sessioniser::Create(rules, timezone, &plan);
  EXPECT_TRUE(sessioniser.ok()) << sessioniser.status().ToString();
  ValueTable values;
  SessionCutter cutter(&*sessioniser, &values);
  Cutting cutting(&cutter);
  EventBatch batch;
  AppendEvents(events, &batch);
  EXPECT_TRUE(VisitTimelines(batch, plan, &values, 100, &cutting).ok());
  return cutting.cuts;
}

std::vector<Event> At(const std::vector<std::int64_t>& times) {
  std::vector<Event> events;
  for (const std::int64_t time : times) {
    events.push_back({.user_id = "u", .event_type = "view", .timestamp = FromMillis(time)});
  }
  return events;
}

TEST(SessioniserTest, AGapOfTheTimeoutStaysAndALongerOneSplits) {
  const std::int64_t half_hour = 30 * kMinute;
  EXPECT_EQ(CutsOf({}, At({1, 1 + half_hour, 2 + 2 * half_hour})),
            (std::vector<Cut>{{0, SplitCause::kFirst}, {2, SplitCause::kTimeout}}));
}

TEST(SessioniserTest, ASessionLastsTheMaximumAndNoLonger) {
  SessionRules rules;
  rules.max_duration = Duration(50 * kMinute);
  const std::int64_t step = 25 * kMinute;
  EXPECT_EQ(CutsOf(rules, At({0, step, 2 * step, 2 * step + 1, 3 * step + 1})),
            (std::vector<Cut>{{0, SplitCause::kFirst}, {3, SplitCause::kMaxDuration}}));
  rules.max_duration = std::nullopt;
  std::vector<std::int64_t> days;
  for (int i = 0; i < 200; ++i) days.push_back(i * step);
  EXPECT_EQ(CutsOf(rules, At(days)).size(), 1u);
  EXPECT_EQ(CutsOf({}, At(days)).size(), 4u);
}

TEST(SessioniserTest, LocalMidnightBeginsASession) {
  SessionRules rules;
  rules.split_midnight = true;
  // 2024-07-01 in Berlin begins at 22:00 of the day before, UTC.
  const std::int64_t midnight = 1'719'784'800'000;
  const std::vector<Event> events = At({midnight - 5, midnight - 1, midnight, midnight + 1});
  EXPECT_EQ(CutsOf(rules, events, "Europe/Berlin"),
            (std::vector<Cut>{{0, SplitCause::kFirst}, {2, SplitCause::kMidnight}}));
  EXPECT_EQ(CutsOf(rules, events, "UTC").size(), 1u);
  EXPECT_EQ(CutsOf(rules, At({midnight - kHour, midnight}), "Europe/Berlin")[1].cause,
            SplitCause::kTimeout);
}

TEST(SessioniserTest, AnotherCampaignSplitsAndAbsentOnesGoOn) {
  SessionRules rules;
  rules.split_campaign = true;
  std::vector<Event> events = At({1, 2, 3, 4, 5, 6, 7});
  events[0].page_url = "/a";
  events[1].page_url = "/a?x=1&utm_campaign=spring%20sale#top";
  events[2].page_url = "/b?utm_campaigns=other";
  events[3].extra_data = R"({"utm_campaign":"spring sale"})";
  events[4].page_url = "/c?utm_campaign=mail";
  events[5].page_url = "/c?utm_campaign=";
  events[6].page_url = "/c?utm_campaign=mail&y";
  EXPECT_EQ(CutsOf(rules, events),
            (std::vector<Cut>{{0, SplitCause::kFirst}, {4, SplitCause::kCampaign}}));
}

TEST(SessioniserTest, AnotherSessionIdSplitsAndAbsentOnesGoOn) {
  SessionRules rules;
  rules.split_session_id = true;
  std::vector<Event> events = At({1, 2, 3, 4, 5});
  events[1].session_id = "a";
  events[3].session_id = "b";
  events[4].session_id = "a";
  EXPECT_EQ(CutsOf(rules, events), (std::vector<Cut>{{0, SplitCause::kFirst},
                                                     {3, SplitCause::kSessionId},
                                                     {4, SplitCause::kSessionId}}));
}

TEST(SessioniserTest, CampaignsOfUrls) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"/a", ""},
      {"/a?", ""},
      {"/a#?utm_campaign=x", ""},
      {"/a?utm_campaign=x", "x"},
      {"/a?b&utm_campaign=x%2fy+z&utm_campaign=q", "x/y z"},
      {"/a?utm_campaign=%zz%4", "%zz%4"},
      {"/a?utm_campaign=x#utm_campaign=y", "x"},
      {"/a?UTM_CAMPAIGN=x", ""},
  };
  for (const auto& [url, campaign] : cases) {
    std::string scratch;
    EXPECT_EQ(CampaignOfUrl(url, &scratch), campaign) << url;
  }
}

TEST(SessioniserTest, RefusesRulesThatCutNothing) {
  ScanPlan plan;
  SessionRules rules;
  rules.timeout = Duration(0);
  EXPECT_EQ(Sessioniser::Create(rules, "UTC", &plan).status(),
            InvalidArgument("timeout must be longer than 0"));
  rules.timeout = Duration(1);
  rules.max_duration = Duration(-1);
  EXPECT_EQ(Sessioniser::Create(rules, "UTC", &plan).status(),
            InvalidArgument("max_duration must be longer than 0, or absent"));
  rules.max_duration = std::nullopt;
  rules.split_midnight = true;
  EXPECT_EQ(Sessioniser::Create(rules, "Mars/Olympus", &plan).status().code(),
            StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace insightflow
