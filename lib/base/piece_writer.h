// What is written piece by piece, with a checksum of all: it need not be in memory as a whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "insightflow/status.h"
#include "lib/base/coding.h"
#include "lib/base/hash.h"

namespace insightflow {
inline namespace v1 {

// Takes the pieces in turn. After an error none follows.
using TakePiece = std::function<Status(std::string_view)>;

class PieceWriter {
 public:
  static constexpr std::size_t kPieceBytes = std::size_t{64} << 10;

  PieceWriter(std::uint64_t seed, TakePiece take) : sum_(seed), take_(std::move(take)) {}

  // To be appended to, some bytes at a time, each time followed by Pass or Finish.
  std::string* out() { return &piece_; }
  // Hands on what is there, once it is worth it.
  void Pass() {
    if (piece_.size() >= kPieceBytes) HandOn();
  }
  // Hands on the rest, behind it the checksum of all. Returns the first error.
  Status Finish() {
    sum_.Add(piece_);
    PutFixed(&piece_, sum_.Sum());
    if (status_.ok()) status_ = take_(piece_);
    return status_;
  }

 private:
  void HandOn() {
    sum_.Add(piece_);
    if (status_.ok()) status_ = take_(piece_);
    piece_.clear();
  }

  std::string piece_;
  HashStream sum_;
  const TakePiece take_;
  Status status_;
};

}  // namespace v1
}  // namespace insightflow
