// Whatever was ingested, an export that is imported into an empty store of the same seed gives the
// same export and the same answers; and an export's range and filters take what they say.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "insightflow/exporter.h"
#include "insightflow/importer.h"
#include "lib/model/event_rows.h"
#include "lib/model/predicate.h"
#include "tests/support/random_cases.h"
#include "tests/support/temp_dir.h"

namespace insightflow {
namespace {

using testing::Random;

constexpr std::int64_t kDay = 86'400'000;
constexpr std::int64_t kStartMs = 20'000 * kDay;

class Case {
 public:
  explicit Case(std::uint64_t seed) : random_(seed) {
    options_.durability = Durability::kNone;
    options_.clock = &clock_;
    options_.rules.require_session_id = options_.rules.require_page_url = false;
    options_.rules.dedupe_by_content = false;
    options_.dedupe_window = std::chrono::hours(24 * 365 * 100);
    engine_ = Open("a");
  }

  void RoundTrip() {
    // Copies of the empty store: users are in the order of a hash that each store seeds anew.
    ASSERT_TRUE(engine_->Backup(dir_ / "ndjson").ok());
    ASSERT_TRUE(engine_->Backup(dir_ / "csv").ok());
    for (int batches = 1 + static_cast<int>(random_.Below(5)); batches > 0; --batches) Ingest();
    Compare(ExportFormat::kNdjson, ImportFormat::kNdjson, "ndjson");
    Compare(ExportFormat::kCsv, ImportFormat::kCsv, "csv");
  }

  void Scopes() {
    for (int batches = 1 + static_cast<int>(random_.Below(5)); batches > 0; --batches) Ingest();
    const std::vector<Filter> filters = {
        {"event_type", FilterOp::kIn, {std::string("view"), std::string("=click")}},
        {"user_id", FilterOp::kContains, {std::string("1")}},
        {"page_url", FilterOp::kExists, {}},
        {"tab_id", FilterOp::kNe, {std::string("tab")}},
        {"position_x", FilterOp::kGt, {std::int64_t{-5}}},
        {"extra_data.n", FilterOp::kLte, {1.5}},
        {"element_text", FilterOp::kStartsWith, {std::string("'")}},
    };
    for (int i = 0; i < 8; ++i) {
      ExportOptions options;
      if (random_.OneIn(2)) options.from = FromMillis(kStartMs + random_.Below(2 * kDay));
      if (random_.OneIn(2)) options.to = FromMillis(kStartMs + 2 * kDay + random_.Below(kDay));
      for (std::int64_t n = random_.Below(3); n > 0; --n) {
        options.filters.push_back(random_.Of(filters));
      }
      ExpectScope(options);
    }
  }

 private:
  std::unique_ptr<Engine> Open(const std::string& name) {
    options_.data_dir = dir_ / name;
    auto engine = Engine::Open(options_);
    EXPECT_TRUE(engine.ok()) << engine.status().ToString();
    return engine.ok() ? std::move(*engine) : nullptr;
  }

  static std::string Export(const Engine& engine, const ExportOptions& options) {
    std::string all;
    const Status status = engine.Export(options, [&](std::string_view lines) {
      EXPECT_FALSE(lines.empty());
      all += lines;
      return Status::Ok();
    });
    EXPECT_TRUE(status.ok()) << status.ToString();
    return all;
  }

  void Compare(ExportFormat format, ImportFormat import, const std::string& name) {
    const ExportOptions options{.format = format};
    const std::string first = Export(*engine_, options);
    const std::unique_ptr<Engine> other = Open(name);
    ASSERT_NE(other, nullptr);
    auto importer = Importer::Create(*other, {.format = import});
    ASSERT_TRUE(importer.ok());
    ASSERT_TRUE((*importer)->Add(first).ok());
    const auto result = (*importer)->Finish();
    ASSERT_TRUE(result.ok()) << result.status().ToString();
    EXPECT_EQ(result->accepted, events_.size());
    ASSERT_TRUE(result->errors.empty()) << result->errors[0].index << result->errors[0].message;
    EXPECT_TRUE(Export(*other, options) == first) << name << ":\n" << first;
    const SessionsQuery query{.breakdown = Breakdown{.field = "page_url"}};
    const auto answer = engine_->Query(query);
    const auto again = other->Query(query);
    ASSERT_TRUE(answer.ok()) << answer.status().ToString();
    ASSERT_TRUE(again.ok()) << again.status().ToString();
    EXPECT_EQ(answer->body, again->body);
  }

  void ExpectScope(const ExportOptions& options) {
    EventBatch batch;
    AppendEvents(events_, &batch);
    std::multimap<std::int64_t, std::string> expected;
    std::string scratch;
    for (std::size_t row = 0; row < events_.size(); ++row) {
      const Timestamp time = events_[row].timestamp;
      bool taken = (!options.from || time >= *options.from) && (!options.to || time < *options.to);
      for (const Filter& filter : options.filters) {
        const auto predicate = Predicate::Create(filter);
        ASSERT_TRUE(predicate.ok());
        taken &= predicate->Matches(ValueOf(batch, row, predicate->field(), &scratch));
      }
      if (taken) expected.emplace(ToMillis(time), events_[row].user_id);
    }
    const std::string lines = Export(*engine_, options);
    const auto count = std::count(lines.begin(), lines.end(), '\n');
    ASSERT_EQ(count, expected.size());
    for (const auto& [time, user] : expected) {
      EXPECT_NE(lines.find("\"timestamp\":" + std::to_string(time)), std::string::npos);
    }
  }

  void Ingest() {
    std::vector<Event> batch(static_cast<std::size_t>(1 + random_.Below(40)));
    for (Event& event : batch) {
      event = !events_.empty() && random_.OneIn(10) ? random_.Of(events_) : MakeEvent();
      if (!event.event_id.empty()) event.event_id = Text(40) + std::to_string(next_id_++);
    }
    const auto result = engine_->Ingest(batch);
    ASSERT_TRUE(result.ok()) << result.status().ToString();
    ASSERT_EQ(result->accepted, batch.size());
    if (random_.OneIn(3)) {
      ASSERT_TRUE(engine_->Fold().ok());
    }
    events_.insert(events_.end(), batch.begin(), batch.end());
  }

  Event MakeEvent() {
    Event event;
    if (random_.OneIn(2)) event.event_id = "id";
    event.user_id = Maybe(3) + "u" + std::to_string(random_.Below(6));
    event.event_type = random_.Of(std::vector<std::string>{"view", "=click", "'+1", "a,\"b\""});
    // Few times, so that many are equal; some before 1973, whose milliseconds are short.
    const std::int64_t time = kStartMs + random_.Below(3 * kDay) / 7'200'000 * 7'200'000;
    event.timestamp = FromMillis(random_.OneIn(20) ? 1 + random_.Below(100) : time);
    event.session_id = Maybe(40);
    event.page_url = Maybe(random_.OneIn(20) ? 3000 : 30);
    event.page_title = Maybe(random_.OneIn(20) ? 400 : 30);
    event.referrer = Maybe(30);
    event.element = Maybe(30);
    event.element_id = Maybe(30);
    event.element_class = Maybe(30);
    event.element_text = Maybe(30);
    event.user_agent = Maybe(60);
    if (random_.OneIn(2)) event.ip_address = "10.1.2.3";
    event.tab_id = random_.OneIn(3) ? "tab" : Maybe(20);
    if (random_.OneIn(3)) event.seq = random_.OneIn(3) ? UINT64_MAX : 7;
    if (random_.OneIn(3)) event.position_x = static_cast<int>(random_.Between(-9, 9));
    if (random_.OneIn(3)) event.position_y = INT32_MIN;
    event.extra_data = random_.Of(std::vector<std::string>{
        "", "", "{}", R"({"n":1,"=s":"a,\"b\"\n\u0001","l":[1.50,{"x":null}]})",
        R"({"n":2,"page_title":"'=lifted","query":"a=1&token=x"})",
        R"({ "spaced" : "\ud83d\ude00" })"});
    return event;
  }

  std::string Maybe(std::int64_t bytes_max) { return random_.OneIn(2) ? Text(bytes_max) : ""; }

  std::string Text(std::int64_t bytes_max) {
    static const std::vector<std::string> kPieces = {"=",
                                                     "+",
                                                     "-",
                                                     "@",
                                                     "'",
                                                     "\t",
                                                     "\r",
                                                     "\n",
                                                     ",",
                                                     "\"",
                                                     "\"\"",
                                                     "\\",
                                                     "\x01",
                                                     "\x7f",
                                                     " ",
                                                     "a",
                                                     "/b",
                                                     "?token=c",
                                                     "\xc3\xa9",
                                                     "\xe2\x80\xa8",
                                                     "\xf0\x9f\x98\x80",
                                                     std::string(1, '\0')};
    std::string text;
    const std::int64_t pieces = random_.OneIn(4) ? bytes_max : random_.Below(6);
    for (std::int64_t i = 0; i < pieces; ++i) {
      const std::string& piece = random_.Of(kPieces);
      if (text.size() + piece.size() > static_cast<std::size_t>(bytes_max)) break;
      text += piece;
    }
    return text;
  }

  Random random_;
  TempDir dir_;
  ManualClock clock_{FromMillis(kStartMs + 12 * kDay)};
  EngineOptions options_;
  std::unique_ptr<Engine> engine_;
  std::vector<Event> events_;
  std::uint64_t next_id_ = 0;
};

TEST(Export, ImportedAgainIsTheSame) {
  const std::uint64_t seed = testing::RandomSeed();
  for (int i = 0; i < testing::RandomCases(8) && !::testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE("seed " + std::to_string(seed + static_cast<std::uint64_t>(i)));
    Case(seed + static_cast<std::uint64_t>(i)).RoundTrip();
  }
}

TEST(Export, TakesWhatItsRangeAndFiltersSay) {
  const std::uint64_t seed = testing::RandomSeed();
  for (int i = 0; i < testing::RandomCases(8) && !::testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE("seed " + std::to_string(seed + static_cast<std::uint64_t>(i)));
    Case(seed + static_cast<std::uint64_t>(i)).Scopes();
  }
}

}  // namespace
}  // namespace insightflow
