// The form and the order of exported lines, and what ends an export.
#include "insightflow/exporter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/engine/export_run.h"
#include "lib/model/event_rows.h"
#include "lib/segments/memory_segment.h"

namespace insightflow {
namespace {

constexpr std::int64_t kDayStart = 20'000 * kDayMs;

class ExportTest : public ::testing::Test {
 protected:
  void SetUp() override {
    EngineOptions options;
    options.durability = Durability::kNone;
    options.clock = &clock_;
    options.rules.require_session_id = options.rules.require_page_url = false;
    auto engine = Engine::Open(options);
    ASSERT_TRUE(engine.ok()) << engine.status().ToString();
    engine_ = std::move(*engine);
  }

  void Ingest(const std::vector<Event>& events) {
    const auto result = engine_->Ingest(events);
    ASSERT_TRUE(result.ok());
    ASSERT_EQ(result->accepted, events.size());
  }

  std::string Export(const ExportOptions& options = {}) {
    std::string all;
    const Status status = engine_->Export(options, [&](std::string_view lines) {
      EXPECT_TRUE(lines.ends_with('\n'));
      all += lines;
      return Status::Ok();
    });
    EXPECT_TRUE(status.ok()) << status.ToString();
    return all;
  }

  static Event View(std::string user, std::int64_t time_ms, std::string id = "") {
    Event event;
    event.event_id = std::move(id);
    event.user_id = std::move(user);
    event.event_type = "view";
    event.timestamp = FromMillis(time_ms);
    return event;
  }

  ManualClock clock_{FromMillis(kDayStart + 9 * kDayMs)};
  std::unique_ptr<Engine> engine_;
};

Event FullEvent() {
  Event event;
  event.event_id = "e1";
  event.user_id = "u1";
  event.session_id = "s1";
  event.event_type = "click";
  event.page_url = "/p";
  event.timestamp = FromMillis(kDayStart);
  event.page_title = "=A1+1";
  event.referrer = "https://r/";
  event.element = "a\"b";
  event.element_id = "id,1";
  event.element_class = "line\nbreak";
  event.element_text = "'-3";
  event.user_agent = "Agent";
  event.ip_address = "10.1.2.3";
  event.tab_id = "t1";
  event.seq = 18446744073709551615U;
  event.position_x = -4;
  event.position_y = 7;
  event.extra_data = R"({"plan":"pro","n":[1,2.50]})";
  return event;
}

TEST_F(ExportTest, WritesEveryFieldAsJson) {
  Ingest({FullEvent()});
  const std::string expected =
      R"({"event_id":"e1","user_id":"u1","session_id":"s1","event_type":"click",)"
      R"("page_url":"/p","timestamp":1728000000000,"page_title":"=A1+1",)"
      R"("referrer":"https://r/","element":"a\"b","element_id":"id,1",)"
      R"("element_class":"line\nbreak","element_text":"'-3","user_agent":"Agent",)"
      R"("ip_address":"10.1.2.0","tab_id":"t1","seq":18446744073709551615,)"
      R"("position_x":-4,"position_y":7,"extra_data":{"plan":"pro","n":[1,2.50]}})";
  EXPECT_EQ(Export(), expected + "\n");
}

TEST_F(ExportTest, WritesEveryFieldAsCsv) {
  Ingest({FullEvent()});
  EXPECT_EQ(Export({.format = ExportFormat::kCsv}),
            "event_id,user_id,session_id,event_type,page_url,timestamp,page_title,referrer,"
            "element,element_id,element_class,element_text,user_agent,ip_address,tab_id,seq,"
            "position_x,position_y,extra_data\n"
            "e1,u1,s1,click,/p,1728000000000,'=A1+1,https://r/,\"a\"\"b\",\"id,1\","
            "\"line\nbreak\",''-3,Agent,10.1.2.0,t1,18446744073709551615,-4,7,"
            "\"{\"\"plan\"\":\"\"pro\"\",\"\"n\"\":[1,2.50]}\"\n");
}

TEST_F(ExportTest, LeavesOutWhatIsAbsent) {
  Ingest({View("u", 5)});
  const std::string expected = R"({"user_id":"u","event_type":"view","timestamp":5})";
  EXPECT_EQ(Export(), expected + "\n");
  const std::string csv = Export({.format = ExportFormat::kCsv});
  EXPECT_EQ(csv.substr(csv.find('\n') + 1), ",u,,view,,000000000005,,,,,,,,,,,,,\n");
}

TEST_F(ExportTest, AnEmptyStoreIsAHeaderAtMost) {
  EXPECT_EQ(Export(), "");
  EXPECT_TRUE(Export({.format = ExportFormat::kCsv}).starts_with("event_id,"));
}

TEST_F(ExportTest, GoesDayByDayThenByUserThenByTimeThenByPlaceInTheLog) {
  Ingest({View("a", kDayStart + kDayMs, "a2"), View("b", kDayStart + 5, "b2")});
  Ingest({View("b", kDayStart + 5, "b3"), View("b", kDayStart + 1, "b1")});
  Ingest({View("a", kDayStart + 9, "a1"), View("b", kDayStart + kDayMs + 1, "b4")});
  const std::string lines = Export();
  const auto at = [&](const std::string& id) { return lines.find("\"" + id + "\""); };
  EXPECT_LT(at("b1"), at("b2"));
  EXPECT_LT(at("b2"), at("b3"));
  for (const char* late : {"a2", "b4"}) {
    EXPECT_LT(at("b3"), at(late));
    EXPECT_LT(at("a1"), at(late));
  }
  EXPECT_TRUE(at("a1") < at("b1") || at("a1") > at("b3"));  // users stay together
}

TEST_F(ExportTest, ComesInPiecesOfWholeLinesThatDoNotGrow) {
  std::vector<Event> events;
  for (int i = 0; i < 10'000; ++i) {
    events.push_back(View("u" + std::to_string(i % 7), kDayStart + i, "e" + std::to_string(i)));
  }
  Ingest(events);
  std::size_t pieces = 0;
  std::size_t lines_seen = 0;
  const Status status = engine_->Export({}, [&](std::string_view lines) {
    EXPECT_LT(lines.size(), kExportChunkBytes + 1000);
    EXPECT_TRUE(lines.starts_with('{') && lines.ends_with("}\n"));
    ++pieces;
    lines_seen += static_cast<std::size_t>(std::count(lines.begin(), lines.end(), '\n'));
    return Status::Ok();
  });
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(lines_seen, events.size());
  EXPECT_GT(pieces, 8U);
}

TEST_F(ExportTest, HoldsWhatWasThereWhenItWasMade) {
  Ingest({View("u", 1, "e1")});
  const auto exporter = Exporter::Create(*engine_, {});
  ASSERT_TRUE(exporter.ok());
  Ingest({View("u", 2, "e2")});
  std::string lines;
  while ((*exporter)->Next(&lines).value()) continue;
  EXPECT_NE(lines.find("e1"), std::string::npos);
  EXPECT_EQ(lines.find("e2"), std::string::npos);
  EXPECT_EQ((*exporter)->events(), 1U);
}

TEST_F(ExportTest, EndsWithTheSinksErrorWhenCancelledAndWhenTheEngineIsClosed) {
  Ingest({View("u", 1)});
  const Status full = ResourceExhausted("the disk is full");
  EXPECT_EQ(engine_->Export({}, [&](std::string_view) { return full; }), full);
  const std::atomic<bool> cancelled = true;
  const ExportOptions options{.cancelled = &cancelled};
  const auto ignore = [](std::string_view) { return Status::Ok(); };
  EXPECT_EQ(engine_->Export(options, ignore).code(), StatusCode::kCancelled);
  const auto exporter = Exporter::Create(*engine_, {});
  ASSERT_TRUE(engine_->Close().ok());
  std::string lines;
  EXPECT_EQ((*exporter)->Next(&lines).status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(engine_->Export({}, ignore).code(), StatusCode::kFailedPrecondition);
}

TEST_F(ExportTest, RefusesWhatMakesNoSense) {
  const auto code = [&](const ExportOptions& options) {
    return engine_->Export(options, [](std::string_view) { return Status::Ok(); }).code();
  };
  EXPECT_EQ(code({.from = FromMillis(2), .to = FromMillis(2)}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.filters = {{"nothing", FilterOp::kExists, {}}}}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.filters = {{"page_url", FilterOp::kEq, {}}}}), StatusCode::kInvalidArgument);
}

// A segment in memory that lacks one chunk.
class HoledSource final : public ChunkSource {
 public:
  HoledSource(std::unique_ptr<ChunkSource> inner, SegmentColumn hole)
      : inner_(std::move(inner)), hole_(hole) {}
  Result<std::string_view> Fetch(SegmentColumn column, std::uint32_t block) override {
    if (column == hole_) return NotFound("no such chunk");
    return inner_->Fetch(column, block);
  }

 private:
  const std::unique_ptr<ChunkSource> inner_;
  const SegmentColumn hole_;
};

TEST(ExportRun, FailsOnDamageAndNamesThePlace) {
  const SegmentKey key{20'000, 3};
  std::vector<Event> events(10, FullEvent());
  EventBatch batch;
  AppendEvents(events, &batch);
  SegmentBuilder builder(key, 1);
  ASSERT_TRUE(builder.Add(batch, 1).ok());
  MemorySegment segment;
  SegmentMeta meta;
  ASSERT_TRUE(builder.Finish(&segment, &meta).ok());
  const auto reader = segment.Open(key);
  ASSERT_TRUE(reader.ok());
  for (std::size_t c = 1; c < kSegmentColumns; ++c) {
    const auto hole = static_cast<SegmentColumn>(c);
    if (!meta.columns().Has(hole)) continue;
    auto scope = ExportScope::Create({});
    ASSERT_TRUE(scope.ok());
    const ScanInput input{nullptr, &*reader,
                          [&] { return std::make_unique<HoledSource>(segment.NewSource(), hole); }};
    ExportRun run({}, std::move(*scope), {input});
    std::string lines;
    const auto next = run.Next(&lines);
    ASSERT_EQ(next.status().code(), StatusCode::kDataLoss) << ColumnName(hole);
    EXPECT_NE(next.status().message().find(ColumnName(hole)), std::string::npos)
        << next.status().message();
    EXPECT_EQ(run.Next(&lines).status(), next.status());  // and stays failed
    EXPECT_EQ(lines, "");
  }
}

}  // namespace
}  // namespace insightflow
