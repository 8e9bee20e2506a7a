#include <algorithm>
#include <array>
#include <cstring>

#include "lib/base/packed_ints.h"
#include "lib/model/shaped_texts.h"
#include "lib/model/text_shapes.h"

namespace insightflow {
inline namespace v1 {
namespace {

using shapes::kDigitsMax;
using shapes::kNumber;

// Pieces are copied in words, which may be read and written beyond their ends.
constexpr std::size_t kSlack = 32;

void CopyPiece(const char* from, std::size_t size, char* to) {
  using Word = std::array<char, 32>;
  static_assert(sizeof(Word) == kSlack);
  std::size_t at = 0;
  do {
    Word word;
    std::memcpy(word.data(), from + at, sizeof word);
    std::memcpy(to + at, word.data(), sizeof word);
    at += sizeof word;
  } while (at < size);
}

constexpr std::array<std::uint64_t, kDigitsMax + 1> kPowersOfTen = [] {
  std::array<std::uint64_t, kDigitsMax + 1> powers = {1};
  for (std::size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}();

// Writes exactly `count` digits.
void WriteDigits(std::uint64_t number, std::size_t count, char* to) {
  for (std::size_t i = count; i > 0; --i, number /= 10) {
    to[i - 1] = static_cast<char>('0' + number % 10);
  }
}

// The least number that a placeholder does not stand for.
std::uint64_t LeastTooGreat(std::uint8_t placeholder) {
  return kPowersOfTen[placeholder == kNumber ? kDigitsMax : placeholder - std::size_t{1}];
}

// The two digits of 0 … 99.
constexpr std::array<std::array<char, 2>, 100> kPairs = [] {
  std::array<std::array<char, 2>, 100> pairs = {};
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    pairs[i] = {static_cast<char>('0' + i / 10), static_cast<char>('0' + i % 10)};
  }
  return pairs;
}();

// Writes a number without zeros before it; returns its end. Four bytes may be written.
char* WriteNumber(std::uint64_t number, char* to) {
  if (number < 10'000) {
    std::array<char, 4> digits;
    std::memcpy(digits.data(), kPairs[number / 100].data(), 2);
    std::memcpy(digits.data() + 2, kPairs[number % 100].data(), 2);
    const unsigned zeros =
        unsigned{number < 1'000} + unsigned{number < 100} + unsigned{number < 10};
    std::uint32_t word;
    std::memcpy(&word, digits.data(), sizeof word);
    word >>= 8 * zeros;
    std::memcpy(to, &word, sizeof word);
    return to + 4 - zeros;
  }
  std::size_t count = 5;
  while (count < kDigitsMax && number >= kPowersOfTen[count]) ++count;
  WriteDigits(number, count, to);
  return to + count;
}

}  // namespace

void TextUnshaper::CutShape(std::uint32_t begin, std::uint32_t size) {
  const std::string_view text = std::string_view(texts_).substr(begin, size);
  Shape shape;
  shape.first_piece = static_cast<std::uint32_t>(pieces_.size());
  shape.most_bytes = size;
  std::size_t from = 0;
  const auto add = [&](std::size_t until, std::uint8_t placeholder, std::uint8_t stream) {
    pieces_.push_back({static_cast<std::uint32_t>(begin + from),
                       static_cast<std::uint32_t>(until - from), placeholder, stream});
    from = until + 1;
  };
  for (std::size_t at = 0; at < size; ++at) {
    if (!shapes::IsPlaceholder(text[at])) continue;
    add(at, static_cast<std::uint8_t>(text[at]), streams_.Of(shapes::Streams::Before(text, at)));
    shape.most_bytes += static_cast<std::uint32_t>(shapes::MostDigits(text[at]) - 1);
  }
  add(size, 0, 0);
  shapes_.push_back(shape);
}

bool TextUnshaper::GetShapes(ByteReader* in, std::size_t rows) {
  pieces_.clear();
  shapes_.clear();
  streams_.Clear();
  std::uint64_t count;
  if (!in->GetVarint(&count) || count > std::min(rows, kShapesMax)) return false;
  if (!GetInts(in, static_cast<std::size_t>(count), &lengths_)) return false;
  std::uint64_t bytes = 0;
  for (const std::uint32_t length : lengths_) {
    bytes += length;
    if (length == 0) return false;
  }
  std::string_view texts;
  if (bytes > kShapedBytesMax || !in->GetRaw(static_cast<std::size_t>(bytes), &texts)) return false;
  texts_.assign(texts);
  texts_.append(kSlack, '\0');
  std::uint32_t begin = 0;
  for (const std::uint32_t length : lengths_) {
    CutShape(begin, length);
    begin += length;
  }
  return true;
}

bool TextUnshaper::GetNumbers(ByteReader* in, std::size_t rows, ShapeNumbers form) {
  if (!GetInts(in, rows, &codes_)) return false;
  std::vector<std::uint32_t>& uses = lengths_;  // of each shape
  uses.assign(shapes_.size() + 1, 0);
  for (const std::uint32_t code : codes_) {
    if (code > shapes_.size()) return false;
    ++uses[code];
  }
  most_bytes_ = 0;
  std::array<std::size_t, shapes::kStreamsMax> counts = {};
  for (std::size_t s = 0; s < shapes_.size(); ++s) {
    most_bytes_ += std::size_t{uses[s + 1]} * shapes_[s].most_bytes;
    if (most_bytes_ > kShapedBytesMax) return false;
    for (std::size_t p = shapes_[s].first_piece; pieces_[p].placeholder != 0; ++p) {
      counts[pieces_[p].stream] += uses[s + 1];
    }
  }
  for (std::size_t s = 0; s < streams_.count(); ++s) {
    std::uint64_t divisor = 1;
    if (form == ShapeNumbers::kDivided && (!in->GetVarint(&divisor) || divisor == 0)) return false;
    if (!GetInts(in, counts[s], &numbers_[s])) return false;
    if (divisor == 1) continue;
    for (std::uint64_t& number : numbers_[s]) {
      if (number > kPowersOfTen[kDigitsMax] / divisor) return false;
      number *= divisor;
    }
  }
  return true;
}

// Puts rows together again. False on a number that its placeholder does not stand for.
bool TextUnshaper::Join(ByteBuffer* bytes, std::vector<std::uint32_t>* ends) const {
  bytes->clear();
  char* const begin = bytes->Extend(most_bytes_ + kSlack);
  char* to = begin;
  std::array<const std::uint64_t*, shapes::kStreamsMax> next;
  for (std::size_t s = 0; s < next.size(); ++s) next[s] = numbers_[s].data();
  ends->resize(codes_.size());
  bool good = true;
  for (std::size_t row = 0; row < codes_.size(); ++row) {
    if (codes_[row] != 0) {
      const Piece* piece = pieces_.data() + shapes_[codes_[row] - 1].first_piece;
      for (;; ++piece) {
        CopyPiece(texts_.data() + piece->begin, piece->size, to);
        to += piece->size;
        if (piece->placeholder == 0) break;
        const std::uint64_t number = *next[piece->stream]++;
        if (piece->placeholder == kNumber) {
          if (number >= LeastTooGreat(kNumber)) return false;
          to = WriteNumber(number, to);
        } else {
          good &= number < LeastTooGreat(piece->placeholder);
          WriteDigits(number, piece->placeholder, to);
          to += piece->placeholder;
        }
      }
    }
    (*ends)[row] = static_cast<std::uint32_t>(to - begin);
  }
  bytes->Truncate(static_cast<std::size_t>(to - begin));
  return good;
}

bool TextUnshaper::Get(ByteReader* shapes, ByteReader* numbers, std::size_t rows, ByteBuffer* bytes,
                       std::vector<std::uint32_t>* ends, ShapeNumbers form) {
  return GetShapes(shapes, rows) && GetNumbers(numbers, rows, form) && Join(bytes, ends);
}

// Hands out what Join would put together, and refuses what that would.
bool TextUnshaper::Part(ShapedTexts* texts) const {
  texts->Clear();
  texts->shapes.assign(texts_, 0, texts_.size() - kSlack);
  for (std::size_t s = 0, end = 0; s < shapes_.size(); ++s) {
    const Piece* piece = pieces_.data() + shapes_[s].first_piece;
    std::uint32_t count = 0;
    for (; piece->placeholder != 0; ++piece) ++count;
    end = piece->begin + piece->size;
    texts->ends.push_back(static_cast<std::uint32_t>(end));
    texts->counts.push_back(count);
  }
  std::array<const std::uint64_t*, shapes::kStreamsMax> next;
  std::size_t numbers = 0;
  for (std::size_t s = 0; s < next.size(); ++s) next[s] = numbers_[s].data();
  for (std::size_t s = 0; s < streams_.count(); ++s) numbers += numbers_[s].size();
  texts->numbers.resize(numbers);
  texts->rows.resize(codes_.size());
  std::uint64_t* to = texts->numbers.data();
  bool good = true;
  for (std::size_t row = 0; row < codes_.size(); ++row) {
    texts->rows[row] = {codes_[row], static_cast<std::uint32_t>(to - texts->numbers.data())};
    if (codes_[row] == 0) continue;
    const Piece* piece = pieces_.data() + shapes_[codes_[row] - 1].first_piece;
    for (; piece->placeholder != 0; ++piece) {
      *to = *next[piece->stream]++;
      good &= *to++ < LeastTooGreat(piece->placeholder);
    }
  }
  return good;
}

bool TextUnshaper::Get(ByteReader* shapes, ByteReader* numbers, std::size_t rows,
                       ShapedTexts* texts, ShapeNumbers form) {
  return GetShapes(shapes, rows) && GetNumbers(numbers, rows, form) && Part(texts);
}

std::size_t TextUnshaper::memory() const {
  std::size_t numbers = 0;
  for (const auto& stream : numbers_) numbers += stream.capacity();
  return texts_.capacity() + pieces_.capacity() * sizeof(Piece) +
         codes_.capacity() * sizeof codes_[0] + numbers * sizeof numbers_[0][0];
}

}  // namespace v1
}  // namespace insightflow
