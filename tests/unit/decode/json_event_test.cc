// The rules for the fields of one event.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "lib/base/limits.h"
#include "tests/support/decoding.h"

namespace insightflow::testing {
namespace {

using ::testing::HasSubstr;

std::string Quoted(std::string_view text) { return "\"" + std::string(text) + "\""; }

TEST(JsonEventTest, ReadsEveryField) {
  const Decoded d = DecodeJson(EventWith(
      R"("event_id":"e1","page_title":"T","referrer":"R","element":"E","element_id":"I",)"
      R"("element_class":"C","element_text":"X","user_agent":"A","ip_address":"203.0.113.77",)"
      R"("tab_id":"t","seq":18446744073709551615,"position_x":-1,"position_y":2.5,)"
      R"("extra_data":{"price":1.50})"));
  ASSERT_EQ(d.Verdict(), "accepted");
  EXPECT_EQ(d.out.batch.event_id.At(0), "e1");
  EXPECT_EQ(d.Text(Field::kPageTitle), "T");
  EXPECT_EQ(d.Text(Field::kReferrer), "R");
  EXPECT_EQ(d.Text(Field::kElement), "E");
  EXPECT_EQ(d.Text(Field::kElementId), "I");
  EXPECT_EQ(d.Text(Field::kElementClass), "C");
  EXPECT_EQ(d.Text(Field::kElementText), "X");
  EXPECT_EQ(d.Text(Field::kUserAgent), "A");
  EXPECT_EQ(d.Text(Field::kIpAddress), "203.0.113.0");
  EXPECT_EQ(d.Text(Field::kTabId), "t");
  EXPECT_EQ(d.out.batch.client_seq[0], 18446744073709551615u);
  EXPECT_EQ(d.out.batch.position_x[0], -1);
  EXPECT_EQ(d.out.batch.position_y[0], 3);
  EXPECT_EQ(d.Extra(), R"({"price":1.50})");
  EXPECT_EQ(d.out.batch.flags[0], kHasPositionX | kHasPositionY | kHasClientSeq);
  EXPECT_EQ(d.out.truncated, 0u);
}

TEST(JsonEventTest, RequiredFieldsMustBeThere) {
  for (const char* field : {"user_id", "session_id", "event_type", "page_url", "timestamp"}) {
    for (const char* value : {"null", "\"\""}) {
      EXPECT_EQ(DecodeJson(EventBut(field, value)).Verdict(), "missing_field " + std::string(field))
          << value;
    }
  }
  EXPECT_EQ(
      DecodeJson(R"({"user_id":"u","session_id":"s","event_type":"v","page_url":"/"})").Verdict(),
      "missing_field timestamp");
  DecodeContext relaxed = Context();
  relaxed.rules.require_session_id = false;
  relaxed.rules.require_page_url = false;
  EXPECT_EQ(DecodeJson(R"({"user_id":"u","event_type":"v","timestamp":5})", relaxed).Verdict(),
            "accepted");
}

TEST(JsonEventTest, WrongTypesAreNamed) {
  const std::vector<std::string> texts = {
      "event_id",     "user_id",    "session_id", "event_type", "page_url",
      "page_title",   "referrer",   "element",    "element_id", "element_class",
      "element_text", "user_agent", "ip_address", "tab_id"};
  for (const std::string& field : texts) {
    for (const char* value : {"1", "1.5", "true", "false", "{}", "[]", "[\"x\"]", "{\"a\":[1]}",
                              "99999999999999999999"}) {
      EXPECT_EQ(DecodeJson(EventBut(field, value)).Verdict(), "bad_type " + field) << value;
    }
  }
  for (const std::string field : {"position_x", "position_y", "seq"}) {
    for (const char* value : {"\"1\"", "true", "{}", "[1]"}) {
      EXPECT_EQ(DecodeJson(EventBut(field, value)).Verdict(), "bad_type " + field) << value;
    }
  }
  for (const char* value : {"true", "{}", "[1]"}) {
    EXPECT_EQ(DecodeJson(EventBut("timestamp", value)).Verdict(), "bad_type timestamp");
  }
  for (const char* value : {"true", "[]", "\"{}\"", "5"}) {
    EXPECT_EQ(DecodeJson(EventBut("extra_data", value)).Verdict(), "bad_type extra_data");
  }
}

TEST(JsonEventTest, AMessageSaysWhatIsAllowed) {
  const auto message = [](const std::string& field, const std::string& value) {
    const Decoded decoded = DecodeJson(EventBut(field, value));
    return decoded.out.rejected.empty() ? "" : decoded.out.rejected[0].why.message;
  };
  EXPECT_THAT(message("user_id", "7"), HasSubstr("must be a string"));
  EXPECT_THAT(message("timestamp", "true"), HasSubstr("milliseconds or an ISO 8601 string"));
  EXPECT_THAT(message("timestamp", "99999999999999999999"), HasSubstr("64 bits"));
  EXPECT_THAT(message("position_x", "\"1\""), HasSubstr("must be a number"));
  EXPECT_THAT(message("position_x", "3e9"), HasSubstr("32 bits"));
  EXPECT_THAT(message("seq", "-1"), HasSubstr("an integer from 0"));
  EXPECT_THAT(message("extra_data", "[]"), HasSubstr("must be an object"));
}

TEST(JsonEventTest, NullOptionalIsAbsent) {
  const Decoded d = DecodeJson(
      EventWith(R"("event_id":null,"page_title":null,"tab_id":null,"seq":null,"position_x":null,)"
                R"("position_y":null,"extra_data":null,"ip_address":null)"));
  ASSERT_EQ(d.Verdict(), "accepted");
  EXPECT_EQ(d.Extra(), "");
  EXPECT_EQ(d.out.batch.flags[0], 0);
  EXPECT_TRUE(d.out.batch.event_id.empty());
  EXPECT_EQ(d.out.batch.keys[0], DecodeJson(EventWith("")).out.batch.keys[0]);
}

TEST(JsonEventTest, TheFirstOfEqualKeysWins) {
  const Decoded d =
      DecodeJson(EventWith(R"("seq":1,"seq":"x","user_id":5,"page_title":null,"page_title":"T",)"
                           R"("x":1,"x":2,"\u0078":3,"user\u005fid":"other")"));
  ASSERT_EQ(d.Verdict(), "accepted");
  EXPECT_EQ(d.out.batch.client_seq[0], 1u);
  EXPECT_EQ(d.Text(Field::kUserId), "u");
  EXPECT_EQ(d.Text(Field::kPageTitle), "");
  EXPECT_EQ(d.Extra(), R"({"x":1})");
}

TEST(JsonEventTest, LengthsAtTheLimit) {
  const std::vector<std::pair<std::string, std::size_t>> ids = {{"event_id", kEventIdBytesMax},
                                                                {"user_id", kUserIdBytesMax},
                                                                {"session_id", kSessionIdBytesMax},
                                                                {"event_type", kEventTypeBytesMax},
                                                                {"tab_id", kTabIdBytesMax}};
  for (const auto& [field, max] : ids) {
    EXPECT_EQ(DecodeJson(EventBut(field, Quoted(std::string(max, 'x')))).Verdict(), "accepted");
    const Decoded past = DecodeJson(EventBut(field, Quoted(std::string(max + 1, 'x'))));
    EXPECT_EQ(past.Verdict(), "too_long " + field);
    EXPECT_THAT(past.out.rejected[0].why.message, HasSubstr(std::to_string(max) + " bytes"));
  }
  const std::vector<std::pair<Field, std::size_t>> texts = {
      {Field::kPageUrl, kPageUrlBytesMax},         {Field::kPageTitle, kPageTitleBytesMax},
      {Field::kReferrer, kReferrerBytesMax},       {Field::kElement, kElementBytesMax},
      {Field::kElementId, kElementIdBytesMax},     {Field::kElementClass, kElementClassBytesMax},
      {Field::kElementText, kElementTextBytesMax}, {Field::kUserAgent, kUserAgentBytesMax}};
  for (const auto& [field, max] : texts) {
    const std::string fits(max, 'x');
    const Decoded at = DecodeJson(EventBut(RuleOf(field).name, Quoted(fits)));
    EXPECT_EQ(at.Text(field), fits);
    EXPECT_EQ(at.out.truncated, 0u);
    const Decoded past = DecodeJson(EventBut(RuleOf(field).name, Quoted(fits + "y")));
    EXPECT_EQ(past.Text(field), fits);
    EXPECT_EQ(past.out.truncated, 1u);
    EXPECT_EQ(past.out.batch.flags[0], kTruncated);
    const std::string split = std::string(max - 1, 'x') + "é";
    EXPECT_EQ(DecodeJson(EventBut(RuleOf(field).name, Quoted(split))).Text(field),
              std::string(max - 1, 'x'));
  }
}

TEST(JsonEventTest, CutTextIsCountedOnceAnEvent) {
  const std::string both = R"("page_title":")" + std::string(300, 'x') + R"(","element":")" +
                           std::string(300, 'y') + "\"";
  const Decoded d = DecodeJson("[" + EventWith(both) + "," + EventWith("") + "]");
  EXPECT_EQ(d.out.truncated, 1u);
}

TEST(JsonEventTest, LengthsCountBytesOfTheUnescapedText) {
  const std::string escaped = Repeat("\\u00e9", 32);  // 64 bytes of UTF-8
  EXPECT_EQ(DecodeJson(EventBut("user_id", Quoted(escaped))).Verdict(), "accepted");
  EXPECT_EQ(DecodeJson(EventBut("user_id", Quoted(escaped + "x"))).Verdict(), "too_long user_id");
}

TEST(JsonEventTest, Times) {
  const std::vector<std::pair<std::string, std::int64_t>> good = {
      {"1", 1},
      {"1699999999000", 1699999999000},
      {"1.7e12", 1700000000000},
      {"1699999999000.75", 1699999999000},
      {"1699999999000.0", 1699999999000},
      {"\"2023-11-14T22:13:19Z\"", 1699999999000},
      {"\"2023-11-14T22:13:19.5Z\"", 1699999999500},
      {"\"2023-11-14T22:13:19,123456789Z\"", 1699999999123},
      {"\"2023-11-15T01:43:19+03:30\"", 1699999999000},
      {"\"2023-11-15T01:43:19+0330\"", 1699999999000},
      {"\"2023-11-14T17:13:19-05\"", 1699999999000},
      {"\"2023-11-14T22:13Z\"", 1699999980000},
      {"\"2000-02-29T00:00:00Z\"", 951782400000}};
  for (const auto& [text, ms] : good) {
    const Decoded d = DecodeJson(EventBut("timestamp", text));
    ASSERT_EQ(d.Verdict(), "accepted") << text;
    EXPECT_EQ(d.out.batch.time_ms[0], ms) << text;
  }
  for (const char* text : {"0",
                           "-1",
                           "-0",
                           "0.5",
                           "-1e300",
                           "\"1699999999000\"",
                           "\"yesterday\"",
                           "\"x\"",
                           "\"2023-11-14\"",
                           "\"2023-11-14T22:13:19\"",
                           "\"2023-11-14 22:13:19Z\"",
                           "\"2023-11-14T22:13:19 Z\"",
                           "\"2023-11-14T22:13:19Zx\"",
                           "\"2023-11-14T22:13:19.Z\"",
                           "\"2023-13-14T22:13:19Z\"",
                           "\"2023-02-29T22:13:19Z\"",
                           "\"2023-11-31T22:13:19Z\"",
                           "\"2023-11-14T24:00:00Z\"",
                           "\"2023-11-14T22:60:00Z\"",
                           "\"2023-11-14T22:13:60Z\"",
                           "\"2023-11-14T22:13:19+24:00\"",
                           "\"2023-11-14T22:13:19+03:60\"",
                           "\"2023-11-14T22:13:19+3\"",
                           "\"2023-11-14T22:13:19+03:3\"",
                           "\"2023-1-14T22:13:19Z\"",
                           "\"1969-12-31T23:59:59Z\"",
                           "\"1970-01-01T00:00:00Z\"",
                           "\" 2023-11-14T22:13:19Z\""}) {
    const std::string verdict = DecodeJson(EventBut("timestamp", text)).Verdict();
    EXPECT_EQ(verdict,
              std::string_view(text) == "-1e300" ? "int_range timestamp" : "bad_time timestamp")
        << text;
  }
  for (const char* text :
       {"9223372036854775808", "18446744073709551616", "1e19", "1e999", "-9223372036854775809"}) {
    EXPECT_EQ(DecodeJson(EventBut("timestamp", text)).Verdict(), "int_range timestamp") << text;
  }
  EXPECT_EQ(DecodeJson(EventBut("timestamp", "9223372036854775807")).Verdict(),
            "bad_time timestamp");
}

TEST(JsonEventTest, PositionsAreRounded) {
  const std::vector<std::pair<std::string, std::int32_t>> good = {{"0", 0},
                                                                  {"-0", 0},
                                                                  {"1.4", 1},
                                                                  {"1.5", 2},
                                                                  {"-1.5", -2},
                                                                  {"-2147483648", -2147483647 - 1},
                                                                  {"2147483647", 2147483647},
                                                                  {"1e3", 1000},
                                                                  {"2147483647.4", 2147483647},
                                                                  {"1e-400", 0},
                                                                  {"0.0000001E+3", 0}};
  for (const auto& [text, value] : good) {
    const Decoded d = DecodeJson(EventWith("\"position_x\":" + text));
    ASSERT_EQ(d.Verdict(), "accepted") << text;
    EXPECT_EQ(d.out.batch.position_x[0], value) << text;
  }
  for (const char* text : {"2147483648", "-2147483649", "2147483647.5", "1e10", "1e999",
                           "99999999999999999999999", "18446744073709551615"}) {
    EXPECT_EQ(DecodeJson(EventWith("\"position_y\":" + std::string(text))).Verdict(),
              "int_range position_y")
        << text;
  }
}

TEST(JsonEventTest, SeqIsAnUnsignedInteger) {
  for (const auto& [text, value] : std::vector<std::pair<std::string, std::uint64_t>>{
           {"0", 0}, {"-0", 0}, {"1e3", 1000}, {"18446744073709551615", ~std::uint64_t{0}}}) {
    EXPECT_EQ(DecodeJson(EventWith("\"seq\":" + text)).out.batch.client_seq.at(0), value) << text;
  }
  for (const char* text : {"-1", "1.5", "18446744073709551616", "1e20", "-1e3"}) {
    EXPECT_EQ(DecodeJson(EventWith("\"seq\":" + std::string(text))).Verdict(), "int_range seq");
  }
}

TEST(JsonEventTest, NamesHoldNoControlCharacters) {
  for (const char* name : {"a\\u0000b", "a\\nb", "\\u001f", "\\u007f", "a\\u0085", "\\u0080"}) {
    EXPECT_EQ(DecodeJson(EventBut("event_type", Quoted(name))).Verdict(), "bad_string event_type");
  }
  EXPECT_EQ(DecodeJson(EventBut("event_type", Quoted("\\u00a0é購入"))).Verdict(), "accepted");
  EXPECT_EQ(DecodeJson(EventBut("user_id", Quoted("a\\tb"))).Text(Field::kUserId), "a\tb");
}

TEST(JsonEventTest, EscapesAreUndone) {
  const Decoded d = DecodeJson(
      EventWith(R"("page_title":"\"\\\/\b\f\n\r\t\u0041\u00e9\u20ac\ud83d\ude00\uDBFF\uDFFF")"));
  EXPECT_EQ(d.Text(Field::kPageTitle), "\"\\/\b\f\n\r\tAé€😀\xf4\x8f\xbf\xbf");
}

TEST(JsonEventTest, LoneSurrogatesCostOneEvent) {
  for (const char* text : {"\\ud800", "\\udc00", "\\ud800x", "\\ud800\\u0041", "\\ud800\\ud800",
                           "x\\udfff", "\\ud83d\\n"}) {
    for (const std::string field : {"user_id", "page_title", "timestamp", "event_id"}) {
      const Decoded d = DecodeJson("[" + EventWith("") + "," + EventBut(field, Quoted(text)) + "," +
                                   EventWith("") + "]");
      EXPECT_EQ(d.out.batch.rows, 2u);
      EXPECT_EQ(d.Verdict(), "bad_string " + field) << text;
    }
    for (const std::string& members :
         {R"("extra_data":{"a":[)" + Quoted(text) + "]}", "\"extra_data\":{" + Quoted(text) + ":1}",
          "\"unknown\":{\"k\":" + Quoted(text) + "}", Quoted(text) + ":1"}) {
      EXPECT_EQ(DecodeJson(EventWith(members)).Verdict(), "bad_string extra_data") << members;
    }
  }
}

TEST(JsonEventTest, BytesThatAreNotUtf8CostOneEvent) {
  for (const char* text : {"\x80", "a\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf5\x80\x80\x80",
                           "\xe2\x82", "é\xc3", "\\n\xfe"}) {
    const Decoded d =
        DecodeJson("[" + EventWith(R"("element":"é\t")") + "," + EventBut("user_id", Quoted(text)) +
                   "," + EventWith(R"("element":"€")") + "," +
                   EventWith("\"extra_data\":{\"a\":" + Quoted(text) + "}") + "," +
                   EventWith(R"("element":"\u20ac")") + "]");
    ASSERT_TRUE(d.status.ok()) << text;
    ASSERT_EQ(d.out.batch.rows, 3u) << text;
    EXPECT_EQ(d.Verdict(0), "bad_string user_id");
    EXPECT_EQ(d.Verdict(1), "bad_string extra_data");
    EXPECT_EQ(d.Text(Field::kElement, 0), "é\t");
    EXPECT_EQ(d.Text(Field::kElement, 1), "€");
    EXPECT_EQ(d.Text(Field::kElement, 2), "€");
  }
}

TEST(JsonEventTest, AddressesAreTruncatedAndTheServersWins) {
  EXPECT_EQ(DecodeJson(EventWith(R"("ip_address":"2001:db8:1:2::3")")).Text(Field::kIpAddress),
            "2001:db8:1::");
  EXPECT_EQ(DecodeJson(EventWith(R"("ip_address":"not an address")")).Text(Field::kIpAddress), "");
  EXPECT_EQ(DecodeJson(EventWith("\"ip_address\":" + Quoted(std::string(99, '1')))).Verdict(),
            "accepted");
  DecodeContext context = Context();
  context.client_address = "198.51.100.7";
  context.user_agent = "server";
  const Decoded d = DecodeJson("[" + EventWith(R"("ip_address":"1.2.3.4","user_agent":"own")") +
                                   "," + EventWith("") + "," +
                                   EventWith(R"("extra_data":{"user_agent":"lifted"})") + "]",
                               context);
  EXPECT_EQ(d.Text(Field::kIpAddress, 0), "198.51.100.0");
  EXPECT_EQ(d.Text(Field::kIpAddress, 1), "198.51.100.0");
  EXPECT_EQ(d.Text(Field::kUserAgent, 0), "own");
  EXPECT_EQ(d.Text(Field::kUserAgent, 1), "server");
  EXPECT_EQ(d.Text(Field::kUserAgent, 2), "lifted");
  context.client_address = "unix:";
  EXPECT_EQ(DecodeJson(EventWith(R"("ip_address":"1.2.3.4")"), context).Text(Field::kIpAddress),
            "");
}

TEST(JsonEventTest, SecretsInUrlsAreRedacted) {
  const Decoded d = DecodeJson(
      EventBut("page_url", R"("/p?a=1&api_key=s3cret&b=2","referrer":"https://x/?token=t#k")"));
  EXPECT_EQ(d.Text(Field::kPageUrl), "/p?a=1&api_key=redacted&b=2");
  EXPECT_EQ(d.Text(Field::kReferrer), "https://x/?token=redacted#k");
  const Decoded lifted = DecodeJson(EventWith(R"("extra_data":{"referrer":"/?email=a@b"})"));
  EXPECT_EQ(lifted.Text(Field::kReferrer), "/?email=redacted");
}

}  // namespace
}  // namespace insightflow::testing
