// A file that is imported in parts, however it is cut, has the identities that it has as a whole.

#include "lib/engine/line_ordinals.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "lib/decode/decoder.h"
#include "tests/support/random_cases.h"

namespace insightflow {
namespace {

using testing::Random;
using Keys = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

constexpr std::uint64_t kSeed = 11;
constexpr std::string_view kHeader = "user_id,event_type,timestamp,event_id,page_title\n";

// One of few contents, so that equal ones are many; some are bad, blank or have an id.
std::string RandomLine(ImportFormat format, Random* random) {
  const std::string number = std::to_string(1 + random->Below(4));
  const std::string end = random->OneIn(4) ? "\r\n" : "\n";
  if (random->OneIn(12)) return end;
  if (random->OneIn(12)) return "nonsense" + end;
  const bool has_id = random->OneIn(6);
  switch (format) {
    case ImportFormat::kCsv: {
      const std::array<std::string, 6> titles = {"",          "a",      "\"a\nb\"",
                                                 "\"a\"\"\"", "\"a\"b", "a\"b"};
      return "u,view," + number + "," + (has_id ? "e" + number : "") + "," + random->Of(titles) +
             end;
    }
    case ImportFormat::kCombined:
      return R"(1.2.3.4 - - [10/Oct/2025:13:55:3)" + number +
             R"( +0000] "GET / HTTP/1.1" 200 5 "-" "agent")" + end;
    case ImportFormat::kNdjson: break;
  }
  return R"({"user_id":"u","event_type":"view",)" +
         (has_id ? R"("event_id":"e)" + number + "\"," : "") + R"("timestamp":)" + number + "}" +
         end;
}

class Import {
 public:
  Import(ImportFormat format, std::uint64_t stretch_lines)
      : format_(format), ordinals_("web1", kSeed, stretch_lines) {}

  // `text` without a CSV header. Appends the keys of its rows.
  void Take(std::string_view text, std::uint64_t first_line, Keys* keys) {
    DecodeContext context;
    context.received_ms = 2'000'000'000'000;
    context.hash_seed = kSeed;
    DecodedBatch out;
    switch (format_) {
      case ImportFormat::kNdjson: decoder_.DecodeNdjson(text, first_line, context, &out); break;
      case ImportFormat::kCombined: decoder_.DecodeCombined(text, first_line, context, &out); break;
      case ImportFormat::kCsv:
        decoder_.DecodeCsv(text, first_line, *CsvSchema::Create(kHeader, {}), context, &out);
        break;
    }
    ASSERT_EQ(out.lines.size(), out.batch.rows);
    ordinals_.Apply(out.lines, &out.batch);
    for (const Hash128& key : out.batch.keys) keys->emplace_back(key.low, key.high);
  }
  void Restart(std::vector<RepeatedLine> repeated) { ordinals_.Restart(std::move(repeated)); }

 private:
  const ImportFormat format_;
  LineOrdinals ordinals_;
  Decoder decoder_;
};

std::uint64_t Newlines(std::string_view text) {
  return static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST(LineOrdinalsProperty, PartsHaveTheIdentitiesOfTheWhole) {
  Random random(testing::RandomSeed());
  std::size_t rows = 0, repeated = 0;
  for (int i = 0, cases = testing::RandomCases(600); i < cases; ++i) {
    const auto format = static_cast<ImportFormat>(random.Below(3));
    const bool csv = format == ImportFormat::kCsv;
    const auto stretch_lines = static_cast<std::uint64_t>(random.Between(1, 60));
    std::vector<std::string> parts(1);
    std::string file;
    for (std::int64_t n = random.Below(80); n > 0; --n) {
      if (random.OneIn(10)) parts.emplace_back();
      parts.back() += RandomLine(format, &random);
    }
    for (const std::string& part : parts) file += part;
    const std::uint64_t before = csv ? 1 : 0;  // the header's line
    Keys expected, keys;
    Import whole(format, stretch_lines);
    whole.Take(file, 1 + before, &expected);
    RepeatedLines sender(format, stretch_lines);
    std::uint64_t line = 1;
    for (const std::string& part : parts) {
      Import importer(format, stretch_lines);
      FilePart told = sender.Next((csv ? std::string(kHeader) : "") + part, line);
      repeated += told.repeated.size();
      importer.Restart(std::move(told.repeated));
      importer.Take(part, line + before, &keys);
      line += Newlines(part);
    }
    ASSERT_EQ(keys, expected) << "case " << i << " of " << file;
    rows += keys.size();
  }
  EXPECT_GT(rows, 0u);
  EXPECT_GT(repeated, 0u);
}

}  // namespace
}  // namespace insightflow
