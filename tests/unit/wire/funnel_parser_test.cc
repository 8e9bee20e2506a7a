#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "insightflow/wire.h"
#include "tests/support/golden.h"

namespace insightflow {
namespace {

using ::insightflow::testing::NamesIn;
using ::insightflow::testing::ReadSource;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::string_view kSteps = R"("steps":[{"event":"view"},{"event":"buy"}]})";

FunnelDefinition Parse(std::string_view json) {
  const Result<FunnelDefinition> funnel = ParseFunnel(json);
  EXPECT_TRUE(funnel.ok()) << funnel.status().ToString() << "\n" << json;
  return funnel.ok() ? *funnel : FunnelDefinition();
}

// Lines of who refuses it (both: parser and schema), a part of the message, the text.
std::vector<std::pair<std::string, std::string>> BadLines(const std::string& file) {
  std::vector<std::pair<std::string, std::string>> bad;
  std::istringstream lines(ReadSource("tests/golden/" + file));
  for (std::string line; std::getline(lines, line);) {
    const std::size_t first = line.find('\t');
    const std::size_t second = line.find('\t', first + 1);
    EXPECT_NE(second, std::string::npos) << line;
    bad.emplace_back(line.substr(first + 1, second - first - 1), line.substr(second + 1));
  }
  return bad;
}

void ExpectRefused(const std::string& why, const std::string& json) {
  const Status status = ParseFunnel(json).status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << json;
  EXPECT_THAT(status.message(), HasSubstr(why)) << json;
}

TEST(ParseFunnel, RefusesEveryBadDefinitionAndSaysWhy) {
  const auto bad = BadLines("bad_funnels.txt");
  EXPECT_GE(bad.size(), 20u);
  for (const auto& [why, json] : bad) ExpectRefused(why, json);
}

TEST(ParseFunnel, RefusesWhatAQueryRefuses) {
  constexpr std::string_view kBegin = R"({"kind":"funnel",)";
  std::size_t count = 0;
  for (const auto& [why, json] : BadLines("bad_queries.txt")) {
    if (!json.starts_with(kBegin) || json.find("funnel_id") != std::string::npos) continue;
    ++count;
    ExpectRefused(why, R"({"id":"a","kind":"funnel",)" + json.substr(kBegin.size()));
  }
  EXPECT_GE(count, 25u);
}

TEST(ParseFunnel, TakesEveryExampleAndWritesItAgain) {
  const std::vector<std::string> names = NamesIn("schema/examples", ".funnel.json");
  EXPECT_GE(names.size(), 2u);
  for (const std::string& name : names) {
    const FunnelDefinition funnel = Parse(ReadSource("schema/examples/" + name + ".funnel.json"));
    EXPECT_EQ(funnel.id, name);
    EXPECT_EQ(Parse(WriteFunnel(funnel)), funnel);
  }
}

TEST(ParseFunnel, AsksWhatTheSameQueryAsks) {
  for (const std::string& name : NamesIn("schema/examples", ".query.json")) {
    const std::string json = ReadSource("schema/examples/" + name + ".query.json");
    const Result<Query> query = ParseQuery(json);
    if (!query.ok() || !std::holds_alternative<FunnelQuery>(*query)) continue;
    EXPECT_EQ(Parse(R"({"id":"a",)" + json.substr(1)).query, std::get<FunnelQuery>(*query)) << name;
  }
}

TEST(ParseFunnel, HasDefaults) {
  const FunnelDefinition funnel = Parse(R"({"id":"a_B.0-",)" + std::string(kSteps));
  EXPECT_EQ(funnel.id, "a_B.0-");
  EXPECT_EQ(funnel.name, "a_B.0-");
  EXPECT_TRUE(funnel.active);
  EXPECT_EQ(WriteFunnel(funnel),
            R"({"id":"a_B.0-","name":"a_B.0-","active":true,)" + std::string(kSteps));
}

TEST(ParseFunnel, TheIdMayBeGivenBesideIt) {
  const std::string without = "{" + std::string(kSteps);
  EXPECT_EQ(ParseFunnel(without, "a")->id, "a");
  EXPECT_EQ(ParseFunnel(without, "a")->name, "a");
  EXPECT_EQ(ParseFunnel(R"({"id":"a",)" + std::string(kSteps), "a")->id, "a");
  for (const char* id : {"b", "", "é"}) {
    const Status other = ParseFunnel(R"({"id":"a",)" + std::string(kSteps), id).status();
    EXPECT_EQ(other.code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(other.message(), StartsWith("id: is not the one")) << id;
  }
  EXPECT_THAT(ParseFunnel(without, "é").status().message(), StartsWith("id: must be 1 to 64"));
}

TEST(ParseFunnel, HasALimitOfBytes) {
  std::string json = R"({"id":"a",)" + std::string(kSteps);
  json.append(kFunnelBytesMax - json.size(), ' ');
  EXPECT_TRUE(ParseFunnel(json).ok());
  EXPECT_EQ(ParseFunnel(json + ' ').status().code(), StatusCode::kOutOfRange);
}

}  // namespace
}  // namespace insightflow
