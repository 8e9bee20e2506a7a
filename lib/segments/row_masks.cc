#include "lib/segments/row_masks.h"

#include <algorithm>
#include <bit>
#include <functional>

namespace insightflow {
inline namespace v1 {
namespace {

void SetBit(std::size_t bit, Mask* mask) { (*mask)[bit / 64] |= std::uint64_t{1} << bit % 64; }

void ClearBits(const Mask& bits, Mask* mask) {
  for (std::size_t w = 0; w < kMaskWordsMax; ++w) (*mask)[w] &= ~bits[w];
}

}  // namespace

RowMasks::RowMasks(const ScanPlan& plan)
    : plan_(plan), filter_bit_(plan.selectors.size()), words_(filter_bit_ / 64 + 1) {
  for (std::size_t bit = 0; bit <= filter_bit_; ++bit) SetBit(bit, &all_);
  every_selector_has_types_ = !plan.selectors.empty();
  for (std::size_t s = 0; s < plan.selectors.size(); ++s) {
    const ScanSelector& selector = plan.selectors[s];
    if (selector.types.empty()) {
      every_selector_has_types_ = false;
    } else {
      text_tests_[static_cast<std::size_t>(Field::kEventType)].used = true;
    }
    AddTests(selector.predicates, s);
  }
  AddTests(plan.filters, filter_bit_);
}

void RowMasks::AddTests(const std::vector<Predicate>& predicates, std::size_t bit) {
  for (const Predicate& predicate : predicates) {
    RowTests::Test test;
    test.predicate = &predicate;
    SetBit(bit, &test.bits);
    if (predicate.field().kind == FieldRef::Kind::kText) {
      TextTests& tests = text_tests_[static_cast<std::size_t>(predicate.field().field)];
      tests.used = true;
      tests.tests.push_back(test);
      continue;
    }
    auto found = std::find_if(row_tests_.begin(), row_tests_.end(), [&](const RowTests& tests) {
      return tests.field == predicate.field();
    });
    if (found == row_tests_.end()) {
      found = row_tests_.insert(found, RowTests());
      found->field = predicate.field();
    }
    SetBit(bit, &found->needed_by);
    found->tests.push_back(test);
  }
}

Mask RowMasks::MaskOf(Field field, std::string_view text) const {
  Mask mask = all_;
  if (field == Field::kEventType) {
    for (std::size_t s = 0; s < plan_.selectors.size(); ++s) {
      const auto& types = plan_.selectors[s].types;
      if (types.empty()) continue;
      if (std::binary_search(types.begin(), types.end(), text, std::less<>())) continue;
      mask[s / 64] &= ~(std::uint64_t{1} << s % 64);
    }
  }
  const EventValue value = EventValue::Text(text);
  for (const RowTests::Test& test : text_tests_[static_cast<std::size_t>(field)].tests) {
    if (!test.predicate->Matches(value)) ClearBits(test.bits, &mask);
  }
  return mask;
}

std::uint8_t RowMasks::CodeOf(const std::uint64_t* mask) const {
  std::size_t first = 0;
  while (first + 64 <= filter_bit_ && mask[first / 64] == 0) first += 64;
  first += static_cast<std::size_t>(std::countr_zero(mask[first / 64]));
  const std::size_t code = first < filter_bit_ ? first + 1 : 0;
  const std::uint64_t filter = mask[filter_bit_ / 64] >> filter_bit_ % 64 & 1;
  return static_cast<std::uint8_t>(code | filter << kCodeFilterBit);
}

void RowMasks::FillTable(Field field, const SegmentTexts& texts,
                         std::vector<std::uint64_t>* table) const {
  table->clear();
  for (std::uint32_t code = 0; code <= texts.entries(); ++code) {
    const Mask mask = MaskOf(field, texts.Entry(code));
    table->insert(table->end(), mask.begin(), mask.begin() + static_cast<std::ptrdiff_t>(words_));
  }
}

}  // namespace v1
}  // namespace insightflow
