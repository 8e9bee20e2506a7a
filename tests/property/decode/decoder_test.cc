// Random input against obvious twins. INSIGHTFLOW_SEED repeats a run.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "lib/base/utf8.h"
#include "lib/decode/csv.h"
#include "lib/validate/time_text.h"
#include "tests/reference/decode_reference.h"
#include "tests/support/decoding.h"
#include "tests/support/random_cases.h"

namespace insightflow::testing {
namespace {

class DecoderProperty : public ::testing::Test {
 protected:
  DecoderProperty() : random_(testing::RandomSeed()) {}

  std::size_t Below(std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_);
  }
  bool Chance(int percent) { return Below(100) < static_cast<std::size_t>(percent); }

  std::string Text(std::size_t characters_max) {
    static const std::vector<std::string> kPieces = {
        "a", "Z", "0",  " ",    "\"", "\\", "/", "\n", "\t", "\r", "\b", "\f",      "é",
        "€", "😀", "購", "\x7f", "u",  "{",  "}", "[",  ":",  ",",  "'",  "\xc2\x85"};
    std::string text;
    for (std::size_t n = Below(characters_max + 1); n > 0; --n)
      text += kPieces[Below(kPieces.size())];
    return text;
  }

  // An independent writer: each character in one of the ways that JSON allows.
  std::string Json(std::string_view text) {
    std::string out = "\"";
    for (std::size_t i = 0; i < text.size();) {
      const auto lead = static_cast<unsigned char>(text[i]);
      const std::size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
      const bool must = lead < 0x20 || lead == '"' || lead == '\\';
      if (must || (!plain_ && Chance(20))) {
        std::uint32_t code = length == 1   ? lead
                             : length == 2 ? lead & 31
                             : length == 3 ? lead & 15
                                           : lead & 7;
        for (std::size_t k = 1; k < length; ++k) code = code * 64 + (text[i + k] & 63);
        char buffer[16];
        if (code > 0xffff) {
          std::snprintf(buffer, sizeof buffer, "\\u%04x\\u%04X", 0xd800 + ((code - 0x10000) >> 10),
                        0xdc00 + (code & 0x3ff));
        } else {
          std::snprintf(buffer, sizeof buffer, Chance(50) ? "\\u%04x" : "\\u%04X", code);
        }
        out += buffer;
      } else {
        out += text.substr(i, length);
      }
      i += length;
    }
    return out + "\"";
  }

  std::string Space() {
    static const char* kSpaces[] = {"", "", "", " ", "\n", "\t\r\n  "};
    return plain_ ? "" : kSpaces[Below(6)];
  }

  Event RandomEvent() {
    Event e;
    e.user_id = "u" + std::to_string(Below(50));
    e.session_id = "s" + Text(5);
    e.event_type = "type" + std::to_string(Below(5));
    e.page_url = "/p" + std::to_string(Below(100));
    e.timestamp = FromMillis(1 + static_cast<std::int64_t>(Below(kNow)));
    if (Chance(30)) e.event_id = "id" + Text(8);
    for (std::string* field : {&e.page_title, &e.element, &e.element_id, &e.element_class,
                               &e.element_text, &e.user_agent}) {
      if (Chance(40)) *field = Text(60);
    }
    if (Chance(20)) e.tab_id = "tab";
    if (Chance(30)) e.seq = random_();
    if (Chance(30)) e.position_x = static_cast<std::int32_t>(random_());
    if (Chance(30)) e.position_y = static_cast<std::int32_t>(random_());
    if (Chance(50)) {
      e.extra_data = "{\"k" + std::to_string(Below(9)) + "\":[" + std::to_string(Below(1000)) +
                     "," + Json(Text(9)) + ",{\"z\":-1.5e3,\"n\":null}]}";
    }
    return e;
  }

  std::string ToJson(const Event& e) {
    plain_ = Chance(50);  // as most clients write, for which there are shorter ways
    std::vector<std::string> members;
    const auto add = [&](std::string_view name, const std::string& value) {
      members.push_back(Space() + Json(name) + Space() + ":" + Space() + value + Space());
    };
    const auto text = [&](std::string_view name, const std::string& value) {
      if (!value.empty())
        add(name, Json(value));
      else if (Chance(10))
        add(name, "null");
    };
    text("event_id", e.event_id);
    text("user_id", e.user_id);
    text("session_id", e.session_id);
    text("event_type", e.event_type);
    text("page_url", e.page_url);
    text("page_title", e.page_title);
    text("element", e.element);
    text("element_id", e.element_id);
    text("element_class", e.element_class);
    text("element_text", e.element_text);
    text("user_agent", e.user_agent);
    text("tab_id", e.tab_id);
    add("timestamp", std::to_string(ToMillis(e.timestamp)));
    if (e.seq) add("seq", std::to_string(*e.seq));
    if (e.position_x) add("position_x", std::to_string(*e.position_x));
    if (e.position_y) add("position_y", std::to_string(*e.position_y));
    if (!e.extra_data.empty()) add("extra_data", e.extra_data);
    if (!plain_) std::shuffle(members.begin(), members.end(), random_);
    std::string out = "{";
    for (std::size_t i = 0; i < members.size(); ++i) out += (i == 0 ? "" : ",") + members[i];
    return out + "}";
  }

  std::mt19937_64 random_;
  bool plain_ = false;
};

void ExpectEqual(const EventBatch& a, const EventBatch& b) {
  ASSERT_EQ(a.rows, b.rows);
  for (std::size_t row = 0; row < a.rows; ++row) {
    for (std::size_t f = 0; f < kFieldCount; ++f) {
      ASSERT_EQ(a.text[f].At(row), b.text[f].At(row)) << kFieldRules[f].name;
    }
    ASSERT_EQ(a.time_ms[row], b.time_ms[row]);
    ASSERT_EQ(a.flags[row], b.flags[row]);
    ASSERT_EQ(a.keys[row], b.keys[row]);
    ASSERT_EQ(a.event_id.At(row), b.event_id.At(row));
    ASSERT_EQ(a.extra_data.At(row), b.extra_data.At(row));
    if ((a.flags[row] & kHasPositionX) != 0) {
      ASSERT_EQ(a.position_x[row], b.position_x[row]);
    }
    if ((a.flags[row] & kHasPositionY) != 0) {
      ASSERT_EQ(a.position_y[row], b.position_y[row]);
    }
    if ((a.flags[row] & kHasClientSeq) != 0) {
      ASSERT_EQ(a.client_seq[row], b.client_seq[row]);
    }
  }
}

TEST_F(DecoderProperty, JsonOfAnEventReadsAsTheEvent) {
  Decoder decoder;
  for (int round = 0; round < 300; ++round) {
    std::vector<Event> events(Below(12));
    std::string body = Space() + "[";
    for (std::size_t i = 0; i < events.size(); ++i) {
      events[i] = RandomEvent();
      body += (i == 0 ? "" : ",") + Space() + ToJson(events[i]) + Space();
    }
    body += "]" + Space();
    DecodedBatch from_json;
    DecodedBatch from_events;
    ASSERT_TRUE(decoder.DecodeJson(body, Context(), &from_json).ok()) << body;
    DecodeEvents(events.data(), events.size(), Context(), &from_events);
    ASSERT_EQ(from_json.received, events.size());
    ASSERT_EQ(from_json.truncated, from_events.truncated);
    ExpectEqual(from_json.batch, from_events.batch);
    for (std::size_t i = 0; i < events.size(); ++i) {
      ASSERT_EQ(from_json.batch.Text(Field::kUserId, i), events[i].user_id);
      ASSERT_EQ(from_json.batch.Text(Field::kPageTitle, i),
                reference::CutUtf8(events[i].page_title, 256));
      ASSERT_EQ(from_json.batch.Text(Field::kElement, i),
                reference::CutUtf8(events[i].element, 128));
      ASSERT_EQ(from_json.batch.time_ms[i], ToMillis(events[i].timestamp));
      ASSERT_EQ(from_json.batch.extra_data.At(i), events[i].extra_data);
    }
  }
}

TEST_F(DecoderProperty, ChangedBytesNeverUpsetTheAccounts) {
  Decoder decoder;
  for (int round = 0; round < 3000; ++round) {
    std::string lines = ToJson(RandomEvent()) + "," + ToJson(RandomEvent());
    std::string body = "[" + lines + "]";
    for (std::size_t n = 1 + Below(4); n > 0; --n) {
      const std::size_t at = Below(body.size());
      switch (Below(4)) {
        case 0: body[at] = static_cast<char>(random_()); break;
        case 1: body.erase(at, 1 + Below(5)); break;
        case 2: body.insert(at, 1, "\"\\{}[]:,\n0e-\xff"[Below(13)]); break;
        default: body[at] = static_cast<char>(body[at] ^ (1 << Below(8)));
      }
      if (body.empty()) body = "x";
    }
    DecodedBatch out;
    const Status status = decoder.DecodeJson(body, Context(), &out);
    ExpectAccounted(out);
    if (status.ok()) {
      ASSERT_GE(out.received, 1u);
    } else {
      ASSERT_EQ(out.received, 0u);
    }
    decoder.DecodeNdjson(body, 1, Context(), &out);
    ExpectAccounted(out);
    decoder.DecodeCombined(body, 1, Context(), &out);
    ExpectAccounted(out);
    ASSERT_EQ(out.batch.rows, 0u);
  }
}

TEST_F(DecoderProperty, LinesInABlockReadAsEachLineAlone) {
  Decoder decoder;
  for (int round = 0; round < 200; ++round) {
    std::vector<std::string> lines;
    std::string block;
    for (std::size_t n = Below(20); n > 0; --n) {
      std::string line = ToJson(RandomEvent());
      std::erase(line, '\n');
      if (Chance(15)) line.resize(1 + Below(line.size()));
      if (Chance(5)) line += "\"";
      if (Chance(5)) line[Below(line.size())] = '\xff';
      lines.push_back(line);
      block += line + "\n";
    }
    DecodedBatch together;
    decoder.DecodeNdjson(block, 1, Context(), &together);
    ExpectAccounted(together);
    EventBatch apart;
    std::size_t rejected = 0;
    for (std::size_t i = 0; i < lines.size(); ++i) {
      DecodedBatch one;
      decoder.DecodeNdjson(lines[i], i + 1, Context(), &one);
      apart.Append(one.batch);
      for (const RejectedEvent& event : one.rejected) {
        ASSERT_LT(rejected, together.rejected.size());
        ASSERT_EQ(together.rejected[rejected].why.index, event.why.index);
        ASSERT_EQ(together.rejected[rejected].why.code, event.why.code);
        ++rejected;
      }
    }
    ASSERT_EQ(together.rejected.size(), rejected);
    ExpectEqual(together.batch, apart);
  }
}

TEST_F(DecoderProperty, Utf8AgreesWithItsTwin) {
  for (int round = 0; round < 20'000; ++round) {
    std::string text = Text(30);
    ASSERT_EQ(FindInvalidUtf8(text), text.size());
    const std::size_t max = Below(text.size() + 2);
    ASSERT_EQ(CutUtf8(text, max), reference::CutUtf8(text, max));
    for (std::size_t n = Below(3); n > 0 && !text.empty(); --n) {
      text[Below(text.size())] = static_cast<char>(random_());
    }
    ASSERT_EQ(FindInvalidUtf8(text), reference::FindInvalidUtf8(text));
  }
}

TEST_F(DecoderProperty, TimesAgreeWithTheirTwin) {
  for (int round = 0; round < 20'000; ++round) {
    const int year = 1970 + static_cast<int>(Below(200));
    const int month = 1 + static_cast<int>(Below(12));
    const int day = 1 + static_cast<int>(Below(28));
    const auto ms = static_cast<std::int64_t>(Below(86'400'000));
    const int zone = static_cast<int>(Below(2879)) - 1439;
    char text[64];
    std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03d%c%02d:%02d", year, month,
                  day, static_cast<int>(ms / 3'600'000), static_cast<int>(ms / 60'000 % 60),
                  static_cast<int>(ms / 1000 % 60), static_cast<int>(ms % 1000),
                  zone < 0 ? '-' : '+', std::abs(zone) / 60, std::abs(zone) % 60);
    ASSERT_EQ(ParseIsoTime(text),
              reference::MillisOf(year, month, day, ms) - std::int64_t{zone} * 60'000)
        << text;
  }
}

TEST_F(DecoderProperty, CsvAgreesWithItsTwin) {
  for (int round = 0; round < 5000; ++round) {
    std::string text;
    for (std::size_t n = Below(40); n > 0; --n) {
      static const char* kPieces[] = {"a",    ",",   "\"",  "\n",   "\r\n",
                                      "\"\"", ",\"", "\",", "\"\n", "é"};
      text += kPieces[Below(10)];
    }
    const auto expected = reference::SplitCsv(text);
    std::vector<std::vector<std::string>> records;
    bool well_formed = true;
    CsvRecordReader reader;
    for (std::string_view rest = text; !rest.empty(); rest.remove_prefix(reader.size())) {
      reader.Read(rest);
      ASSERT_GT(reader.size(), 0u);
      well_formed = well_formed && reader.well_formed();
      records.emplace_back(reader.cells().begin(), reader.cells().end());
    }
    ASSERT_EQ(well_formed, expected.has_value()) << text;
    const std::size_t end = FindCsvRecordsEnd(text);
    ASSERT_TRUE(end == 0 || text[end - 1] == '\n');
    if (!expected) continue;
    ASSERT_EQ(records.size(), expected->size()) << text;
    for (std::size_t i = 0; i < records.size(); ++i) {
      ASSERT_EQ(records[i], (*expected)[i].cells) << text;
    }
    if (text.ends_with('\n')) {
      ASSERT_EQ(end, text.size()) << text;
    }
  }
}

TEST(HostileCorpusTest, EveryFileIsAccountedForByEveryDecoder) {
  namespace fs = std::filesystem;
  const fs::path corpus = fs::path(INSIGHTFLOW_SOURCE_DIR) / "tests/fuzz/corpus";
  std::size_t files = 0;
  Decoder decoder;
  for (const char* kind : {"json", "csv", "access_log"}) {
    for (const auto& entry : fs::directory_iterator(corpus / kind)) {
      std::ifstream file(entry.path(), std::ios::binary);
      const std::string bytes{std::istreambuf_iterator<char>(file), {}};
      SCOPED_TRACE(entry.path().filename());
      DecodedBatch out;
      const Status status = decoder.DecodeJson(bytes, Context(), &out);
      ExpectAccounted(out);
      EXPECT_TRUE(status.ok() || out.received == 0);
      decoder.DecodeNdjson(bytes, 1, Context(), &out);
      ExpectAccounted(out);
      decoder.DecodeCombined(bytes, 1, Context(), &out);
      ExpectAccounted(out);
      const auto schema = CsvSchema::Create("user_id,event_type,timestamp,x", {});
      decoder.DecodeCsv(bytes, 2, *schema, Context(), &out);
      ExpectAccounted(out);
      ++files;
    }
  }
  EXPECT_GE(files, 200u);
}

}  // namespace
}  // namespace insightflow::testing
