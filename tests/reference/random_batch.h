// Random batches of events for tests, and what makes two batches equal.
#pragma once

#include <cstdint>
#include <limits>
#include <ostream>
#include <random>
#include <string>

#include "lib/model/batch.h"
#include "lib/model/key.h"

namespace insightflow::testing {

class RandomBatch {
 public:
  static constexpr std::uint64_t kHashSeed = 99;

  explicit RandomBatch(std::uint64_t seed) : random_(seed) {}

  // Of each column, how full, how distinct and how long is drawn anew for every batch.
  void Fill(std::size_t rows, EventBatch* batch) {
    batch->Clear();
    for (std::size_t row = 0; row < rows; ++row) batch->PushRow(0);
    FillTimes(batch);
    for (std::size_t f = 0; f < kFieldCount; ++f) {
      FillText(rows, kFieldRules[f].bytes_max, &batch->text[f]);
    }
    FillIds(batch);
    if (Chance(50)) {
      FillBytes(rows, 300, &batch->extra_data);
    } else {
      FillProperties(rows, &batch->extra_data);
    }
    FillNumbers(batch);
    if (follows_types_) FollowTypes(batch);
  }
  // Whether in all further batches most rows have, by their event type, the same fields, a page
  // has one title, and positions are multiples.
  void FollowTypes(bool follow) { follows_types_ = follow; }

  std::uint64_t Below(std::uint64_t n) { return random_() % n; }
  bool Chance(std::uint64_t percent) { return Below(100) < percent; }

  // Any bytes: the log does not read text.
  std::string Bytes(std::size_t size) {
    std::string bytes(size, '\0');
    for (char& c : bytes) c = static_cast<char>(random_());
    return bytes;
  }
  std::string Digits(std::size_t size) {
    std::string digits(size, '0');
    for (char& c : digits) c = "0123456789abcdef"[Below(16)];
    return digits;
  }
  std::string Uuid() {
    std::string uuid = Digits(36);
    for (const std::size_t hyphen : {8, 13, 18, 23}) uuid[hyphen] = '-';
    return uuid;
  }

 private:
  static bool Has(std::string_view type, std::size_t what) {
    return HashBytes(type, what) % 2 == 0;
  }
  void FollowTypes(EventBatch* batch) {
    FollowTypes(batch, Field::kEventType);
    for (std::size_t f = 0; f < kFieldCount; ++f) {
      if (f > static_cast<std::size_t>(Field::kEventType)) FollowTypes(batch, Field(f));
    }
    for (std::size_t row = 0; row < batch->rows; ++row) {
      if (!batch->position_x.empty()) batch->position_x[row] = batch->position_x[row] / 20 * 20;
      if (Chance(2)) continue;
      const std::string_view type = batch->column(Field::kEventType).At(row);
      const bool positions = !batch->position_x.empty() && Has(type, kFieldCount);
      batch->flags[row] = positions ? kHasPositionX | kHasPositionY : 0;
    }
  }
  // Most values go or are others.
  void FollowTypes(EventBatch* batch, Field field) {
    DictColumn& column = batch->column(field);
    const DictColumn before = column;
    column.Clear();
    for (std::size_t row = 0; row < batch->rows; ++row) {
      const std::string_view type = batch->column(Field::kEventType).At(row);
      if (field == Field::kEventType) {
        column.Set(row, "type" + std::to_string(Below(Below(4) + 1)));
      } else if (Chance(2) || Has(type, static_cast<std::size_t>(field))) {
        const std::string_view page = batch->column(Field::kPageUrl).At(row);
        const bool titled = field == Field::kPageTitle && !page.empty() && Chance(97);
        column.Set(row, titled ? "Title of " + std::string(page.substr(0, 2)) : before.At(row));
      }
    }
  }

  std::uint64_t Percent() {
    constexpr std::uint64_t kPercents[] = {0, 3, 50, 97, 100};
    return kPercents[Below(std::size(kPercents))];
  }

  void FillTimes(EventBatch* batch) {
    constexpr std::uint64_t kSpreads[] = {1, 200, 70'000, 1ull << 40, UINT64_MAX};
    const std::uint64_t spread = kSpreads[Below(std::size(kSpreads))];
    const bool sorted = Chance(50);
    std::uint64_t time = random_() >> Below(64);
    for (std::int64_t& time_ms : batch->time_ms) {
      if (sorted) time += Below(spread);
      time_ms = static_cast<std::int64_t>(sorted ? time : time + Below(spread));
    }
    if (Chance(5)) batch->time_ms.front() = std::numeric_limits<std::int64_t>::min();
    if (Chance(5)) batch->time_ms.back() = std::numeric_limits<std::int64_t>::max();
  }

  void FillText(std::size_t rows, std::size_t bytes_max, DictColumn* column) {
    const std::uint64_t set = Percent();
    const std::uint64_t distinct = 1 + Below(Chance(50) ? 5 : rows * 2);
    const std::size_t length = 1 + Below(Chance(3) ? bytes_max : 12);
    std::uint64_t unused = Chance(30) ? 3 : 0;
    for (std::size_t row = 0; row < rows; ++row) {
      if (unused > 0 && Chance(50)) column->Intern("unused" + std::to_string(unused--));
      if (!Chance(set)) continue;
      std::string value = std::to_string(Below(distinct));
      value.resize(std::max<std::size_t>(value.size(), 1 + Below(length)), 'x');
      column->Set(row, value);
    }
  }

  std::string Id(std::uint64_t kind) {
    switch (kind) {
      case 0: return Digits(32);
      case 1: return Uuid();
      case 2: return Bytes(1 + Below(kEventIdBytesMax));
      case 3: return NearlyPacked();
      default: return {};
    }
  }
  // The right length, one wrong character.
  std::string NearlyPacked() {
    std::string id = Chance(50) ? Digits(32) : Uuid();
    id[Below(id.size())] = "gAF-/:@`\0\xff"[Below(10)];
    return id;
  }

  void FillIds(EventBatch* batch) {
    const bool mixed = Chance(40);
    const std::uint64_t kind = Below(6);
    for (std::size_t row = 0; row < batch->rows; ++row) {
      const std::string id = Id(mixed ? Below(6) : kind);
      batch->event_id.Set(row, id);
      if (!id.empty()) {
        batch->keys[row] = EventIdKey(id, kHashSeed);
      } else if (!Chance(20)) {
        batch->keys[row] = {random_(), random_()};
      }
    }
  }

  void FillBytes(std::size_t rows, std::size_t bytes_max, BytesColumn* column) {
    const std::uint64_t set = Percent();
    for (std::size_t row = 0; row < rows; ++row) {
      if (Chance(set)) column->Set(row, R"({"k":")" + Digits(Below(bytes_max)) + R"("})");
    }
  }

  // Few keys, many numbers.
  void FillProperties(std::size_t rows, BytesColumn* column) {
    const std::uint64_t set = Percent();
    const std::uint64_t keys = 1 + Below(60);
    const std::uint64_t shift = Below(64);
    for (std::size_t row = 0; row < rows; ++row) {
      if (!Chance(set)) continue;
      std::string text = R"({"k)";
      text += static_cast<char>('A' + Below(keys));
      text += R"(":)" + std::to_string(random_() >> shift);
      if (Chance(10)) text += ".00" + std::to_string(Below(1'000));
      column->Set(row, text + "}");
    }
  }

  void FillNumbers(EventBatch* batch) {
    const std::uint64_t position = Percent();
    const std::uint64_t seq = Percent();
    const std::uint64_t shift = Below(64);
    batch->position_x.assign(position == 0 ? 0 : batch->rows, 77);
    batch->position_y.assign(position == 0 ? 0 : batch->rows, 77);
    batch->client_seq.assign(seq == 0 ? 0 : batch->rows, 77);
    for (std::size_t row = 0; row < batch->rows; ++row) {
      if (Chance(position)) {
        batch->position_x[row] = static_cast<std::int32_t>(random_() >> shift);
        batch->flags[row] |= kHasPositionX;
      }
      if (Chance(position)) {
        batch->position_y[row] = static_cast<std::int32_t>(random_());
        batch->flags[row] |= kHasPositionY;
      }
      if (Chance(seq)) {
        batch->client_seq[row] = (random_() >> shift) + row;
        batch->flags[row] |= kHasClientSeq;
      }
      if (Chance(10)) batch->flags[row] |= kTruncated;
      if (Chance(5)) batch->flags[row] |= kLineKey;
    }
  }

  bool follows_types_ = false;
  std::mt19937_64 random_;
};

// Writes what row `row` of a batch says; two rows are equal when these texts are.
inline std::string DescribeRow(const EventBatch& batch, std::size_t row) {
  std::string out = std::to_string(batch.time_ms[row]);
  const std::uint8_t flags = batch.flags[row] & kStoredFlags;
  const auto add = [&out](std::string_view name, std::string_view value) {
    out.append(" ").append(name).append("=").append(value);
  };
  add("flags", std::to_string(flags));
  for (std::size_t f = 0; f < kFieldCount; ++f) {
    if (batch.text[f].CodeAt(row) != 0) add(kFieldRules[f].name, batch.text[f].At(row));
  }
  if (flags & kHasPositionX) add("x", std::to_string(batch.position_x[row]));
  if (flags & kHasPositionY) add("y", std::to_string(batch.position_y[row]));
  if (flags & kHasClientSeq) add("seq", std::to_string(batch.client_seq[row]));
  add("event_id", batch.event_id.At(row));
  add("key", std::to_string(batch.keys[row].low) + "," + std::to_string(batch.keys[row].high));
  add("extra_data", batch.extra_data.At(row));
  return out;
}

// Empty when both batches have equal rows, else the first difference.
inline std::string FirstDifference(const EventBatch& a, const EventBatch& b) {
  if (a.rows != b.rows) return std::to_string(a.rows) + " rows, " + std::to_string(b.rows);
  for (std::size_t row = 0; row < a.rows; ++row) {
    const std::string in_a = DescribeRow(a, row);
    const std::string in_b = DescribeRow(b, row);
    if (in_a != in_b) return "row " + std::to_string(row) + ":\n" + in_a + "\n" + in_b;
  }
  return {};
}

}  // namespace insightflow::testing
