#include "lib/model/user_agent.h"

#include <gtest/gtest.h>

#include <string>

#include "lib/live/agent_cache.h"

namespace insightflow {
namespace {

struct Case {
  const char* agent;
  const char* device;
  const char* browser;
};

constexpr Case kCases[] = {
    {"", "", ""},
    {"x", "desktop", "other"},
    {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/120.0.0.0 Safari/537.36",
     "desktop", "Chrome"},
    {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/120.0.0.0 Safari/537.36 Edg/120.0.2210.61",
     "desktop", "Edge"},
    {"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 "
     "Safari/537.36 OPR/105.0.0.0",
     "desktop", "Opera"},
    {"Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0", "desktop",
     "Firefox"},
    {"Mozilla/5.0 (Macintosh; Intel Mac OS X 14_1) AppleWebKit/605.1.15 (KHTML, like Gecko) "
     "Version/17.1 Safari/605.1.15",
     "desktop", "Safari"},
    {"Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
     "Gecko) CriOS/120.0.6099.50 Mobile/15E148 Safari/604.1",
     "mobile", "Chrome"},
    {"Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
     "Version/16.6 Mobile/15E148 Safari/604.1",
     "tablet", "Safari"},
    {"Mozilla/5.0 (Linux; Android 13; Pixel 7) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/120.0.0.0 Mobile Safari/537.36",
     "mobile", "Chrome"},
    {"Mozilla/5.0 (Linux; Android 12; SM-X906C) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/119.0.0.0 Safari/537.36",
     "tablet", "Chrome"},
    {"Mozilla/5.0 (Linux; Android 13; SM-S911B) AppleWebKit/537.36 (KHTML, like Gecko) "
     "SamsungBrowser/23.0 Chrome/115.0.0.0 Mobile Safari/537.36",
     "mobile", "other"},
    {"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Googlebot/2.1; "
     "+http://www.google.com/bot.html) Chrome/120.0.0.0 Safari/537.36",
     "bot", "other"},
    {"curl/8.4.0", "bot", "other"},
};

TEST(UserAgentTest, WellKnownAgents) {
  for (const Case& c : kCases) {
    const Agent agent = ClassifyAgent(c.agent);
    EXPECT_EQ(DeviceName(agent.device), c.device) << c.agent;
    EXPECT_EQ(BrowserName(agent.browser), c.browser) << c.agent;
  }
}

TEST(UserAgentTest, AnyBytesOfAnyLengthAreClassified) {
  for (const std::size_t size : {1u, 511u, 512u, 513u, 100'000u}) {
    for (const char c : {'\0', '\xff', ' ', 'a'}) {
      EXPECT_EQ(ClassifyAgent(std::string(size, c)), (Agent{Device::kDesktop, Browser::kOther}));
    }
  }
}

TEST(UserAgentTest, TheCacheAnswersAsTheClassifierWhateverItForgot) {
  AgentCache cache(1);
  for (int pass = 0; pass < 2; ++pass) {
    for (int i = 0; i < 3'000; ++i) {
      const std::string agent =
          std::string(kCases[i % std::size(kCases)].agent) + " " + std::to_string(i);
      ASSERT_EQ(cache.Classify(agent), ClassifyAgent(agent)) << agent;
    }
  }
}

}  // namespace
}  // namespace insightflow
