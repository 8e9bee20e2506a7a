#include "lib/log/user_mention.h"

#include <gtest/gtest.h>

#include <string>

namespace insightflow {
namespace {

TEST(MentionsUserTest, AWordOfItsOwn) {
  for (const char* text : {"alice", "\"alice\"", R"({"user_id":"alice","x":1})", "a,alice,b",
                           "/users/alice?x", "alice cut", "xalice alice", R"({"user_id":"alice)",
                           "\xff alice\x80", "GET /?u=alice&v=1"}) {
    EXPECT_TRUE(MentionsUser(text, "alice")) << text;
  }
  for (const char* text : {"", "alic", "malice", "alice2", "alice_", "-alice", "Alice", "ali ce"}) {
    EXPECT_FALSE(MentionsUser(text, "alice")) << text;
  }
  EXPECT_FALSE(MentionsUser("anything", ""));
  EXPECT_TRUE(MentionsUser(R"({"user_id":17})", "17"));
}

TEST(MentionsUserTest, EscapesOfJson) {
  EXPECT_TRUE(MentionsUser(R"({"user_id":"\u0061lic\u0065"})", "alice"));
  EXPECT_TRUE(MentionsUser(R"({"text":"hi\nalice\tbye"})", "alice"));
  EXPECT_FALSE(MentionsUser(R"({"text":"m\u0061lice"})", "alice"));
  EXPECT_TRUE(MentionsUser(R"({"u":"a\"b\\c\/d"})", R"(a"b\c/d)"));
  EXPECT_TRUE(MentionsUser(R"({"u":"a\"b\\c/d"})", R"(a"b\c/d)"));
  EXPECT_TRUE(MentionsUser("{\"u\":\"J\\u00f6rg \\uD83D\\uDE00\"}", "Jörg 😀"));
  EXPECT_TRUE(MentionsUser("{\"u\":\"Jörg 😀\"}", "Jörg 😀"));
  EXPECT_TRUE(MentionsUser("{\"u\":\"a\\tb\"}", "a\tb"));
  EXPECT_FALSE(MentionsUser("{\"u\":\"a\\tb\"}", "a\nb"));
}

TEST(MentionsUserTest, JsonWithinJson) {
  EXPECT_TRUE(MentionsUser(R"({"extra":"{\"id\":\"a\\\"b\"}"})", R"(a"b)"));
  EXPECT_TRUE(MentionsUser(R"({"extra":"{\"id\":\"\\u0061b\"}"})", "ab"));
}

TEST(MentionsUserTest, CellsOfCsv) {
  EXPECT_TRUE(MentionsUser(R"("a""b",1)", R"(a"b)"));
  EXPECT_FALSE(MentionsUser(R"("a""""b",1)", R"(a"b)"));
}

// What is no escape stays as it is, and the end may come anywhere.
TEST(MentionsUserTest, TextsThatAreNoJson) {
  for (const char* text :
       {"\\", "\\u", "\\u12", "\\uzzzz", "\\ud83d", "\\ud83dx", "\\ud83d\\u0041", "\\q \\"}) {
    EXPECT_FALSE(MentionsUser(text, "alice")) << text;
    EXPECT_TRUE(MentionsUser(std::string(text) + " \\u0061lice", "alice")) << text;
  }
  EXPECT_TRUE(MentionsUser("C:\\alice", "alice"));
  EXPECT_FALSE(MentionsUser(std::string(4'096, '\\'), "alice"));
}

}  // namespace
}  // namespace insightflow
