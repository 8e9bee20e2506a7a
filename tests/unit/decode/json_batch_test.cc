// The shapes of a body: envelopes, arrays, single events, what is no JSON, time shifts and keys.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "lib/model/key.h"
#include "tests/support/decoding.h"

namespace insightflow::testing {
namespace {

using ::testing::HasSubstr;

TEST(JsonBatchTest, TakesAnEventAnArrayAndAnEnvelope) {
  const std::string event = EventWith("");
  const std::vector<std::string> bodies = {
      event,
      "[" + event + "]",
      R"({"events":[)" + event + "]}",
      R"({"sent_at":1700000000000,"events":[)" + event + R"(],"sdk":{"v":[1]}})",
      R"({"sdk":"x","events":[)" + event + R"(],"sent_at":"2023-11-14T22:13:20Z"})",
      R"({"\u0065vents":[)" + event + "]}",
      R"({"events":[)" + event + R"(],"events":[1,2,3]})",
      "\xef\xbb\xbf" + event,
      " \n[\t" + event + " ]\r\n\t",
  };
  for (const std::string& body : bodies) {
    const Decoded d = DecodeJson(body);
    ASSERT_TRUE(d.status.ok()) << d.status.ToString() << body;
    ASSERT_EQ(d.out.batch.rows, 1u) << body;
    EXPECT_EQ(d.Text(Field::kUserId), "u");
    EXPECT_EQ(d.Text(Field::kSessionId), "s");
    EXPECT_EQ(d.Text(Field::kEventType), "view");
    EXPECT_EQ(d.Text(Field::kPageUrl), "/p");
    EXPECT_EQ(d.out.batch.time_ms[0], 1699999999000);
    EXPECT_EQ(d.out.batch.received_ms, kNow);
    EXPECT_EQ(d.Extra(), "");
  }
}

TEST(JsonBatchTest, AnEmptyBatchIsNoError) {
  for (const char* body : {"[]", R"({"events":[]})", " [ ] ", R"({"events" : [ ],"a":1})"}) {
    const Decoded d = DecodeJson(body);
    EXPECT_TRUE(d.status.ok()) << body;
    EXPECT_EQ(d.out.received, 0u);
  }
}

TEST(JsonBatchTest, AnObjectWithoutEventsIsAnEvent) {
  const Decoded d = DecodeJson(R"({"sent_at":1700000000000,"sdk":"\u0041"})");
  EXPECT_EQ(d.out.received, 1u);
  EXPECT_EQ(d.Verdict(), "missing_field user_id");
  EXPECT_EQ(DecodeJson("{}").Verdict(), "missing_field user_id");
  const std::string escaped = R"({"page_title":"a\nb",)" + std::string(kMinimalMembers) + "}";
  EXPECT_EQ(DecodeJson(escaped).Text(Field::kPageTitle), "a\nb");
}

TEST(JsonBatchTest, RefusesWhatIsNotJsonAsAWhole) {
  const std::string event = EventWith("");
  const std::vector<std::string> bodies = {
      "",
      " ",
      "\xef\xbb\xbf",
      "{",
      "[",
      "]",
      "}",
      "nul",
      "[" + event,
      "[" + event + ",]",
      "[" + event + "]]",
      "[" + event + "] x",
      event + event,
      event + "," + event,
      "[,]",
      "[" + event + " " + event + "]",
      EventWith(R"("x":tru)"),
      EventWith(R"("x":truex)"),
      EventWith(R"("x":01)"),
      EventWith(R"("x":1.)"),
      EventWith(R"("x":.5)"),
      EventWith(R"("x":1e)"),
      EventWith(R"("x":+1)"),
      EventWith(R"("x":-)"),
      EventWith(R"("x":1x)"),
      EventWith(R"("x":NaN)"),
      EventWith(R"("x":[1,])"),
      EventWith(R"("x":[1 2])"),
      EventWith(R"("x":{"a"})"),
      EventWith(R"("x":{"a":})"),
      EventWith(R"("x":{"a":1,})"),
      EventWith(R"("x":{a:1})"),
      EventWith(R"("x":"\x")"),
      EventWith(R"("x":"\u12g4")"),
      EventWith(R"("x":"\u12")"),
      EventWith("\"x\":\"a\nb\""),
      EventWith(R"("x":"open)"),
      EventWith(R"("x" 1)"),
      EventWith(R"("x":[})"),
      EventWith(R"("x":"a"b)"),
      EventWith(R"("x":a"b")"),
      EventWith("\"x\":\x0c"),
      EventWith(R"("extra_data":{"a":[}]})"),
      EventWith(R"("extra_data":{"a":tru})"),
      EventWith(R"("user_id":tru)"),
      EventWith(R"("timestamp":1-2)"),
      R"({"events":[)" + event + R"(],"x":01})",
      R"({"events":[)" + event + R"(],"x":})",
      R"({"events":[)" + event + R"(]}{})",
      std::string(100'000, '['),
      "[" + event + "]" + std::string(1, '\0'),
      "\x80",
      "[" + event + ",\xff]",
      "/**/[]",
      "{\"events\":[" + event + "}",
      "\"unclosed",
      "{\"user_id\":\"u\",}",
  };
  for (const std::string& body : bodies) {
    const Decoded d = DecodeJson(body);
    EXPECT_EQ(d.status.code(), StatusCode::kInvalidArgument) << body.substr(0, 200);
  }
}

TEST(JsonBatchTest, RefusesJsonThatHoldsNoEvents) {
  for (const char* body : {"1", "\"x\"", "null", "true", R"({"events":{}})", R"({"events":null})",
                           R"({"events":"[]"})"}) {
    const Decoded d = DecodeJson(body);
    EXPECT_EQ(d.status.code(), StatusCode::kInvalidArgument) << body;
    EXPECT_THAT(d.status.message(), HasSubstr("events")) << body;
  }
}

TEST(JsonBatchTest, SaysWhereTheBodyStopsBeingJson) {
  EXPECT_EQ(DecodeJson("").status.message(), "the body is empty; JSON is expected");
  EXPECT_EQ(DecodeJson("[] x").status.message(),
            "the body is not JSON: text follows the JSON value at byte 3");
  EXPECT_EQ(DecodeJson("\xef\xbb\xbf[] x").status.message(),
            "the body is not JSON: text follows the JSON value at byte 6");
  EXPECT_EQ(DecodeJson("[{\"a\":tru}]").status.message(),
            "the body is not JSON: a value is expected at byte 6");
  EXPECT_EQ(DecodeJson("[\"a\", \"b]").status.message(),
            "the body is not JSON: a string is not closed at byte 6");
  EXPECT_EQ(DecodeJson("[\"a\tb\"]").status.message(),
            "the body is not JSON: a control character in a string at byte 3");
  EXPECT_EQ(DecodeJson("[{\"a\":1").status.message(),
            "the body is not JSON: ',' or '}' is expected at byte 7");
}

TEST(JsonBatchTest, CutsAtEveryPlaceAreRefused) {
  const std::string body =
      R"([{"a":[1,{"b":null}],"extra_data":{"x":"\u00e9\"","y":-1.5e3},"user_id":"é","seq":1}])";
  for (std::size_t size = 0; size < body.size(); ++size) {
    EXPECT_FALSE(DecodeJson(body.substr(0, size)).status.ok()) << size;
  }
  EXPECT_TRUE(DecodeJson(body).status.ok());
}

TEST(JsonBatchTest, KeepsGoodEventsOfAMixedBatch) {
  const Decoded d = DecodeJson("[" + EventWith("") + ",5,\"x\",null,[1]," +
                               EventBut("user_id", "7") + "," + EventWith("\"seq\":3") + "]");
  EXPECT_EQ(d.out.received, 7u);
  EXPECT_EQ(d.out.batch.rows, 2u);
  ASSERT_EQ(d.out.rejected.size(), 5u);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(d.out.rejected[i].why.index, i + 1);
    EXPECT_EQ(d.Verdict(i), "bad_type ");
  }
  EXPECT_EQ(d.Verdict(4), "bad_type user_id");
  EXPECT_EQ(d.out.rejected[4].why.index, 5u);
  EXPECT_EQ(d.out.rejected[4].raw, EventBut("user_id", "7"));
  EXPECT_EQ(d.out.rejected[0].raw, "5");
  EXPECT_EQ(d.out.batch.client_seq[1], 3u);
}

TEST(JsonBatchTest, LimitsTheNumberOfEvents) {
  DecodeContext context = Context();
  context.events_max = 2;
  const std::string event = EventWith("");
  EXPECT_EQ(DecodeJson("[" + event + "," + event + "]", context).out.batch.rows, 2u);
  const Decoded d = DecodeJson("[" + event + "," + event + "," + event + "]", context);
  EXPECT_EQ(d.status.code(), StatusCode::kOutOfRange);
  EXPECT_EQ(DecodeJson(R"({"events":[1,2,3]})", context).status.code(), StatusCode::kOutOfRange);
}

std::string Sent(std::int64_t sent_at, std::int64_t timestamp, bool before = true) {
  const std::string member = "\"sent_at\":" + std::to_string(sent_at);
  const std::string events =
      "\"events\":[" + EventBut("timestamp", std::to_string(timestamp)) + "]";
  return "{" + (before ? member + "," + events : events + "," + member) + "}";
}

TEST(JsonBatchTest, ShiftsABatchWhoseClockIsOff) {
  constexpr std::int64_t kMinutes = 60'000;
  const std::int64_t time = kNow - 1000;
  for (const bool before : {true, false}) {
    EXPECT_EQ(DecodeJson(Sent(kNow - 5 * kMinutes, time, before)).out.batch.time_ms[0], time);
    EXPECT_EQ(DecodeJson(Sent(kNow + 5 * kMinutes, time, before)).out.batch.time_ms[0], time);
    EXPECT_EQ(DecodeJson(Sent(kNow - 5 * kMinutes - 1, time, before)).out.batch.time_ms[0],
              time + 5 * kMinutes + 1);
    EXPECT_EQ(DecodeJson(Sent(kNow + 5 * kMinutes + 1, time, before)).out.batch.time_ms[0],
              time - 5 * kMinutes - 1);
  }
  // A clock that is years ahead is put right before its times are judged.
  const std::int64_t ahead = kNow + 1000 * 24 * 60 * kMinutes;
  const Decoded d = DecodeJson(Sent(ahead, ahead - 10));
  ASSERT_EQ(d.out.batch.rows, 1u);
  EXPECT_EQ(d.out.batch.time_ms[0], kNow - 10);
  EXPECT_EQ(DecodeJson(Sent(ahead, 1000)).Verdict(), "bad_time timestamp");
}

TEST(JsonBatchTest, IgnoresASentAtThatIsNoTime) {
  for (const char* sent_at : {"null", "\"yesterday\"", "{}", "[1]", "-5", "0", "1e300", "true"}) {
    const Decoded d = DecodeJson(R"({"sent_at":)" + std::string(sent_at) + R"(,"events":[)" +
                                 EventWith("") + "]}");
    ASSERT_TRUE(d.status.ok()) << sent_at;
    EXPECT_EQ(d.out.batch.time_ms[0], 1699999999000) << sent_at;
  }
}

TEST(JsonBatchTest, RejectsTheFutureInPlace) {
  const std::int64_t day = 24 * 3'600'000;
  const std::string late = EventBut("timestamp", std::to_string(kNow + day + 1));
  const std::string edge = EventBut("timestamp", std::to_string(kNow + day));
  const Decoded d = DecodeJson("[" + late + "," + edge + ",1," + late + "," + edge + "]");
  EXPECT_EQ(d.out.received, 5u);
  EXPECT_EQ(d.out.batch.rows, 2u);
  ASSERT_EQ(d.out.rejected.size(), 3u);
  EXPECT_EQ(d.out.rejected[0].why.index, 0u);
  EXPECT_EQ(d.Verdict(0), "bad_time timestamp");
  EXPECT_EQ(d.out.rejected[0].raw, late);
  EXPECT_EQ(d.out.rejected[1].why.index, 2u);
  EXPECT_EQ(d.out.rejected[2].why.index, 3u);
  DecodeContext context = Context();
  context.rules.future_max = std::chrono::milliseconds::max();
  EXPECT_EQ(DecodeJson(EventBut("timestamp", "9223372036854775807"), context).out.batch.rows, 1u);
}

TEST(JsonBatchTest, KeysAreOfTheIdOrOfTheContent) {
  const Decoded ids = DecodeJson("[" + EventWith(R"("event_id":"e1","seq":1)") + "," +
                                 EventWith(R"("event_id":"\u0065\u0031","seq":2)") + "]");
  EXPECT_EQ(ids.out.batch.keys[0], EventIdKey("e1", kHashSeed));
  EXPECT_EQ(ids.out.batch.keys[0], ids.out.batch.keys[1]);
  EXPECT_EQ(ids.out.batch.event_id.At(1), "e1");

  const Decoded same = DecodeJson("[" + EventWith(R"("seq":1,"extra_data":{"a":1})") + ",  " +
                                  EventWith(R"("extra_data" : { "a" : 1 },"seq":1)") + "]");
  EXPECT_EQ(same.out.batch.keys[0], same.out.batch.keys[1]);
  EXPECT_NE(same.out.batch.keys[0], Hash128());
  EXPECT_EQ(same.out.batch.flags[0] & kLineKey, 0);

  DecodeContext context = Context();
  context.rules.dedupe_by_content = false;
  EXPECT_EQ(DecodeJson(EventWith(""), context).out.batch.keys[0], Hash128());
}

TEST(JsonBatchTest, ContentKeysTellEveryFieldApartAndIgnoreTheServer) {
  std::vector<std::string> events = {EventWith("")};
  for (const char* member :
       {R"("page_title":"x")", R"("referrer":"x")", R"("element":"x")", R"("element_id":"x")",
        R"("element_class":"x")", R"("element_text":"x")", R"("user_agent":"x")",
        R"("ip_address":"1.2.3.4")", R"("tab_id":"x")", R"("seq":1)", R"("position_x":1)",
        R"("position_y":1)", R"("extra_data":{"a":1})", R"("b":1)"}) {
    events.push_back(EventWith(member));
  }
  events.push_back(EventBut("timestamp", "1699999999001"));
  std::vector<Hash128> keys;
  for (const std::string& event : events) keys.push_back(DecodeJson(event).out.batch.keys.at(0));
  for (std::size_t i = 0; i < keys.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) EXPECT_NE(keys[i], keys[j]) << events[i] << events[j];
  }
  DecodeContext context = Context();
  context.client_address = "198.51.100.7";
  context.user_agent = "curl";
  EXPECT_EQ(DecodeJson(events[0], context).out.batch.keys[0], keys[0]);
  // A retry of the same body later, with another sent_at, is the same event.
  const std::int64_t old = kNow - 3'600'000;
  EXPECT_EQ(DecodeJson(Sent(old, old)).out.batch.keys[0],
            DecodeJson(Sent(old + 1, old)).out.batch.keys[0]);
}

TEST(JsonBatchTest, OneDecoderServesMixedBatchesInTurn) {
  Decoder decoder;
  DecodedBatch out;
  const std::string big =
      "[" + Repeat(EventWith(R"("page_title":"\u00e9")") + ",", 2000) + EventWith("") + "]";
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(decoder.DecodeJson(big, Context(), &out).ok());
    EXPECT_EQ(out.batch.rows, 2001u);
    EXPECT_FALSE(decoder.DecodeJson("[" + EventWith("") + ",{]", Context(), &out).ok());
    EXPECT_EQ(out.batch.rows, 0u);
    EXPECT_EQ(out.received, 0u);
    ASSERT_TRUE(decoder.DecodeJson(EventWith(R"("page_title":"\t")"), Context(), &out).ok());
    EXPECT_EQ(out.batch.Text(Field::kPageTitle, 0), "\t");
  }
}

}  // namespace
}  // namespace insightflow::testing
