// Timelines as text, one line a user, so that two ways of making them can be compared.
#pragma once

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/model/text_walk.h"
#include "lib/model/timelines.h"

namespace insightflow::testing {

// What a visitor saw, by user. Values are texts and not codes, whose numbers differ from scan to
// scan; identities only say whether they are equal to the row's before.
class TimelineText final : public TimelineVisitor {
 public:
  // With `only_matches` rows that match no selector are passed over: they may be left out or not.
  explicit TimelineText(const ValueTable* values, bool only_matches = false, bool codes = false)
      : values_(values), only_matches_(only_matches), codes_(codes) {}

  Status Visit(const Timelines& timelines) override {
    late_batches += timelines.late_texts.pieces.empty() ? 0 : 1;
    walks_.clear();
    const std::size_t slots = std::max(timelines.texts.size(), timelines.late_texts.columns.size());
    for (std::size_t slot = 0; slot < slots; ++slot) walks_.emplace_back(timelines, slot);
    for (std::size_t run = 0; run < timelines.runs(); ++run) {
      if (timelines.user_ids.empty()) {
        AddRows(timelines, run);
        continue;
      }
      std::string text;
      std::optional<std::size_t> before;
      for (std::size_t row = timelines.RunBegin(run); row < timelines.run_ends[run]; ++row) {
        if (only_matches_ && !MatchesAny(timelines, row)) continue;
        text += Row(timelines, row, before) + "; ";
        before = row;
      }
      if (!before) continue;
      std::string& line = users[std::string(timelines.user_ids[run])];
      if (!line.empty()) line += "TWICE ";
      line += text;
    }
    return Status::Ok();
  }

  // As ScanPlan::text_selectors: other rows' texts are passed over.
  void AskTextsOf(const std::vector<std::size_t>& selectors) { text_selectors_ = selectors; }

  std::map<std::string, std::string> users;
  // In place of them without user ids: rows in any order, how often each was there.
  std::map<std::string, int> rows;
  std::size_t late_batches = 0;  // whose texts were not looked up before

 private:
  void AddRows(const Timelines& timelines, std::size_t run) {
    for (std::size_t row = timelines.RunBegin(run); row < timelines.run_ends[run]; ++row) {
      if (only_matches_ && !MatchesAny(timelines, row)) continue;
      std::string text = Row(timelines, row, std::nullopt);
      for (const auto& column : timelines.identities) text += std::to_string(column[row]) + " ";
      ++rows[text];
    }
  }
  static bool MatchesAny(const Timelines& timelines, std::size_t row) {
    if (!timelines.narrow_matches.empty()) return timelines.narrow_matches[row] != 0;
    return timelines.matches[row] != 0 ||
           (!timelines.more_matches.empty() && timelines.more_matches[row] != 0);
  }
  bool Matches(const Timelines& timelines, std::size_t row, std::size_t selector) const {
    if (timelines.narrow_matches.empty()) return timelines.Matches(row, selector);
    if (codes_) return timelines.narrow_matches[row] == selector + 1;
    return selector < 8 && (timelines.narrow_matches[row] >> selector & 1) != 0;
  }
  // By itself, or with others before and behind it.
  static std::uint32_t TextOf(TextWalk* walk, std::uint32_t row) {
    if (row % 2 == 0) return walk->At(row);
    const std::uint32_t rows[] = {row, 0, row / 2, row};
    std::uint32_t texts[std::size(rows)];
    walk->At(rows, texts);
    return texts[0] == texts[3] ? texts[3] : 0;
  }
  std::string Row(const Timelines& timelines, std::size_t row, std::optional<std::size_t> before) {
    std::string text = std::to_string(timelines.time_ms[row]) + " ";
    for (std::size_t s = 0; s < kSelectorsMax; ++s) {
      if (s >= 64 && timelines.more_matches.empty() && !codes_) break;
      if (Matches(timelines, row, s)) text += "s" + std::to_string(s) + " ";
    }
    for (std::size_t slot = 0; slot < walks_.size(); ++slot) {
      const std::size_t selector =
          text_selectors_.empty() ? ScanPlan::kEveryRow : text_selectors_[slot];
      if (selector != ScanPlan::kEveryRow && !Matches(timelines, row, selector)) continue;
      const std::uint32_t code = TextOf(&walks_[slot], static_cast<std::uint32_t>(row));
      text += "'" + std::string(values_->Text(code)) + "' ";
    }
    for (const auto& column : timelines.identities) {
      text += column[row] == 0 ? "-" : before && column[row] == column[*before] ? "same " : "new ";
    }
    for (const auto& column : timelines.numbers) {
      text += std::isnan(column[row]) ? "- " : std::to_string(column[row]) + " ";
    }
    return text;
  }

  const ValueTable* const values_;
  const bool only_matches_;
  const bool codes_;
  std::vector<std::size_t> text_selectors_;
  std::vector<TextWalk> walks_;  // of the timelines that are visited
};

}  // namespace insightflow::testing
