// Timelines as text, one line a user, so that two ways of making them can be compared.
#pragma once

#include <cmath>
#include <map>
#include <string>

#include "lib/model/timelines.h"

namespace insightflow::testing {

// What a visitor saw, by user. Values are texts and not codes, whose numbers differ from scan to
// scan; identities only say whether they are equal to the row's before.
class TimelineText final : public TimelineVisitor {
 public:
  explicit TimelineText(const ValueTable* values) : values_(values) {}

  Status Visit(const Timelines& timelines) override {
    for (std::size_t run = 0; run < timelines.runs(); ++run) {
      const std::string user(timelines.user_ids[run]);
      std::string& line = users[user];
      if (!line.empty()) line += "TWICE ";
      for (std::size_t row = timelines.RunBegin(run); row < timelines.run_ends[run]; ++row) {
        line += Row(timelines, row, row == timelines.RunBegin(run)) + "; ";
      }
    }
    return Status::Ok();
  }

  std::map<std::string, std::string> users;

 private:
  std::string Row(const Timelines& timelines, std::size_t row, bool first) const {
    std::string text = std::to_string(timelines.time_ms[row]) + " ";
    for (std::size_t s = 0; s < kSelectorsMax; ++s) {
      if (s >= 64 && timelines.more_matches.empty()) break;
      if (timelines.Matches(row, s)) text += "s" + std::to_string(s) + " ";
    }
    for (const auto& column : timelines.texts) {
      text += "'" + std::string(values_->Text(column[row])) + "' ";
    }
    for (const auto& column : timelines.identities) {
      text += column[row] == 0 ? "-" : !first && column[row] == column[row - 1] ? "same " : "new ";
    }
    for (const auto& column : timelines.numbers) {
      text += std::isnan(column[row]) ? "- " : std::to_string(column[row]) + " ";
    }
    return text;
  }

  const ValueTable* const values_;
};

}  // namespace insightflow::testing
