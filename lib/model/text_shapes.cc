#include "lib/model/text_shapes.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "lib/base/packed_ints.h"
#include "lib/base/short_text.h"

namespace insightflow {
inline namespace v1 {
namespace shapes {

std::uint8_t Streams::Of(std::string_view shape, std::size_t placeholder) {
  std::uint64_t before = 0;
  const std::size_t size = std::min(placeholder, sizeof before);
  std::memcpy(&before, shape.data() + placeholder - size, size);
  for (std::size_t s = 0; s < count_; ++s) {
    if (before_[s] == before) return static_cast<std::uint8_t>(s);
  }
  if (count_ == kStreamsMax) return kStreamsMax - 1;
  before_[count_] = before;
  return static_cast<std::uint8_t>(count_++);
}

}  // namespace shapes

namespace {

using internal::LoadAt;
using internal::MultiplyFold;
using shapes::kDigitsMax;
using shapes::kNumber;
using shapes::kPaddedMax;

// Fewer rows have too few shapes in common: compression is as good and faster.
constexpr std::size_t kRowsMin = 256;
// Shapes that any rows may have; further ones must have some rows each. So it is noticed early when
// texts are all different.
constexpr std::size_t kShapesFree = 64;
constexpr std::size_t kRowsAShape = 4;
constexpr std::size_t kTableMin = 256;
// So many bytes may be read behind a part of most texts: then parts are hashed and compared in
// whole words that lie over each other, without branches.
constexpr std::size_t kSlack = 64;
constexpr std::size_t kWord = 16;

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
  std::uint64_t word = LoadAt<std::uint64_t>(digits) << (64 - 8 * count);
  word = (word & 0x0f0f0f0f0f0f0f0f) * 2561 >> 8;
  word = (word & 0x00ff00ff00ff00ff) * 6553601 >> 16;
  return (word & 0x0000ffff0000ffff) * 42949672960001 >> 32;
}

std::uint64_t Value(const char* digits, std::size_t count) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    value = value * 10 + static_cast<std::uint64_t>(digits[i] - '0');
  }
  return value;
}

}  // namespace

// Cuts the text at [begin, end) into parts_ and cut_numbers_; returns the hash of its shape.
template <bool kHasSlack>
std::uint64_t TextShaper::Cut(const char* bytes, std::size_t begin, std::size_t end) {
  parts_count_ = 0;
  std::uint64_t hash = seed_;
  const auto add = [&](std::size_t until, std::uint8_t placeholder) {
    const std::size_t size = until - begin;
    hash = HashPart<kHasSlack>(bytes + begin, size, hash + placeholder + (size << 8));
    parts_[parts_count_++] = {bytes + begin, size, static_cast<char>(placeholder)};
  };
  for (std::size_t at = digits_.NextDigit(begin, end); at < end;) {
    const std::size_t behind = digits_.NextOther(at, end);
    const std::size_t count = behind - at;
    const bool padded = bytes[at] == '0' && count > 1;
    if (count <= (padded ? std::size_t{kPaddedMax} : kDigitsMax)) {
      cut_numbers_[parts_count_] =
          kHasSlack && count <= 8 ? ShortValue(bytes + at, count) : Value(bytes + at, count);
      add(at, padded ? static_cast<std::uint8_t>(count) : kNumber);
      begin = behind;
    }
    at = digits_.NextDigit(behind, end);
  }
  add(end, 0);
  return hash;
}

std::uint32_t TextShaper::Add(std::uint32_t hash, std::size_t at) {
  if (shapes_.size() == shapes_max_) return 0;
  Shape added;
  added.begin = static_cast<std::uint32_t>(texts_size_);
  added.first_slot = static_cast<std::uint32_t>(slots_.size());
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
    slots_.push_back(streams_.Of(shape, i));
    added.most_bytes += static_cast<std::uint32_t>(shapes::MostDigits(shape[i]) - 1);
  }
  texts_size_ = texts_.size();
  texts_.append(kSlack, '\0');
  shapes_.push_back(added);
  table_[at] = {hash, static_cast<std::uint32_t>(shapes_.size())};
  if (shapes_.size() * 2 > table_.size()) GrowTable();
  return static_cast<std::uint32_t>(shapes_.size());
}

void TextShaper::GrowTable() {
  std::vector<Slot> smaller(table_.size() * 4);
  smaller.swap(table_);
  const std::size_t mask = table_.size() - 1;
  for (const Slot& slot : smaller) {
    if (slot.code == 0) continue;
    std::size_t at = slot.hash & mask;
    while (table_[at].code != 0) at = (at + 1) & mask;
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
    if (text == end || *text++ != part.placeholder) return false;
  }
}

// The code of the shape in parts_; 0 when there are too many.
template <bool kHasSlack>
std::uint32_t TextShaper::Find(std::uint64_t full_hash) {
  const auto hash = static_cast<std::uint32_t>(full_hash);
  const std::size_t mask = table_.size() - 1;
  for (std::size_t at = hash & mask;; at = (at + 1) & mask) {
    const Slot& slot = table_[at];
    if (slot.code == 0) return Add(hash, at);
    if (slot.hash == hash && IsOfParts<kHasSlack>(shapes_[slot.code - 1])) return slot.code;
  }
}

bool TextShaper::CutRows(std::string_view bytes, std::span<const std::uint32_t> ends) {
  std::size_t begin = 0;
  std::size_t most_bytes = 0;
  for (std::size_t row = 0; row < ends.size(); ++row) {
    const std::size_t end = ends[row];
    const std::size_t size = end - begin;
    if (size == 0) continue;
    if (parts_.size() <= size) {
      parts_.resize(2 * size);
      cut_numbers_.resize(2 * size);
    }
    shapes_max_ = std::min(kShapesFree + row / kRowsAShape, kShapesMax);
    const std::uint32_t code = end + kSlack <= bytes.size()
                                   ? Find<true>(Cut<true>(bytes.data(), begin, end))
                                   : Find<false>(Cut<false>(bytes.data(), begin, end));
    if (code == 0) return false;
    codes_[row] = code;
    const Shape& shape = shapes_[code - 1];
    most_bytes += shape.most_bytes;
    for (std::size_t i = 0; i + 1 < parts_count_; ++i) {
      numbers_[slots_[shape.first_slot + i]].push_back(cut_numbers_[i]);
    }
    begin = end;
  }
  return most_bytes <= kShapedBytesMax;
}

bool TextShaper::Put(std::string_view bytes, std::span<const std::uint32_t> ends, std::size_t rows,
                     std::string* shapes, std::string* numbers) {
  if (rows < kRowsMin || bytes.size() > kShapedBytesMax || !digits_.Mark(bytes, kPaddedMax)) {
    return false;
  }
  table_.assign(kTableMin, Slot());
  shapes_.clear();
  texts_size_ = 0;
  slots_.clear();
  streams_.Clear();
  for (auto& stream : numbers_) stream.clear();
  codes_.assign(rows, 0);
  if (!CutRows(bytes, ends)) return false;
  lengths_.clear();
  for (const Shape& shape : shapes_) lengths_.push_back(shape.size);
  PutVarint(shapes, lengths_.size());
  PutInts<std::uint32_t>(shapes, lengths_, false);
  shapes->append(texts_, 0, texts_size_);
  PutInts<std::uint32_t>(numbers, codes_, false);
  for (std::size_t s = 0; s < streams_.count(); ++s) {
    PutInts<std::uint64_t>(numbers, numbers_[s], false);
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
