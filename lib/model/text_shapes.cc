#include "lib/model/text_shapes.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>

#include "lib/base/divisor.h"
#include "lib/base/packed_ints.h"
#include "lib/base/short_text.h"
#include "lib/model/shaped_texts.h"

namespace insightflow {
inline namespace v1 {
namespace shapes {

std::uint64_t Streams::Before(std::string_view shape, std::size_t placeholder) {
  std::uint64_t before = 0;
  const std::size_t size = std::min(placeholder, sizeof before);
  std::memcpy(&before, shape.data() + placeholder - size, size);
  return before;
}

std::uint8_t Streams::Of(std::uint64_t before) {
  for (std::size_t s = 0; s < count_; ++s) {
    if (before_[s] == before) return static_cast<std::uint8_t>(s);
  }
  if (count_ == kStreamsMax) return kStreamsMax - 1;
  before_[count_] = before;
  return static_cast<std::uint8_t>(count_++);
}

namespace {

// Puts quotients in the place of a stream's numbers.
void PutQuotients(std::vector<std::uint64_t>* stream, std::string* out) {
  const auto divisor = CommonDivisor<std::uint64_t>(*stream, 0);
  PutVarint(out, divisor);
  if (divisor != 1) Divide<std::uint64_t>(*stream, 0, divisor);
}

}  // namespace

void PutNumbers(std::span<const std::uint32_t> codes, std::span<std::vector<std::uint64_t>> streams,
                ShapeNumbers form, std::string* out) {
  PutInts<std::uint32_t>(out, codes, false);
  for (std::vector<std::uint64_t>& stream : streams) {
    if (form == ShapeNumbers::kDivided) PutQuotients(&stream, out);
    PutInts<std::uint64_t>(out, stream, false);
  }
}

}  // namespace shapes

namespace {

using internal::LoadAt;
using internal::MultiplyFold;
using shapes::kDigitsMax;
using shapes::kNumber;
using shapes::kPaddedMax;

constexpr std::size_t kTableMin = 256;
// Past these nothing that was met before is kept.
constexpr std::size_t kShapesKept = 2048;
constexpr std::size_t kShapeBytesKept = std::size_t{1} << 18;
// So many bytes may be read behind a part of most texts: then parts are hashed and compared in
// whole words that lie over each other, without branches.
constexpr std::size_t kSlack = 64;
constexpr std::size_t kWord = 16;
constexpr std::size_t kShortDigitsMax = 8;
static_assert(kSlack >= TextLayouts::kBytesMax && kSlack >= DigitMarks::kBlock);

using Word = unsigned __int128;

constexpr std::array<std::uint64_t, 4> kFold = {0xa0761d6478bd642f, 0xe7037ed1a0b428db,
                                                0x8ebc6af09c88c6e3, 0x589965cc75374cc3};

// Four words of kWord to kSlack bytes that are all of them.
struct WordPlaces {
  explicit WordPlaces(std::size_t size)
      : last(size - kWord), second(std::min(kWord, last)), third(last - second) {}
  std::size_t last;
  std::size_t second;
  std::size_t third;
};

// A word of up to 8 bytes.
template <bool kHasSlack>
std::uint64_t ShortWord(const char* text, std::size_t size) {
  if (size == 0) return 0;
  std::uint64_t word = 0;
  std::memcpy(&word, text, kHasSlack ? sizeof word : size);
  return word << (64 - 8 * size);
}

template <bool kHasSlack>
std::uint64_t HashPart(const char* text, std::size_t size, std::uint64_t seed) {
  if (size <= 8) return MultiplyFold(ShortWord<kHasSlack>(text, size) ^ seed, kFold[size % 4]);
  if (size < kWord || size > kSlack) return ShortTextHash({text, size}, seed);
  const WordPlaces at(size);
  const auto fold = [&](std::size_t place, std::uint64_t lane) {
    return MultiplyFold(LoadAt<std::uint64_t>(text + place) ^ seed,
                        LoadAt<std::uint64_t>(text + place + 8) ^ lane);
  };
  return fold(0, kFold[0]) ^ fold(at.second, kFold[1]) ^ fold(at.third, kFold[2]) ^
         fold(at.last, kFold[3]);
}

template <bool kHasSlack>
bool SamePart(const char* a, const char* b, std::size_t size) {
  if (size <= 8) return ShortWord<true>(a, size) == ShortWord<kHasSlack>(b, size);
  if (size < kWord || size > kSlack) return SameBytes(a, b, size);
  const WordPlaces at(size);
  const auto differ = [&](std::size_t place) {
    return LoadAt<Word>(a + place) ^ LoadAt<Word>(b + place);
  };
  return (differ(0) | differ(at.second) | differ(at.third) | differ(at.last)) == 0;
}

// The value of 1 to 8 digits with eight bytes to read. Source: Johnny Lee, fast numeric string to
// int: pairs, then pairs of pairs, in one word.
std::uint64_t ShortValue(const char* digits, std::size_t count) {
  assert(count >= 1 && count <= 8);
  std::uint64_t word = LoadAt<std::uint64_t>(digits) << (64 - 8 * count);
  word = (word & 0x0f0f0f0f0f0f0f0f) * 2561 >> 8;
  word = (word & 0x00ff00ff00ff00ff) * 6553601 >> 16;
  return (word & 0x0000ffff0000ffff) * 42949672960001 >> 32;
}

// Whether no number but 0 begins with 0.
bool HasNoPadding(const TextPlan& plan, const char* text) {
  bool padded = false;
  for (std::size_t i = 0; i < plan.count; ++i) {
    padded |= text[plan.numbers[i].begin] == '0' && plan.numbers[i].digits > 1;
  }
  return !padded;
}

std::uint64_t Value(const char* digits, std::size_t count) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    value = value * 10 + static_cast<std::uint64_t>(digits[i] - '0');
  }
  return value;
}

}  // namespace

// Cuts the text, whose digits are marked, into parts_ and cut_numbers_; returns the hash of its
// shape.
template <bool kHasSlack>
std::uint64_t TextShaper::Cut(std::string_view text) {
  parts_count_ = 0;
  is_plain_ = true;
  std::uint64_t hash = seed_;
  std::size_t begin = 0;
  const auto add = [&](std::size_t until, std::uint8_t placeholder) {
    const std::size_t size = until - begin;
    const char* const part = text.data() + begin;
    hash = HashPart<kHasSlack>(part, size, hash + placeholder + (size << 8));
    parts_[parts_count_++] = {part, size, static_cast<char>(placeholder)};
  };
  for (std::size_t at = digits_.NextDigit(0, text.size()); at < text.size();) {
    const std::size_t behind = digits_.NextOther(at, text.size());
    const std::size_t count = behind - at;
    const char* const number = text.data() + at;
    const bool padded = *number == '0' && count > 1;
    is_plain_ &= !padded && count <= kShortDigitsMax;
    if (count <= (padded ? std::size_t{kPaddedMax} : kDigitsMax)) {
      cut_numbers_[parts_count_] =
          kHasSlack && count <= kShortDigitsMax ? ShortValue(number, count) : Value(number, count);
      add(at, padded ? static_cast<std::uint8_t>(count) : kNumber);
      begin = behind;
    }
    at = digits_.NextDigit(behind, text.size());
  }
  add(text.size(), 0);
  return hash;
}

TextShaper::Shape* TextShaper::Add(std::uint32_t hash, std::size_t at) {
  Shape added;
  added.begin = static_cast<std::uint32_t>(texts_size_);
  added.first_number = static_cast<std::uint32_t>(befores_.size());
  texts_.resize(texts_size_);
  for (std::size_t p = 0; p < parts_count_; ++p) {
    texts_.append(parts_[p].text, parts_[p].size);
    if (parts_[p].placeholder != 0) texts_.push_back(parts_[p].placeholder);
  }
  const std::string_view shape = std::string_view(texts_).substr(texts_size_);
  added.size = static_cast<std::uint32_t>(shape.size());
  added.most_bytes = added.size;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (!shapes::IsPlaceholder(shape[i])) continue;
    befores_.push_back(shapes::Streams::Before(shape, i));
    added.most_bytes += static_cast<std::uint32_t>(shapes::MostDigits(shape[i]) - 1);
  }
  added.numbers = static_cast<std::uint32_t>(befores_.size()) - added.first_number;
  streams_of_.resize(befores_.size());
  texts_size_ = texts_.size();
  texts_.append(kSlack, '\0');
  shapes_.push_back(added);
  table_[at] = {hash, static_cast<std::uint32_t>(shapes_.size())};
  if (shapes_.size() * 2 > table_.size()) GrowTable();
  return &shapes_.back();
}

void TextShaper::GrowTable() {
  std::vector<Slot> smaller(table_.size() * 4);
  smaller.swap(table_);
  const std::size_t mask = table_.size() - 1;
  for (const Slot& slot : smaller) {
    if (slot.shape == 0) continue;
    std::size_t at = slot.hash & mask;
    while (table_[at].shape != 0) at = (at + 1) & mask;
    table_[at] = slot;
  }
}

template <bool kHasSlack>
bool TextShaper::IsOfParts(const Shape& shape) const {
  const char* text = texts_.data() + shape.begin;
  const char* const end = text + shape.size;
  for (std::size_t p = 0;; ++p) {
    const Part& part = parts_[p];
    const auto left = static_cast<std::size_t>(end - text);
    if (left < part.size || !SamePart<kHasSlack>(text, part.text, part.size)) return false;
    text += part.size;
    if (part.placeholder == 0) return text == end;
    if (text == end || *text != part.placeholder) return false;
    ++text;
  }
}

// The shape in parts_.
template <bool kHasSlack>
TextShaper::Shape* TextShaper::Find(std::uint64_t full_hash) {
  const auto hash = static_cast<std::uint32_t>(full_hash);
  const std::size_t mask = table_.size() - 1;
  for (std::size_t at = hash & mask;; at = (at + 1) & mask) {
    const Slot& slot = table_[at];
    if (slot.shape == 0) return Add(hash, at);
    Shape& shape = shapes_[slot.shape - 1];
    if (slot.hash == hash && IsOfParts<kHasSlack>(shape)) return &shape;
  }
}

// The shape of a text, which is cut; null when it has bytes that stand for numbers.
template <bool kHasSlack>
TextShaper::Shape* TextShaper::ShapeOf(std::string_view text) {
  if (!digits_.Mark(text, kPaddedMax, kHasSlack)) return nullptr;
  if (parts_.size() <= text.size()) {
    parts_.resize(2 * text.size());
    cut_numbers_.resize(2 * text.size());
  }
  return Find<kHasSlack>(Cut<kHasSlack>(text));
}

// Gives the shape a code in this call. False when there are too many by this row.
bool TextShaper::Use(Shape* shape, std::size_t row) {
  if (shape->call == call_) return true;
  if (!shapes::MayHaveMore(used_.size(), row)) return false;
  shape->call = call_;
  used_.push_back(static_cast<std::uint32_t>(shape - shapes_.data()));
  shape->code = static_cast<std::uint32_t>(used_.size());
  for (std::size_t i = 0; i < shape->numbers; ++i) {
    streams_of_[shape->first_number + i] = streams_.Of(befores_[shape->first_number + i]);
  }
  return true;
}

// Makes the plan of the text that was cut just now, if its layout says what its shape is.
void TextShaper::MakePlan(const Shape& shape, const char* text, TextPlan* plan) const {
  if (!is_plain_ || shape.numbers > TextPlan::kNumbersMax) return;
  plan->count = shape.numbers;
  for (std::size_t i = 0; i < plan->count; ++i) {
    const char* const begin = parts_[i].text + parts_[i].size;
    plan->numbers[i] = {static_cast<std::uint8_t>(begin - text),
                        static_cast<std::uint8_t>(parts_[i + 1].text - begin)};
  }
  plan->shape = static_cast<std::uint32_t>(&shape - shapes_.data()) + 1;
}

template <typename Take>
bool TextShaper::CutRows(std::string_view bytes, std::span<const std::uint32_t> ends, Take take) {
  std::size_t begin = 0;
  std::size_t most_bytes = 0;
  for (std::size_t row = 0; row < ends.size(); ++row) {
    const std::string_view text = bytes.substr(begin, ends[row] - begin);
    if (text.empty()) continue;
    begin = ends[row];
    const bool slack = begin + kSlack <= bytes.size();
    const bool is_short =
        text.size() >= TextLayouts::kBytesMin && text.size() <= TextLayouts::kBytesMax;
    TextPlan* const plan = slack && is_short ? layouts_.Find(text.data(), text.size()) : nullptr;
    const bool planned = plan != nullptr && plan->shape != 0 && HasNoPadding(*plan, text.data());
    Shape* const shape = planned ? &shapes_[plan->shape - 1]
                         : slack ? ShapeOf<true>(text)
                                 : ShapeOf<false>(text);
    if (shape == nullptr || !Use(shape, row)) return false;
    most_bytes += shape->most_bytes;
    take(row, *shape, [&](std::size_t i) {
      return planned ? ShortValue(text.data() + plan->numbers[i].begin, plan->numbers[i].digits)
                     : cut_numbers_[i];
    });
    if (plan != nullptr && plan->shape == 0) MakePlan(*shape, text.data(), plan);
  }
  return most_bytes <= kShapedBytesMax;
}

void TextShaper::Forget() {
  layouts_.Clear();
  table_.assign(kTableMin, Slot());
  shapes_.clear();
  texts_size_ = 0;
  befores_.clear();
  streams_of_.clear();
}

void TextShaper::BeginCall() {
  if (table_.empty() || shapes_.size() > kShapesKept || texts_size_ > kShapeBytesKept) Forget();
  if (layouts_.full()) layouts_.Clear();
  ++call_;
  used_.clear();
  streams_.Clear();
}

bool TextShaper::Put(std::string_view bytes, std::span<const std::uint32_t> ends, std::size_t rows,
                     std::string* shapes, std::string* numbers, ShapeNumbers form) {
  if (rows < shapes::kRowsMin || bytes.size() > kShapedBytesMax) return false;
  BeginCall();
  for (auto& stream : numbers_) stream.clear();
  codes_.assign(rows, 0);
  const auto take = [&](std::size_t row, const Shape& shape, auto number) {
    codes_[row] = shape.code;
    const std::uint8_t* const streams = streams_of_.data() + shape.first_number;
    for (std::size_t i = 0; i < shape.numbers; ++i) numbers_[streams[i]].push_back(number(i));
  };
  if (!CutRows(bytes, ends, take)) {
    Forget();
    return false;
  }
  lengths_.clear();
  for (const std::uint32_t used : used_) lengths_.push_back(shapes_[used].size);
  PutVarint(shapes, lengths_.size());
  PutInts<std::uint32_t>(shapes, lengths_, false);
  for (const std::uint32_t used : used_) {
    shapes->append(texts_, shapes_[used].begin, shapes_[used].size);
  }
  shapes::PutNumbers(codes_, std::span(numbers_).first(streams_.count()), form, numbers);
  return true;
}

bool TextShaper::PutInParts(std::string_view bytes, std::span<const std::uint32_t> ends,
                            std::size_t rows, ShapedTexts* texts) {
  texts->Clear();
  if (bytes.size() > kShapedBytesMax) return false;
  BeginCall();
  texts->rows.resize(rows);
  const auto take = [&](std::size_t row, const Shape& shape, auto number) {
    texts->rows[row] = {shape.code, static_cast<std::uint32_t>(texts->numbers.size())};
    for (std::size_t i = 0; i < shape.numbers; ++i) texts->numbers.push_back(number(i));
  };
  if (!CutRows(bytes, ends, take)) {
    texts->Clear();
    Forget();
    return false;
  }
  for (const std::uint32_t used : used_) {
    const Shape& shape = shapes_[used];
    texts->shapes.append(texts_, shape.begin, shape.size);
    texts->ends.push_back(static_cast<std::uint32_t>(texts->shapes.size()));
    texts->counts.push_back(shape.numbers);
  }
  return true;
}

std::size_t TextShaper::memory() const {
  std::size_t numbers = cut_numbers_.capacity();
  for (const auto& stream : numbers_) numbers += stream.capacity();
  return texts_.capacity() + parts_.capacity() * sizeof(Part) +
         codes_.capacity() * sizeof codes_[0] + numbers * sizeof cut_numbers_[0];
}

}  // namespace v1
}  // namespace insightflow
