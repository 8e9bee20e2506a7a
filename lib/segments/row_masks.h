// The conditions of a plan as bits of a mask: bit s says that selector s still holds for a row, and
// the bit behind the last selector that every filter of the plan does. A condition on a dictionary
// column is judged once an entry; then a row's mask is the AND of one table entry a column.
//
// Immutable: threads may share it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "lib/model/field_ref.h"
#include "lib/model/predicate.h"
#include "lib/model/scan_plan.h"
#include "lib/segments/segment_block.h"

namespace insightflow {
inline namespace v1 {

inline constexpr std::size_t kMaskWordsMax = (kSelectorsMax + 1 + 63) / 64;
using Mask = std::array<std::uint64_t, kMaskWordsMax>;

inline constexpr std::size_t kCodeFilterBit = 7;

class RowMasks {
 public:
  // `plan` must outlive the masks.
  explicit RowMasks(const ScanPlan& plan);

  std::size_t words() const { return words_; }
  // What a row starts with: every condition holds.
  const Mask& all() const { return all_; }
  bool HasFilter(const Mask& mask) const {
    return (mask[filter_bit_ / 64] >> (filter_bit_ % 64) & 1) != 0;
  }
  std::size_t filter_bit() const { return filter_bit_; }
  // Of the selectors that hold, 1 + the first, 0 for none; with kCodeFilterBit if the filter does.
  std::uint8_t CodeOf(const std::uint64_t* mask) const;

  // Whether a condition looks at the text field.
  bool Uses(Field field) const { return text_tests_[static_cast<std::size_t>(field)].used; }
  // The masks of code 0 and each entry, words() words each.
  void FillTable(Field field, const SegmentTexts& texts, std::vector<std::uint64_t>* table) const;
  // That of one value of the field.
  Mask MaskOf(Field field, std::string_view text) const;

  // Conditions on what has no dictionary: judged row by row.
  struct RowTests {
    FieldRef field;
    Mask needed_by = {};  // bits that the tests may clear
    struct Test {
      const Predicate* predicate = nullptr;
      Mask bits = {};
    };
    std::vector<Test> tests;
  };
  std::span<const RowTests> row_tests() const { return row_tests_; }

  // Then a block that has none of the types has no event that matches.
  bool EverySelectorHasTypes() const { return every_selector_has_types_; }

 private:
  struct TextTests {
    bool used = false;
    std::vector<RowTests::Test> tests;
  };

  void AddTests(const std::vector<Predicate>& predicates, std::size_t bit);

  const ScanPlan& plan_;
  std::size_t filter_bit_ = 0;
  std::size_t words_ = 1;
  Mask all_ = {};
  bool every_selector_has_types_ = false;
  std::array<TextTests, kFieldCount> text_tests_;
  std::vector<RowTests> row_tests_;
};

}  // namespace v1
}  // namespace insightflow
