#include "server/app/settings.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "server/app/serve.h"
#include "tests/support/temp_dir.h"

namespace insightflow::server {
namespace {

Command Parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "insightflow");
  return ParseCommandLine(static_cast<int>(arguments.size()), arguments.data());
}

ServeSettings ParseServe(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), {"serve", "--data", "d"});
  const Command command = Parse(std::move(arguments));
  if (const auto* now = std::get_if<ExitNow>(&command)) ADD_FAILURE() << now->error;
  const auto* settings = std::get_if<ServeSettings>(&command);
  return settings == nullptr ? ServeSettings() : *settings;
}

TEST(Settings, DefaultsAreThoseOfTheStruct) {
  const ServeSettings parsed = ParseServe({});
  const ServeSettings defaults;
  EXPECT_EQ(parsed.data, "d");
  EXPECT_EQ(parsed.listen, "127.0.0.1:8080");
  EXPECT_EQ(parsed.durability, Durability::kFsync);
  EXPECT_EQ(parsed.privacy, PrivacyPolicy::kIgnore);
  EXPECT_EQ(parsed.dedupe_memory, defaults.dedupe_memory);
  EXPECT_EQ(parsed.in_flight_memory, defaults.in_flight_memory);
  EXPECT_EQ(parsed.disk_free_min, defaults.disk_free_min);
  EXPECT_EQ(parsed.events_max, defaults.events_max);
  EXPECT_EQ(parsed.body_max, defaults.body_max);
  EXPECT_TRUE(parsed.cors_origins.empty());
  EXPECT_TRUE(parsed.trusted_proxies.empty());
  EXPECT_FALSE(parsed.insecure);
}

TEST(Settings, ReadsSizesListsAndNames) {
  const ServeSettings s = ParseServe({"--dedupe-memory",    "64MiB",
                                      "--in-flight-memory", "2g",
                                      "--disk-free-min",    "0",
                                      "--durability",       "interval",
                                      "--log-format",       "json",
                                      "--log-level",        "error",
                                      "--cors-origin",      "https://a",
                                      "--cors-origin",      "https://b",
                                      "--trusted-proxy",    "10.0.0.0/8,::1",
                                      "--privacy",          "drop",
                                      "--insecure"});
  EXPECT_EQ(s.dedupe_memory, std::size_t{64} << 20);
  EXPECT_EQ(s.in_flight_memory, std::size_t{2} << 30);
  EXPECT_EQ(s.disk_free_min, 0u);
  EXPECT_EQ(s.durability, Durability::kInterval);
  EXPECT_EQ(s.log_format, LogFormat::kJson);
  EXPECT_EQ(s.log_level, LogLevel::kError);
  EXPECT_EQ(s.cors_origins, (std::vector<std::string>{"https://a", "https://b"}));
  EXPECT_EQ(s.trusted_proxies, (std::vector<std::string>{"10.0.0.0/8", "::1"}));
  EXPECT_EQ(s.privacy, PrivacyPolicy::kDrop);
  EXPECT_TRUE(s.insecure);
}

TEST(Settings, APrivacyPolicyIsOneOfThree) {
  EXPECT_EQ(ParseServe({"--privacy", "ignore"}).privacy, PrivacyPolicy::kIgnore);
  EXPECT_EQ(ParseServe({"--privacy", "count"}).privacy, PrivacyPolicy::kCount);
  const Command command = Parse({"serve", "--data", "d", "--privacy", "forget"});
  ASSERT_TRUE(std::holds_alternative<ExitNow>(command));
  const auto& now = std::get<ExitNow>(command);
  EXPECT_EQ(now.code, 2);
  for (const char* word : {"forget", "ignore", "count", "drop"}) {
    EXPECT_NE(now.error.find(word), std::string::npos) << now.error;
  }
}

TEST(Settings, RetentionIsAWholeNumberOfDays) {
  const auto error = [](const Command& command) {
    const auto* now = std::get_if<ExitNow>(&command);
    return now == nullptr ? std::string() : now->error;
  };
  EXPECT_EQ(ParseServe({}).retention_days, 0u);
  EXPECT_EQ(ParseServe({"--retention-days", "0"}).retention_days, 0u);
  EXPECT_EQ(ParseServe({"--retention-days", "36500"}).retention_days, 36'500u);
  for (const char* days :
       {"-1", "36501", "99999999999999999999", "1.5", "7d", "0x1F", "010", "+1", "", " 1", "ten"}) {
    const std::string said =
        error(Parse({"serve", "--data", "d", (std::string("--retention-days=") + days).c_str()}));
    EXPECT_NE(said.find("--retention-days"), std::string::npos) << days << ": " << said;
    EXPECT_EQ(said.find('\n'), std::string::npos) << said;
  }
  EXPECT_EQ(std::get<QuerySettings>(Parse({"query", "-", "--data", "d", "--retention-days", "7"}))
                .retention_days,
            7u);
  EXPECT_EQ(std::get<ExportSettings>(Parse({"export", "--data", "d", "--retention-days", "7"}))
                .retention_days,
            7u);
  EXPECT_EQ(std::get<FoldSettings>(Parse({"fold", "--data", "d", "--retention-days", "7"}))
                .retention_days,
            7u);
  EXPECT_NE(error(Parse({"import", "x", "--data", "d", "--retention-days", "7"})), "");
  EXPECT_NE(error(Parse({"check", "--data", "d", "--retention-days", "7"})), "");
}

TEST(Settings, ImportTakesFilesAndAMapping) {
  const Command command = Parse({"import", "a.csv", "-", "--data", "d", "--format", "csv", "--map",
                                 "event_type=event", "--map", "user_id=the=user"});
  ASSERT_TRUE(std::holds_alternative<ImportSettings>(command));
  const auto& settings = std::get<ImportSettings>(command);
  EXPECT_EQ(settings.files, (std::vector<std::string>{"a.csv", "-"}));
  EXPECT_EQ(settings.options.format, ImportFormat::kCsv);
  const std::vector<std::pair<std::string, std::string>> map = {{"event_type", "event"},
                                                                {"user_id", "the=user"}};
  EXPECT_EQ(settings.options.csv_map, map);
}

TEST(Settings, ExportTakesARangeAndFilters) {
  const Command command = Parse({"export", "--data", "d", "--format", "csv", "--from", "2026-01-31",
                                 "--to", "1769900000000", "--filter", "extra_data.n=1.5",
                                 "--filter", R"([{"field":"user_id","op":"exists"}])", "-o", "f"});
  ASSERT_TRUE(std::holds_alternative<ExportSettings>(command));
  const auto& settings = std::get<ExportSettings>(command);
  EXPECT_EQ(settings.output, "f");
  EXPECT_EQ(settings.options.format, ExportFormat::kCsv);
  EXPECT_EQ(settings.options.from, FromMillis(1'769'817'600'000));
  EXPECT_EQ(settings.options.to, FromMillis(1'769'900'000'000));
  const std::vector<Filter> filters = {
      {"extra_data.n", FilterOp::kIn, {std::string("1.5"), 1.5}},
      {"user_id", FilterOp::kExists, {}},
  };
  EXPECT_EQ(settings.options.filters, filters);
}

TEST(Settings, AFilterIsTextAndWhatItReadsAs) {
  const auto values = [](const std::string& text) { return ParseFilterFlag(text)->at(0).values; };
  using Values = std::vector<FilterValue>;
  EXPECT_EQ(values("a=7"), (Values{std::string("7"), std::int64_t{7}}));
  EXPECT_EQ(values("a=true"), (Values{std::string("true"), true}));
  EXPECT_EQ(values("a=7x"), (Values{std::string("7x")}));
  EXPECT_EQ(values("a=b=c"), (Values{std::string("b=c")}));
  EXPECT_EQ(values("a="), (Values{std::string()}));
  for (const char* text : {"", "a", "=a", "{", "[1]", R"({"field":"a"})"}) {
    EXPECT_EQ(ParseFilterFlag(text).status().code(), StatusCode::kInvalidArgument) << text;
  }
}

TEST(Settings, AUrlStandsInPlaceOfAStore) {
  const auto query = [](std::vector<const char*> more) {
    more.insert(more.begin(), {"query", "q.json"});
    return Parse(std::move(more));
  };
  const auto by_url = std::get<QuerySettings>(query({"--url", "http://a:1"}));
  EXPECT_EQ(by_url.url, "http://a:1");
  EXPECT_TRUE(by_url.data.empty());
  for (const std::vector<const char*>& wrong : std::vector<std::vector<const char*>>{
           {"--url", "a:1"}, {"--url", "https://a"}, {"--url=http://a", "--data=d"}, {}}) {
    EXPECT_EQ(std::get<ExitNow>(query(wrong)).code, 2);
  }
  ::setenv("INSIGHTFLOW_DATA", "elsewhere", 1);
  EXPECT_TRUE(std::get<QuerySettings>(query({"--url", "http://a"})).data.empty());
  EXPECT_EQ(std::get<QuerySettings>(query({})).data, "elsewhere");
  ::setenv("INSIGHTFLOW_URL", "http://b", 1);
  EXPECT_EQ(std::get<QuerySettings>(query({})).url, "http://b");
  EXPECT_EQ(std::get<QuerySettings>(query({"--data", "d"})).url, "");
  ::unsetenv("INSIGHTFLOW_URL");
  ::unsetenv("INSIGHTFLOW_DATA");
  EXPECT_EQ(std::get<ExitNow>(Parse({"import", "x", "--url", "http://a", "--format", "csv", "--map",
                                     "user_id=u"}))
                .code,
            2);
}

TEST(Settings, FiltersForAServerAreOneListOfJson) {
  const auto filters = [](std::vector<const char*> more) {
    more.insert(more.begin(), {"export", "--url", "http://a"});
    return std::get<ExportSettings>(Parse(std::move(more))).filters;
  };
  EXPECT_EQ(filters({}), "[]");
  EXPECT_EQ(filters({"--filter", "a=\"x\"", "--filter", R"([{"field":"b","op":"exists"}])",
                     "--filter", "[]", "--filter", "c=7", "--filter", "d=true"}),
            R"([{"field":"a","op":"in","value":["\"x\""]},{"field":"b","op":"exists"},)"
            R"({"field":"c","op":"in","value":["7",7]},{"field":"d","op":"in","value":["true",)"
            R"(true]}])");
}

TEST(Settings, AQueryIsAFileAndAStore) {
  const Command command = Parse({"query", "-", "--data", "d"});
  ASSERT_TRUE(std::holds_alternative<QuerySettings>(command));
  EXPECT_EQ(std::get<QuerySettings>(command).file, "-");
  EXPECT_EQ(std::get<QuerySettings>(command).data, "d");
}

TEST(Settings, AMistakeIsOneLineAndUsage) {
  for (const std::vector<const char*>& arguments :
       std::vector<std::vector<const char*>>{{},
                                             {"fly"},
                                             {"serve"},
                                             {"serve", "--data", "d", "--nonsense"},
                                             {"serve", "--data", "d", "--threads", "-1"},
                                             {"serve", "--data", "d", "--events-max", "0"},
                                             {"serve", "--data", "d", "--body-max", "1"},
                                             {"import", "--data", "d"},
                                             {"query", "--data", "d"},
                                             {"query", "q.json"},
                                             {"query", "a", "b", "--data", "d"},
                                             {"check", "--data"}}) {
    const Command command = Parse(arguments);
    ASSERT_TRUE(std::holds_alternative<ExitNow>(command));
    const auto& now = std::get<ExitNow>(command);
    EXPECT_EQ(now.code, 2);
    EXPECT_TRUE(now.out.empty());
    EXPECT_FALSE(now.error.empty());
    EXPECT_EQ(now.error.find('\n'), std::string::npos) << now.error;
  }
}

TEST(Settings, ASizeIsAWholeNumberAndAUnit) {
  for (const char* setting : {"--dedupe-memory", "--in-flight-memory", "--disk-free-min"}) {
    for (const char* wrong : {"-1", "-1MiB", "99999999999999999999", "1.5GiB", "0x10", "0100MiB",
                              "5XB", "MiB", " ", "1e9"}) {
      const Command command = Parse({"serve", "--data", "d", setting, wrong});
      ASSERT_TRUE(std::holds_alternative<ExitNow>(command)) << setting << " " << wrong;
      EXPECT_EQ(std::get<ExitNow>(command).code, 2);
      EXPECT_NE(std::get<ExitNow>(command).error.find(setting), std::string::npos);
    }
  }
  EXPECT_EQ(ParseServe({"--dedupe-memory", "1048576"}).dedupe_memory, std::size_t{1} << 20);
  EXPECT_EQ(ParseServe({"--dedupe-memory", "100 MiB"}).dedupe_memory, std::size_t{100} << 20);
}

TEST(Settings, AnOriginIsOneThatABrowserSends) {
  for (const char* wrong : {"shop", "shop.example", "https://", "https://a/", "https://a/b",
                            "ftp://a", "https://a b", "https://u@a", "null"}) {
    const Command command = Parse({"serve", "--data", "d", "--cors-origin", wrong});
    ASSERT_TRUE(std::holds_alternative<ExitNow>(command)) << wrong;
    EXPECT_EQ(std::get<ExitNow>(command).code, 2);
  }
  const std::vector<std::string> origins = {"*", "https://a.example:8443", "http://[::1]:3000"};
  EXPECT_EQ(ParseServe({"--cors-origin", "*", "--cors-origin", "https://a.example:8443",
                        "--cors-origin", "http://[::1]:3000"})
                .cors_origins,
            origins);
}

TEST(Settings, HelpNamesEverySettingWithItsDefault) {
  const Command command = Parse({"serve", "--help"});
  ASSERT_TRUE(std::holds_alternative<ExitNow>(command));
  const auto& help = std::get<ExitNow>(command);
  EXPECT_EQ(help.code, 0);
  for (const char* text : {"--listen", "127.0.0.1:8080", "1GiB", "64MiB", "4MiB", "10000", "fsync",
                           "INSIGHTFLOW_LOG_FORMAT", "INSIGHTFLOW_TRUSTED_PROXY"}) {
    EXPECT_NE(help.out.find(text), std::string::npos) << text;
  }
}

TEST(Settings, AFileMayServeAllCommands) {
  const TempDir dir;
  const std::string path = dir.path() + "/settings.toml";
  std::ofstream(path) << "data = \"shared\"\nlisten = \"127.0.0.1:1\"\nformat = \"csv\"\n"
                      << "[serve]\ninsecure = true\n";
  const Command serve = Parse({"serve", "--config", path.c_str()});
  ASSERT_TRUE(std::holds_alternative<ServeSettings>(serve));
  EXPECT_EQ(std::get<ServeSettings>(serve).data, "shared");
  EXPECT_EQ(std::get<ServeSettings>(serve).listen, "127.0.0.1:1");
  EXPECT_TRUE(std::get<ServeSettings>(serve).insecure);
  const Command import = Parse({"import", "f", "--config", path.c_str(), "--data", "own"});
  ASSERT_TRUE(std::holds_alternative<ImportSettings>(import));
  EXPECT_EQ(std::get<ImportSettings>(import).data, "own");
  EXPECT_EQ(std::get<ImportSettings>(import).options.format, ImportFormat::kCsv);
}

TEST(ListenAddress, TakesBothFamilies) {
  const auto expect = [](const char* text, const char* host, std::uint16_t port) {
    const Result<ListenAddress> address = ParseListen(text);
    ASSERT_TRUE(address.ok()) << text;
    EXPECT_EQ(address->host, host);
    EXPECT_EQ(address->port, port);
  };
  expect("127.0.0.1:8080", "127.0.0.1", 8080);
  expect("[::1]:0", "::1", 0);
  expect("localhost:65535", "localhost", 65535);
  for (const char* text : {"", ":", "8080", ":8080", "h:", "h:x", "h:65536", "h:-1", "::1:80"}) {
    const Result<ListenAddress> address = ParseListen(text);
    ASSERT_FALSE(address.ok()) << text;
    EXPECT_EQ(address.status().code(), StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace insightflow::server
