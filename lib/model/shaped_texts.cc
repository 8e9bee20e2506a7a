#include "lib/model/shaped_texts.h"

#include <span>

#include "lib/base/packed_ints.h"

namespace insightflow {
inline namespace v1 {

std::size_t ShapedTexts::memory() const {
  return rows.capacity() * sizeof rows[0] + numbers.capacity() * sizeof numbers[0] +
         shapes.capacity() + (ends.capacity() + counts.capacity()) * sizeof ends[0];
}

void ShapedTexts::Clear() {
  rows.clear();
  numbers.clear();
  shapes.clear();
  ends.resize(1);
  counts.resize(1);
}

void JoinShape(std::string_view shape, const std::uint64_t* numbers, ByteBuffer* to) {
  while (!shape.empty()) {
    std::size_t size = 0;
    while (size < shape.size() && !shapes::IsPlaceholder(shape[size])) ++size;
    to->Append(shape.substr(0, size));
    if (size == shape.size()) return;
    const std::string digits = std::to_string(*numbers++);
    const auto placeholder = static_cast<std::uint8_t>(shape[size]);
    if (placeholder != shapes::kNumber) {
      to->Append(std::string_view("000000000").substr(digits.size() + 9 - placeholder));
    }
    to->Append(digits);
    shape.remove_prefix(size + 1);
  }
}

std::uint32_t ShapedRows::Use(std::string_view shape) {
  const std::uint32_t code = texts_.Intern(shape);
  if (code <= known_.size()) return code;
  if (!shapes::MayHaveMore(known_.size(), codes_.size())) return 0;
  Shape added;
  added.first_number = static_cast<std::uint32_t>(streams_of_.size());
  added.most_bytes = static_cast<std::uint32_t>(shape.size());
  for (std::size_t at = 0; at < shape.size(); ++at) {
    if (!shapes::IsPlaceholder(shape[at])) continue;
    streams_of_.push_back(streams_.Of(shapes::Streams::Before(shape, at)));
    added.most_bytes += static_cast<std::uint32_t>(shapes::MostDigits(shape[at]) - 1);
    ++added.numbers;
  }
  known_.push_back(added);
  return code;
}

bool ShapedRows::Put(std::string* shapes, std::string* numbers, ShapeNumbers form) {
  if (codes_.size() < shapes::kRowsMin || most_bytes_ > kShapedBytesMax) return false;
  std::vector<std::uint32_t> lengths;
  for (std::uint32_t code = 1; code <= known_.size(); ++code) {
    lengths.push_back(static_cast<std::uint32_t>(texts_.Entry(code).size()));
  }
  PutVarint(shapes, lengths.size());
  PutInts<std::uint32_t>(shapes, lengths, false);
  shapes->append(texts_.data());
  shapes::PutNumbers(codes_, std::span(numbers_).first(streams_.count()), form, numbers);
  return true;
}

void ShapedRows::Join(ByteBuffer* to, std::vector<std::uint32_t>* ends) const {
  std::array<std::size_t, shapes::kStreamsMax> next = {};
  std::vector<std::uint64_t> numbers;
  for (const std::uint32_t code : codes_) {
    if (code != 0) {
      const Shape& shape = known_[code - 1];
      numbers.clear();
      for (std::uint32_t i = 0; i < shape.numbers; ++i) {
        const std::uint8_t stream = streams_of_[shape.first_number + i];
        numbers.push_back(numbers_[stream][next[stream]++]);
      }
      JoinShape(texts_.Entry(code), numbers.data(), to);
    }
    ends->push_back(static_cast<std::uint32_t>(to->size()));
  }
}

void ShapedRows::Clear() {
  texts_.Clear();
  known_.clear();
  streams_of_.clear();
  streams_.Clear();
  codes_.clear();
  for (auto& stream : numbers_) stream.clear();
  most_bytes_ = 0;
}

}  // namespace v1
}  // namespace insightflow
