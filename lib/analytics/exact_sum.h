// A sum of doubles that is exact until it is rounded once, at the end: so it is the same whatever
// the order of the additions, the threads and the merges.
//
// Usual numbers (below 2^62, with no bit under 2^-64: integers, cents, milliseconds) are added in a
// 128-bit fixed point. All others go to a long accumulator that spans the range of a double in
// limbs of 32 bits, held in 64 so that carries can wait (U. Kulisch, "Computer Arithmetic and
// Validity", chapter 8); it is only there when such a number came.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace insightflow {
inline namespace v1 {

class ExactSum {
 public:
  // `x` is finite. O(1).
  void Add(double x);
  void Merge(const ExactSum& other);
  // The double nearest to the sum; the greatest finite one where the sum is beyond it.
  double Round() const;
  // Beside the object itself.
  std::size_t bytes() const { return wide_ ? sizeof(Wide) : 0; }

 private:
  __extension__ using Fixed = __int128;

  class Wide {
   public:
    // Adds magnitude × 2^(position - 1074); the magnitude is below 2^53.
    void Add(std::uint64_t magnitude, int position, bool negative);
    void Add(const Wide& other);
    void AddFixed(Fixed fixed);
    double Round();

   private:
    static constexpr int kLimbs = 68;

    void Carry();

    std::array<std::int64_t, kLimbs> limbs_ = {};
    std::uint32_t pending_ = 0;  // additions since the last carry
  };

  Wide* MakeWide();
  void AddFixed(Fixed value);

  Fixed fixed_ = 0;  // in units of 2^-64
  std::unique_ptr<Wide> wide_;
};

}  // namespace v1
}  // namespace insightflow
