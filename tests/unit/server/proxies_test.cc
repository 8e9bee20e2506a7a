#include "server/app/proxies.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace insightflow::server {
namespace {

bool Contains(const char* network, const char* address) {
  const Result<IpNetwork> parsed = IpNetwork::Parse(network);
  std::array<std::uint8_t, 16> bytes;
  EXPECT_TRUE(parsed.ok()) << network;
  EXPECT_TRUE(ParseIp(address, &bytes)) << address;
  return parsed.ok() && parsed->Contains(bytes);
}

TEST(IpNetwork, ContainsByPrefix) {
  EXPECT_TRUE(Contains("10.0.0.0/8", "10.255.0.1"));
  EXPECT_FALSE(Contains("10.0.0.0/8", "11.0.0.0"));
  EXPECT_TRUE(Contains("192.168.4.0/22", "192.168.7.255"));
  EXPECT_FALSE(Contains("192.168.4.0/22", "192.168.8.0"));
  EXPECT_TRUE(Contains("192.0.2.1", "192.0.2.1"));
  EXPECT_FALSE(Contains("192.0.2.1", "192.0.2.0"));
  EXPECT_TRUE(Contains("0.0.0.0/0", "8.8.8.8"));
  EXPECT_FALSE(Contains("0.0.0.0/0", "2001:db8::1"));
  EXPECT_TRUE(Contains("::/0", "2001:db8::1"));
  EXPECT_TRUE(Contains("2001:db8::/33", "2001:db8:7fff::1"));
  EXPECT_FALSE(Contains("2001:db8::/33", "2001:db8:8000::1"));
  EXPECT_TRUE(Contains("10.0.0.0/8", "::ffff:10.1.1.1"));
}

TEST(IpNetwork, RefusesWhatIsNone) {
  for (const char* text : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0/8",
                           "10.0.0.0/8x", "10.0.0.0/-1", "host", "10.0.0.0/8/8"}) {
    EXPECT_FALSE(IpNetwork::Parse(text).ok()) << text;
  }
}

TEST(Loopback, IsThisMachineOnly) {
  for (const char* host : {"127.0.0.1", "127.9.9.9", "::1", "localhost"}) {
    EXPECT_TRUE(IsLoopback(host)) << host;
  }
  for (const char* host : {"0.0.0.0", "::", "10.0.0.1", "128.0.0.1", "example.org", ""}) {
    EXPECT_FALSE(IsLoopback(host)) << host;
  }
}

std::string Client(const std::vector<std::string>& trusted, const char* peer,
                   const std::vector<std::string>& forwarded) {
  const Result<TrustedProxies> proxies = TrustedProxies::Create(trusted);
  EXPECT_TRUE(proxies.ok());
  HttpRequest request;
  request.remote_address = peer;
  for (const std::string& value : forwarded) {
    request.headers.fields.emplace_back("x-forwarded-for", value);
  }
  return proxies->ClientAddress(request);
}

TEST(TrustedProxies, NobodyIsBelievedByDefault) {
  EXPECT_EQ(Client({}, "192.0.2.1", {"203.0.113.9"}), "192.0.2.1");
  EXPECT_EQ(Client({"10.0.0.0/8"}, "192.0.2.1", {"203.0.113.9"}), "192.0.2.1");
}

TEST(TrustedProxies, TheLastStrangerIsTheClient) {
  const std::vector<std::string> trusted = {"10.0.0.0/8", "::1"};
  EXPECT_EQ(Client(trusted, "10.0.0.1", {}), "10.0.0.1");
  EXPECT_EQ(Client(trusted, "10.0.0.1", {"203.0.113.9"}), "203.0.113.9");
  EXPECT_EQ(Client(trusted, "10.0.0.1", {"1.1.1.1, 203.0.113.9"}), "203.0.113.9");
  EXPECT_EQ(Client(trusted, "10.0.0.1", {"1.1.1.1", "203.0.113.9 ,10.2.2.2"}), "203.0.113.9");
  EXPECT_EQ(Client(trusted, "::1", {"2001:db8::5"}), "2001:db8::5");
  EXPECT_EQ(Client(trusted, "::1", {"[2001:db8::5]:443"}), "2001:db8::5");
  EXPECT_EQ(Client(trusted, "::1", {"203.0.113.9:8080"}), "203.0.113.9");
}

TEST(TrustedProxies, AChainOfProxiesOnlyEndsAtItsFirst) {
  EXPECT_EQ(Client({"10.0.0.0/8"}, "10.0.0.1", {"10.0.0.3, 10.0.0.2"}), "10.0.0.3");
}

TEST(TrustedProxies, NonsenseIsNotBelieved) {
  EXPECT_EQ(Client({"10.0.0.0/8"}, "10.0.0.1", {"unknown"}), "10.0.0.1");
  EXPECT_EQ(Client({"10.0.0.0/8"}, "10.0.0.1", {"1.2.3.4, <script>, 10.0.0.7"}), "10.0.0.7");
  EXPECT_EQ(Client({"10.0.0.0/8"}, "10.0.0.1", {",,"}), "10.0.0.1");
  EXPECT_EQ(Client({"10.0.0.0/8"}, "10.0.0.1", {std::string(500, '1')}), "10.0.0.1");
}

}  // namespace
}  // namespace insightflow::server
