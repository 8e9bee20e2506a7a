// What is left of the events of clients that ask not to be tracked.
#include "lib/decode/anonymizer.h"

#include <gtest/gtest.h>

#include <string>

#include "insightflow/event.h"
#include "lib/model/key.h"
#include "tests/support/decoding.h"

namespace insightflow::testing {
namespace {

constexpr std::int64_t kDayMs = 24 * 3600 * 1000;

DecodeContext Anonymous(std::string_view address = "203.0.113.77", std::string_view agent = "A") {
  DecodeContext context = Context();
  context.client_address = address;
  context.user_agent = agent;
  context.anonymous = true;
  return context;
}

std::string IdOf(const DecodeContext& context, std::string_view members = "") {
  const Decoded d = DecodeJson(EventWith(members), context);
  EXPECT_EQ(d.Verdict(), "accepted");
  EXPECT_EQ(d.Text(Field::kUserId), d.Text(Field::kSessionId));
  return std::string(d.Text(Field::kUserId));
}

Hash128 KeyOf(std::string_view event, const DecodeContext& context = Anonymous()) {
  return DecodeJson(event, context).out.batch.keys.at(0);
}

// Everything that a batch would put into the log as text.
std::string AllText(const EventBatch& batch) {
  std::string all;
  for (const DictColumn& column : batch.text) all.append(column.data()).push_back('\n');
  return all.append(batch.event_id.bytes()).append(batch.extra_data.bytes());
}

TEST(AnonymizerTest, KeepsWhatIsCountedAndNothingElse) {
  const Decoded d = DecodeJson(
      EventWith(R"("event_id":"secret","page_title":"secret","referrer":"http://shop/a?secret",)"
                R"("element":"E","element_id":"I","element_class":"C","element_text":"secret",)"
                R"("user_agent":"secret","ip_address":"198.51.100.7","tab_id":"secret",)"
                R"("seq":7,"position_x":1,"position_y":2,"other":"secret",)"
                R"("extra_data":{"name":"secret","element_text":"secret"})"),
      Anonymous("203.0.113.77", "secret"));
  ASSERT_EQ(d.Verdict(), "accepted");
  EXPECT_EQ(d.Text(Field::kEventType), "view");
  EXPECT_EQ(d.Text(Field::kPageUrl), "/p");
  EXPECT_EQ(d.Text(Field::kReferrer), "http://shop/a");
  EXPECT_EQ(d.Text(Field::kElement), "E");
  EXPECT_EQ(d.Text(Field::kElementId), "I");
  EXPECT_EQ(d.Text(Field::kElementClass), "C");
  EXPECT_EQ(d.out.batch.time_ms[0], 1699999999000);
  EXPECT_EQ(d.out.batch.flags[0], kHasPositionX | kHasPositionY);
  const std::string all = AllText(d.out.batch);
  for (const char* sent : {"secret", "203.0.113", "198.51.100", "{"}) {
    EXPECT_EQ(all.find(sent), std::string::npos) << sent << " in " << all;
  }
}

TEST(AnonymizerTest, CutsUrlsBeforeTheirParameters) {
  const auto stored = [](const std::string& url) {
    return std::string(
        DecodeJson(EventBut("page_url", "\"" + url + "\""), Anonymous()).Text(Field::kPageUrl));
  };
  EXPECT_EQ(stored("/a/b?c=d"), "/a/b");
  EXPECT_EQ(stored("/a#b?c"), "/a");
  EXPECT_EQ(stored("https://h:8/a;jsessionid=1/b?c"), "https://h:8/a");
  EXPECT_EQ(stored("https://user:p;w@d@h/a@b"), "https://h/a@b");
  EXPECT_EQ(stored("//user@h"), "//h");
  EXPECT_EQ(stored("/a//b@c"), "/a//b@c");
  EXPECT_EQ(stored("?only"), "");
  EXPECT_EQ(DecodeJson(EventBut("page_url", "\"/a?" + Repeat("x", 3000) + "\""), Anonymous())
                .out.truncated,
            0u);
}

TEST(AnonymizerTest, OneIdForASenderADayAndStore) {
  const std::string id = IdOf(Anonymous());
  EXPECT_EQ(id.size(), std::string("anonymous-").size() + 16);
  EXPECT_EQ(id.find_first_not_of("0123456789abcdef", 10), std::string::npos);
  EXPECT_TRUE(id.starts_with("anonymous-"));
  EXPECT_EQ(IdOf(Anonymous("203.0.113.5")), id) << "the same network";
  EXPECT_EQ(IdOf(Anonymous(), R"("user_agent":"B","ip_address":"10.0.0.1")"), id);
  EXPECT_NE(IdOf(Anonymous("203.0.114.77")), id);
  EXPECT_NE(IdOf(Anonymous("203.0.113.77", "B")), id);
  DecodeContext later = Anonymous();
  later.received_ms = kNow / kDayMs * kDayMs + kDayMs - 1;
  EXPECT_EQ(IdOf(later), id) << "the same day";
  later.received_ms += 1;
  EXPECT_NE(IdOf(later), id) << "the next day";
  DecodeContext elsewhere = Anonymous();
  elsewhere.hash_seed = kHashSeed + 1;
  EXPECT_NE(IdOf(elsewhere), id);
}

TEST(AnonymizerTest, WithoutAConnectionTheEventsNameTheirSenders) {
  const std::string first = EventWith(R"("ip_address":"203.0.113.77","user_agent":"A")");
  const std::string second = EventWith(R"("ip_address":"203.0.114.77","user_agent":"A")");
  const Decoded d = DecodeJson("[" + first + "," + second + "," + first + "]", Anonymous("", ""));
  ASSERT_EQ(d.out.batch.rows, 3u);
  EXPECT_EQ(d.Text(Field::kUserId, 0), IdOf(Anonymous()));
  EXPECT_EQ(d.Text(Field::kUserId, 1), IdOf(Anonymous("203.0.114.77")));
  EXPECT_EQ(d.Text(Field::kUserId, 2), d.Text(Field::kUserId, 0));
}

TEST(AnonymizerTest, ARepeatedEventHasTheSameKeyAndOnlyThat) {
  const std::string with_id = EventWith(R"("event_id":"e1")");
  EXPECT_EQ(KeyOf(with_id), KeyOf(with_id));
  DecodeContext next_day = Anonymous("198.51.100.1", "B");
  next_day.received_ms += kDayMs;
  EXPECT_EQ(KeyOf(with_id), KeyOf(with_id, next_day)) << "a retry from elsewhere";
  EXPECT_FALSE(KeyOf(with_id) == KeyOf(EventWith(R"("event_id":"e2")")));
  EXPECT_FALSE(KeyOf(with_id) == EventIdKey("e1", kHashSeed)) << "that hash can be turned back";
  EXPECT_EQ(KeyOf(EventWith("")), KeyOf(EventWith("")));
  EXPECT_FALSE(KeyOf(EventWith("")) == KeyOf(EventBut("user_id", "\"v\"")))
      << "two users who do the same at one time are two events";
  DecodeContext no_content = Anonymous();
  no_content.rules.dedupe_by_content = false;
  EXPECT_EQ(KeyOf(EventWith(""), no_content), Hash128());
}

TEST(AnonymizerTest, JudgesWhatWasSentAndKeepsNoTextOfWhatIsRefused) {
  for (const std::string& event :
       {EventBut("user_id", "\"\""), EventBut("session_id", "null"),
        EventBut("event_id", "\"" + Repeat("e", 65) + "\""), EventBut("extra_data", "[]"),
        EventBut("user_id", "\"" + Repeat("u", 65) + "\""), EventBut("timestamp", "\"soon\""),
        EventBut("timestamp", "1900000000000"), std::string("7")}) {
    const Decoded open = DecodeJson("[" + event + "]");
    const Decoded anonymous = DecodeJson("[" + event + "]", Anonymous());
    EXPECT_NE(open.Verdict(), "accepted") << event;
    EXPECT_EQ(anonymous.Verdict(), open.Verdict()) << event;
    ASSERT_EQ(anonymous.out.rejected.size(), 1u) << event;
    EXPECT_EQ(anonymous.out.rejected[0].raw, "") << event;
  }
  DecodedBatch out;
  const Event bad = {.user_id = "secret"};
  DecodeEvents(&bad, 1, Anonymous(), &out);
  ASSERT_EQ(out.rejected.size(), 1u);
  EXPECT_EQ(out.rejected[0].raw, "");
}

TEST(AnonymizerTest, TheNextBatchIsWhatItAsksFor) {
  Decoder decoder;
  DecodedBatch out;
  ASSERT_TRUE(decoder.DecodeJson(EventWith(""), Anonymous(), &out).ok());
  DecodeContext open = Anonymous();
  open.anonymous = false;
  ASSERT_TRUE(decoder.DecodeJson(EventWith(""), open, &out).ok());
  EXPECT_EQ(out.batch.Text(Field::kUserId, 0), "u");
  EXPECT_EQ(out.batch.Text(Field::kIpAddress, 0), "203.0.113.0");
  EXPECT_EQ(out.batch.Text(Field::kUserAgent, 0), "A");
}

}  // namespace
}  // namespace insightflow::testing
