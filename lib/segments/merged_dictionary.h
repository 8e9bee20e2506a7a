// The dictionary that a field has in a merged segment.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "insightflow/status.h"
#include "lib/model/batch.h"
#include "lib/model/field.h"
#include "lib/segments/segment_merger.h"
#include "lib/segments/title_counter.h"

namespace insightflow {
inline namespace v1 {

// Empty when no row has the field; shared: one for the segment; else each block has its own.
class MergedDictionary {
 public:
  // Reads the dictionaries of all inputs and, for a shared one, counts their codes. `pages`: for
  // titles the dictionary of pages, else null.
  Status Merge(Field field, std::span<const MergeInput> inputs, const MergedDictionary* pages,
               const std::function<bool()>& cancelled);

  bool empty() const { return empty_; }
  bool shared() const { return shared_; }
  // Of a shared one.
  std::uint32_t entries() const { return static_cast<std::uint32_t>(order_.size()); }
  // Of a shared one, the most frequent first. Views into it.
  std::vector<std::string_view> Texts() const;
  // Makes a block's codes of the field those of a shared one. Otherwise leaves them as they are,
  // but narrow types become as wide as others.
  void Translate(Field field, std::size_t input, SegmentBlock* block) const;
  // Of a shared one: what the codes of an input become.
  const std::vector<std::uint32_t>& NewCodes(std::size_t input) const { return codes_[input]; }
  // TitleCounter::Titles, when it is the shared one of titles and pages share one too; else empty.
  const std::vector<std::uint32_t>& titles() const { return titles_; }

 private:
  // False when the values do not fit into one dictionary.
  Result<bool> Unite(Field field, std::span<const MergeInput> inputs);
  Status Count(Field field, std::span<const MergeInput> inputs, const MergedDictionary* pages,
               TitleCounter* titles, const std::function<bool()>& cancelled,
               std::vector<std::uint32_t>* counts) const;

  bool empty_ = true;
  bool shared_ = false;
  DictColumn values_;
  std::vector<std::uint32_t> order_;               // codes of values_
  std::vector<std::vector<std::uint32_t>> codes_;  // by input, by its code
  std::vector<std::uint32_t> titles_;
};

// What a merge that was told to stop returns.
Status MergeCancelled();

}  // namespace v1
}  // namespace insightflow
