#include "lib/validate/redact.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace insightflow {
namespace {

std::string Redacted(std::string_view url) {
  std::string out = "untouched";
  if (RedactUrl(url, &out)) return out;
  EXPECT_EQ(out, "untouched");
  return std::string(url);
}

TEST(RedactTest, ReplacesTheValuesOfSecrets) {
  EXPECT_EQ(Redacted("/p?token=abc"), "/p?token=redacted");
  EXPECT_EQ(Redacted("/p?a=1&key=x&b=2"), "/p?a=1&key=redacted&b=2");
  EXPECT_EQ(Redacted("/p?email=a@b.c&password=p=q;token=t#x"),
            "/p?email=redacted&password=redacted;token=redacted#x");
  EXPECT_EQ(Redacted("https://h/p?access_token=1&api_key=2&user-email=3"),
            "https://h/p?access_token=redacted&api_key=redacted&user-email=redacted");
  EXPECT_EQ(Redacted("/p?accessToken=1&APIKEY=2"), "/p?accessToken=redacted&APIKEY=redacted");
  EXPECT_EQ(Redacted("/p#id_token=1&x=2"), "/p#id_token=redacted&x=2");
  EXPECT_EQ(Redacted("/p?t%6Fken=1"), "/p?t%6Fken=redacted");
  EXPECT_EQ(Redacted("/p?user[password]=1&token[]=2&user%5Bemail%5D=3"),
            "/p?user[password]=redacted&token[]=redacted&user%5Bemail%5D=redacted");
  EXPECT_EQ(Redacted("/p?token=1?key=2"), "/p?token=redacted?key=redacted");
}

TEST(RedactTest, ASecretIsAWordOfTheName) {
  for (const char* name : {"key",           "KEY",
                           "Key",           "kEy",
                           "api_key",       "api-key",
                           "api.key",       "apiKey",
                           "APIKey",        "apikey",
                           "ApiKEY",        "x-apikey",
                           "key1",          "key_id",
                           "keyId",         "KEYId",
                           "userKey",       "subscription-key",
                           "accesskey",     "secretKey",
                           "client_secret", "clientsecret",
                           "access_token",  "accesstoken",
                           "access-token",  "tokenV2",
                           "token_type",    "TOKENValue",
                           "email",         "email_address",
                           "emailAddress",  "useremail",
                           "newPassword",   "password_confirmation",
                           "passwd",        "pwd",
                           "user_pwd",      "user[api_key]",
                           "k%65y",         "monkey_key",
                           "monkeyToken",   "key%5Bx%5D"}) {
    const std::string url = "/p?a=1&" + std::string(name) + "=";
    EXPECT_EQ(Redacted(url + "v&b=2"), url + "redacted&b=2");
  }
}

TEST(RedactTest, AWordMayEndLikeASecret) {
  for (const char* name :
       {"monkey",  "Monkey",  "MONKEY",   "donkey",    "hockey",    "turkey",   "hotkey",
        "whiskey", "keyword", "keyboard", "keys",      "tokens",    "tokenize", "mail",
        "emails",  "lpwd",    "pwdx",     "passwords", "secretary", "m%6Fnkey"}) {
    const std::string url = "/p?" + std::string(name) + "=v";
    EXPECT_EQ(Redacted(url), url);
  }
}

TEST(RedactTest, LeavesTheRestAlone) {
  for (const char* url :
       {"", "/", "/token=1", "/p?", "/p?a", "/p?token", "/p?token=", "/p?tokens=1", "/p?keyword=1",
        "/p?=token", "/p?a=token", "/p?mail=1", "?&&==", "#", "?%", "/p?%6=1", "/p?passwor=1"}) {
    EXPECT_EQ(Redacted(url), url);
  }
}

TEST(RedactTest, AQueryNeedsNoMark) {
  std::string out;
  EXPECT_TRUE(RedactQuery("a=1&token=2", &out));
  EXPECT_EQ(out, "a=1&token=redacted");
  EXPECT_TRUE(RedactQuery("key=2", &out));
  EXPECT_EQ(out, "key=redacted");
  EXPECT_FALSE(RedactQuery("a=1", &out));
}

TEST(RedactTest, LongInputStaysLinear) {
  std::string url =
      "/?" + std::string(1 << 20, 'k') + "ey=1&" + std::string(1 << 20, 'k') + "_key=2&token=3";
  std::string out;
  EXPECT_TRUE(RedactUrl(url, &out));
  EXPECT_TRUE(out.ends_with("k_key=redacted&token=redacted"));
  EXPECT_NE(out.find("kkey=1&"), std::string::npos);
  for (int i = 0; i < 100'000; ++i) url += "&a";
  EXPECT_TRUE(RedactUrl(url, &out));
}

}  // namespace
}  // namespace insightflow
