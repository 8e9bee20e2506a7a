// The greatest counts by value.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "insightflow/result.h"
#include "lib/analytics/stop.h"
#include "lib/model/value_table.h"

namespace insightflow {
inline namespace v1 {

struct CodeCount {
  std::uint32_t code = 0;
  std::uint64_t count = 0;
};

// The first few of rows that come one by one, in the order that `before` says, while only these are
// kept. O(log limit) a row at most. What it has means nothing once `stop` is over.
template <typename Row, typename Before>
class FirstFew {
 public:
  FirstFew(std::size_t limit, Before before, Stop* stop)
      : limit_(limit), before_(std::move(before)), stop_(stop) {}

  void Add(const Row& row) {
    ++rows_;
    const bool is_full = first_.size() >= limit_;
    if (stop_->Worked(1) || limit_ == 0 || (is_full && !before_(row, first_.front()))) return;
    if (is_full) {
      std::pop_heap(first_.begin(), first_.end(), before_);
      first_.pop_back();
    }
    first_.push_back(row);
    std::push_heap(first_.begin(), first_.end(), before_);
    (void)stop_->Worked(8);  // a heap's way down is a comparison a level
  }
  // How many others there were.
  std::size_t left_out() const { return rows_ - first_.size(); }
  // In order; nothing must be added any more.
  const std::vector<Row>& InOrder() {
    if (!stop_->Worked(first_.size())) std::sort_heap(first_.begin(), first_.end(), before_);
    return first_;
  }

 private:
  const std::size_t limit_;
  const Before before_;
  Stop* const stop_;
  std::size_t rows_ = 0;
  std::vector<Row> first_;  // a heap, the last of them at its top
};

// Greatest counts first, equal ones in order of their values.
struct IsGreaterCount {
  const ValueTable* values;
  bool operator()(const CodeCount& a, const CodeCount& b) const {
    if (a.count != b.count) return a.count > b.count;
    return values->Text(a.code) < values->Text(b.code);
  }
};
class TopCodes : public FirstFew<CodeCount, IsGreaterCount> {
 public:
  TopCodes(std::size_t limit, const ValueTable& values, Stop* stop)
      : FirstFew(limit, IsGreaterCount{&values}, stop), values_(values) {}

  // As InOrder.
  std::vector<TopRow> Rows() {
    std::vector<TopRow> rows;
    for (const CodeCount& row : InOrder()) {
      rows.push_back({.value = std::string(values_.Text(row.code)), .count = row.count});
    }
    return rows;
  }

 private:
  const ValueTable& values_;
};

}  // namespace v1
}  // namespace insightflow
