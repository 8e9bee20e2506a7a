#include "lib/segments/merged_dictionary.h"

#include <array>
#include <numeric>

#include "lib/segments/block_encoder.h"
#include "lib/segments/frequency_order.h"

namespace insightflow {
inline namespace v1 {

Status MergeCancelled() { return FailedPrecondition("the merge was given up"); }

namespace {

// `new_titles` and `new_pages`: what codes of the block become.
void AddTitles(const SegmentBlock& block, std::span<const std::uint32_t> new_titles,
               std::span<const std::uint32_t> new_pages, TitleCounter* titles) {
  const auto& pages = block.codes[static_cast<std::size_t>(Field::kPageUrl)];
  const auto& codes = block.codes[static_cast<std::size_t>(Field::kPageTitle)];
  for (std::size_t row = 0; row < codes.size(); ++row) {
    if (codes[row] == 0) continue;
    titles->Add(pages.empty() ? 0 : new_pages[pages[row]], new_titles[codes[row]]);
  }
}

// Rows one after another often have the same code, whose count would be waited for: so they take
// turns at two counts of each.
class CodeCounts {
 public:
  void Start(std::size_t codes) { counts_.assign(codes, {}); }
  template <typename Code>
  void Add(std::span<Code> codes) {
    std::size_t row = 0;
    for (; row + 2 <= codes.size(); row += 2) {
      ++counts_[codes[row]][0];
      ++counts_[codes[row + 1]][1];
    }
    if (row < codes.size()) ++counts_[codes[row]][0];
  }
  std::uint32_t Of(std::size_t code) const { return counts_[code][0] + counts_[code][1]; }

 private:
  std::vector<std::array<std::uint32_t, 2>> counts_;
};

}  // namespace

Result<bool> MergedDictionary::Unite(Field field, std::span<const MergeInput> inputs) {
  ReadScratch scratch;
  SegmentDictionaries dictionaries;
  const auto f = static_cast<std::size_t>(field);
  for (const MergeInput& input : inputs) {
    const bool has_values = input.reader->meta().columns().Has(ColumnOf(field));
    if (has_values) empty_ = false;
    std::vector<std::uint32_t>& codes = codes_.emplace_back(1, 0);
    if (!has_values) continue;
    // A dictionary that was too large for one segment is so for more.
    if (!input.reader->meta().HasDictionary(field)) return false;
    Status status =
        input.reader->ReadDictionaries({ColumnOf(field)}, input.source, &scratch, &dictionaries);
    if (!status.ok()) return status;
    const SegmentTexts& texts = dictionaries[f];
    for (std::uint32_t code = 1; code <= texts.entries(); ++code) {
      codes.push_back(values_.Intern(texts.Entry(code)));
    }
    if (!BlockEncoder::SharesDictionary(field, values_.entries(), values_.bytes())) return false;
  }
  return !empty_;
}

Status MergedDictionary::Count(Field field, std::span<const MergeInput> inputs,
                               const MergedDictionary* pages, TitleCounter* titles,
                               const std::function<bool()>& cancelled,
                               std::vector<std::uint32_t>* counts) const {
  ReadScratch scratch;
  SegmentBlock block;
  const auto f = static_cast<std::size_t>(field);
  counts->assign(values_.entries() + 1, 0);
  CodeCounts of_input;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const SegmentReader& reader = *inputs[i].reader;
    const std::vector<std::uint32_t>& codes = codes_[i];
    of_input.Start(codes.size());
    for (std::uint32_t b = 0; b < reader.meta().blocks.size(); ++b) {
      if (cancelled()) return MergeCancelled();
      if (!reader.meta().blocks[b].columns.Has(ColumnOf(field))) continue;
      Status status = ErasedUsers::ReadBlock(inputs[i].erased, reader, b, {ColumnOf(field)},
                                             inputs[i].source, &scratch, &block);
      if (!status.ok()) return status;
      if (field == Field::kEventType) of_input.Add(std::span(block.type_codes));
      of_input.Add(std::span(block.codes[f]));
      if (pages != nullptr) {
        AddTitles(block, codes, pages->NewCodes(i), titles);
      }
    }
    for (std::size_t code = 0; code < codes.size(); ++code) {
      (*counts)[codes[code]] += of_input.Of(code);
    }
  }
  return Status::Ok();
}

Status MergedDictionary::Merge(Field field, std::span<const MergeInput> inputs,
                               const MergedDictionary* pages,
                               const std::function<bool()>& cancelled) {
  const Result<bool> united = Unite(field, inputs);
  if (!united.ok()) return united.status();
  shared_ = *united;
  if (!shared_) {
    // Whether there are values at all shows only after every input.
    for (const MergeInput& input : inputs) {
      if (input.reader->meta().columns().Has(ColumnOf(field))) empty_ = false;
    }
    values_.Clear();
    codes_.clear();
    return Status::Ok();
  }
  if (pages != nullptr && !pages->shared()) pages = nullptr;
  TitleCounter titles(pages != nullptr ? pages->entries() : 0);
  std::vector<std::uint32_t> counts;
  Status counted = Count(field, inputs, pages, &titles, cancelled, &counts);
  if (!counted.ok()) return counted;
  order_ = OrderByFrequency(values_, counts);  // what only erased rows had goes with them
  std::vector<std::uint32_t> new_codes(values_.entries() + 1, 0);
  for (std::uint32_t i = 0; i < order_.size(); ++i) new_codes[order_[i]] = i + 1;
  for (std::vector<std::uint32_t>& codes : codes_) {
    for (std::uint32_t& code : codes) code = new_codes[code];
  }
  if (pages != nullptr) {
    std::vector<std::uint32_t> same(pages->entries() + std::size_t{1});
    std::iota(same.begin(), same.end(), 0u);
    titles_ = titles.Titles(same, new_codes);
  }
  if (order_.empty()) {
    shared_ = false;
    empty_ = true;
    codes_.clear();
  }
  return Status::Ok();
}

void MergedDictionary::Translate(Field field, std::size_t input, SegmentBlock* block) const {
  auto& codes = block->codes[static_cast<std::size_t>(field)];
  if (field == Field::kEventType && !block->type_codes.empty()) {
    codes.assign(block->type_codes.begin(), block->type_codes.end());
  }
  if (!shared_) return;
  const std::uint32_t* const new_codes = codes_[input].data();
  for (std::uint32_t& code : codes) code = new_codes[code];
}

std::vector<std::string_view> MergedDictionary::Texts() const {
  std::vector<std::string_view> texts;
  texts.reserve(order_.size());
  for (const std::uint32_t code : order_) texts.push_back(values_.Entry(code));
  return texts;
}

}  // namespace v1
}  // namespace insightflow
