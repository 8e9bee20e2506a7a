// Texts that differ in their numbers: each is cut into its shape, the text with a byte in place of
// every number, and the numbers. Properties of events have few shapes, so a row takes a code and a
// few bits a number.
//
//   shapes   varint e; ints32 of their lengths; the shapes, in order of first use
//   numbers  ints32 of the rows' codes: 0 an empty text, else the number of its shape from 1;
//            then of each stream ints64 of its numbers, row by row; or, with divisors, a varint,
//            what divides all of them, and ints64 of the quotients
//
// In a shape the byte 1 stands for a number of 1 to 18 digits that does not begin with 0, or is 0;
// the bytes 2 to 9 for one of so many digits that begins with 0. Numbers of the same meaning are
// of about the same size and so share a stream: those with the same eight bytes before them in
// their shape, fewer near its begin. Streams are numbered by first use in the shapes; what would be
// stream kStreamsMax and more goes to the last one.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/byte_buffer.h"
#include "lib/base/coding.h"
#include "lib/base/hash.h"
#include "lib/model/digit_marks.h"
#include "lib/model/text_layouts.h"

namespace insightflow {
inline namespace v1 {

inline constexpr std::size_t kShapesMax = 4096;  // a table of more would leave the near cache
// Bytes that the texts of one form may take when every number has as many digits as it may have.
// More are left to compression, so that few stored bytes cannot claim very many.
inline constexpr std::size_t kShapedBytesMax = std::size_t{16} << 20;

enum class ShapeNumbers : std::uint8_t { kPlain, kDivided };

namespace shapes {

inline constexpr std::size_t kDigitsMax = 18;
inline constexpr std::uint8_t kNumber = 1;
inline constexpr std::uint8_t kPaddedMax = 9;
inline constexpr std::size_t kStreamsMax = 16;
// Fewer rows have too few shapes in common: compression is as good and faster.
inline constexpr std::size_t kRowsMin = 256;

// Whether rows that have `count` shapes may have one more in `row`. Any may have some; further ones
// must have some rows each. So it is noticed early when texts are all different.
constexpr bool MayHaveMore(std::size_t count, std::size_t row) {
  return count < std::min(std::size_t{64} + row / 4, kShapesMax);
}

inline bool IsPlaceholder(char c) {
  return static_cast<std::uint8_t>(static_cast<std::uint8_t>(c) - kNumber) < kPaddedMax;
}
// The digits that a placeholder may stand for.
inline std::size_t MostDigits(char placeholder) {
  return placeholder == kNumber ? kDigitsMax : static_cast<std::size_t>(placeholder);
}

// Which stream a placeholder's numbers are in.
class Streams {
 public:
  // The bytes by which a placeholder's stream is known.
  static std::uint64_t Before(std::string_view shape, std::size_t placeholder);
  std::uint8_t Of(std::uint64_t before);
  std::size_t count() const { return count_; }
  void Clear() { count_ = 0; }

 private:
  std::array<std::uint64_t, kStreamsMax> before_ = {};
  std::size_t count_ = 0;
};

// Appends the rows' codes and the streams, whose numbers may become quotients.
void PutNumbers(std::span<const std::uint32_t> codes, std::span<std::vector<std::uint64_t>> streams,
                ShapeNumbers form, std::string* out);

}  // namespace shapes

struct ShapedTexts;

// Keeps its memory between calls, and the shapes that it met: the next texts are mostly of these.
// Not thread-safe.
class TextShaper {
 public:
  // Appends the texts of `rows` rows, where ends[row] ends a row's text in `bytes` and rows behind
  // the last end are empty. False when texts have too many shapes or bytes that stand for
  // numbers; then nothing was appended. Equal texts give equal bytes.
  bool Put(std::string_view bytes, std::span<const std::uint32_t> ends, std::size_t rows,
           std::string* shapes, std::string* numbers, ShapeNumbers form = ShapeNumbers::kPlain);
  // Replaces `texts` by these, in their parts, however few rows there are. False as Put; then there
  // are none in `texts`.
  bool PutInParts(std::string_view bytes, std::span<const std::uint32_t> ends, std::size_t rows,
                  ShapedTexts* texts);
  std::size_t memory() const;  // that it keeps

 private:
  struct Shape {
    std::uint32_t begin = 0;
    std::uint32_t size = 0;
    std::uint32_t first_number = 0;
    std::uint32_t numbers = 0;
    std::uint32_t most_bytes = 0;
    std::uint32_t code = 0;  // in the texts of the call `call`
    std::uint64_t call = 0;
  };
  struct Slot {
    std::uint32_t hash = 0;
    std::uint32_t shape = 0;  // 0: free, else its index + 1
  };

  // Bytes of the row under way, and the byte for the number behind them.
  struct Part {
    const char* text = nullptr;
    std::size_t size = 0;
    char placeholder = 0;  // 0: none, the row ends
  };

  void BeginCall();
  // Calls take(row, shape, number) for every row with a text, of which number(i) is the i-th
  // number.
  template <typename Take>
  bool CutRows(std::string_view bytes, std::span<const std::uint32_t> ends, Take take);
  template <bool kHasSlack>
  Shape* ShapeOf(std::string_view text);
  bool Use(Shape* shape, std::size_t row);
  template <bool kHasSlack>
  std::uint64_t Cut(std::string_view text);
  template <bool kHasSlack>
  Shape* Find(std::uint64_t full_hash);
  template <bool kHasSlack>
  bool IsOfParts(const Shape& shape) const;
  Shape* Add(std::uint32_t hash, std::size_t at);
  void GrowTable();
  void MakePlan(const Shape& shape, const char* text, TextPlan* plan) const;
  void Forget();

  TextLayouts layouts_;
  DigitMarks digits_;
  std::vector<Part> parts_;
  std::vector<std::uint64_t> cut_numbers_;
  std::size_t parts_count_ = 0;
  bool is_plain_ = false;  // its layout says what its shape is, unless a number begins with 0
  // Every shape that it met.
  std::vector<Slot> table_;
  std::vector<Shape> shapes_;
  std::string texts_;  // of the shapes, with slack behind them
  std::size_t texts_size_ = 0;
  std::vector<std::uint64_t> befores_;    // what stands before each of their numbers
  std::vector<std::uint8_t> streams_of_;  // and its stream in this call, if the shape is used

  // Of this call.
  std::uint64_t call_ = 0;
  std::vector<std::uint32_t> used_;  // indexes of shapes, by code − 1
  shapes::Streams streams_;
  std::array<std::vector<std::uint64_t>, shapes::kStreamsMax> numbers_;
  std::vector<std::uint32_t> codes_;
  std::vector<std::uint32_t> lengths_;
  std::uint64_t seed_ = ProcessSeed();
};

// Reads what TextShaper wrote. Keeps its memory between calls. Not thread-safe.
class TextUnshaper {
 public:
  // Replaces `bytes` by the texts of `rows` rows; ends[row] ends a row's. False on what no
  // TextShaper writes in this form.
  bool Get(ByteReader* shapes, ByteReader* numbers, std::size_t rows, ByteBuffer* bytes,
           std::vector<std::uint32_t>* ends, ShapeNumbers form = ShapeNumbers::kPlain);
  // The same, but leaves texts in their parts.
  bool Get(ByteReader* shapes, ByteReader* numbers, std::size_t rows, ShapedTexts* texts,
           ShapeNumbers form = ShapeNumbers::kPlain);
  std::size_t memory() const;  // that it keeps

 private:
  // Bytes of a shape, and the number behind them.
  struct Piece {
    std::uint32_t begin = 0;
    std::uint32_t size = 0;
    std::uint8_t placeholder = 0;  // 0: none, the shape ends
    std::uint8_t stream = 0;
  };
  struct Shape {
    std::uint32_t first_piece = 0;
    std::uint32_t most_bytes = 0;
  };

  bool GetShapes(ByteReader* in, std::size_t rows);
  void CutShape(std::uint32_t begin, std::uint32_t size);
  bool GetNumbers(ByteReader* in, std::size_t rows, ShapeNumbers form);
  bool Join(ByteBuffer* bytes, std::vector<std::uint32_t>* ends) const;
  bool Part(ShapedTexts* texts) const;

  std::string texts_;
  std::vector<Piece> pieces_;
  std::vector<Shape> shapes_;
  shapes::Streams streams_;
  std::array<std::vector<std::uint64_t>, shapes::kStreamsMax> numbers_;
  std::vector<std::uint32_t> codes_;
  std::vector<std::uint32_t> lengths_;
  std::size_t most_bytes_ = 0;
};

}  // namespace v1
}  // namespace insightflow
