// The level that a user reaches rises with the first event of the next step whose chain is in the
// window. A chain that is in the window needs no better one. Only where it is not, and for what is
// told at the end, must its latest start be known: the latest event of its last step before here,
// the latest one of the step before that before it, and so on.
//
// No chain in the window fills a step earlier than where its level was reached.

#include "lib/analytics/funnel_search.h"

#include <immintrin.h>

#include <algorithm>
#include <bit>

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::uint32_t kVector = 16;
// Chains outside of the window after which passing over the events is cheaper.
constexpr int kTriesMax = 8;

// A bit for each of 16 rows that have the value where the mask looks.
std::uint32_t RowsWith(const std::uint8_t* rows, __m128i mask, __m128i value) {
  const __m128i all = _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows));
  return static_cast<std::uint32_t>(
      _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_and_si128(all, mask), value)));
}

__m128i Everywhere(std::uint8_t byte) { return _mm_set1_epi8(static_cast<char>(byte)); }

bool HasTiesPlain(const std::int64_t* times, std::size_t count) {
  bool any = false;
  for (std::size_t i = 1; i < count; ++i) any |= times[i] == times[i - 1];
  return any;
}

__attribute__((target("avx2"))) bool HasTiesAvx2(const std::int64_t* times, std::size_t count) {
  if (count < 5) return HasTiesPlain(times, count);
  const auto pairs = [&](std::size_t at) __attribute__((target("avx2"))) {
    const auto* const here = reinterpret_cast<const __m256i*>(times + at);
    const auto* const next = reinterpret_cast<const __m256i*>(times + at + 1);
    return _mm256_cmpeq_epi64(_mm256_loadu_si256(here), _mm256_loadu_si256(next));
  };
  __m256i any = pairs(count - 5);
  for (std::size_t at = 0; at + 5 < count; at += 4) any = _mm256_or_si256(any, pairs(at));
  return _mm256_testz_si256(any, any) == 0;
}

// Whether two neighbours are equal.
bool HasTies(const std::int64_t* times, std::size_t count) {
  static const bool wide = __builtin_cpu_supports("avx2") != 0;
  return wide ? HasTiesAvx2(times, count) : HasTiesPlain(times, count);
}

}  // namespace

FunnelSearch::FunnelSearch(const FunnelRules& rules, std::span<const std::uint32_t> selectors,
                           Form form)
    : rules_(rules) {
  for (const std::uint32_t selector : selectors) {
    const auto bit = static_cast<std::uint8_t>(1u << selector % 8);
    const auto code = static_cast<std::uint8_t>(1 + selector);
    steps_.push_back(form == Form::kBits ? Test{bit, bit} : Test{0xff, code});
  }
}

std::uint32_t FunnelSearch::FindNext(const FunnelBytes& rows, Test step, std::uint32_t from,
                                     std::uint32_t end) {
  const __m128i mask = Everywhere(step.mask);
  const __m128i value = Everywhere(step.value);
  for (; from + kVector <= rows.selected.size(); from += kVector) {
    if (from >= end) return end;
    const std::uint32_t found = RowsWith(rows.selected.data() + from, mask, value);
    if (found == 0) continue;
    return std::min(end, from + static_cast<std::uint32_t>(std::countr_zero(found)));
  }
  while (from < end && (rows.selected[from] & step.mask) != step.value) ++from;
  return std::min(from, end);
}

std::uint32_t FunnelSearch::FindLast(const FunnelBytes& rows, Test step, std::uint32_t before) {
  const __m128i mask = Everywhere(step.mask);
  const __m128i value = Everywhere(step.value);
  for (; before >= kVector; before -= kVector) {
    const std::uint32_t found = RowsWith(rows.selected.data() + before - kVector, mask, value);
    if (found != 0) return before - kVector + static_cast<std::uint32_t>(std::bit_width(found)) - 1;
  }
  while ((rows.selected[before - 1] & step.mask) != step.value) --before;
  return before - 1;
}

std::uint32_t FunnelSearch::LatestStart(const FunnelBytes& rows, std::uint32_t steps,
                                        std::uint32_t before) const {
  for (std::uint32_t k = steps; k-- > 0;) before = FindLast(rows, steps_[k], before);
  return before;
}

bool FunnelSearch::Match(const FunnelBytes& rows, std::uint32_t begin, std::uint32_t end,
                         FunnelChain* chain) const {
  std::uint32_t level = 0;
  std::uint32_t start = begin;    // of some chain of that level
  std::uint32_t reached = begin;  // the row with which the level was reached
  int tries = 0;
  for (std::uint32_t row = begin; level < rules_.steps;) {
    const std::uint32_t next = FindNext(rows, steps_[level], row, end);
    if (next == end) break;
    row = next + 1;
    if (level == 0) start = next;
    if (!InWindow(rows, start, next)) {
      start = LatestStart(rows, level, next);
      if (!InWindow(rows, start, next)) {
        if (++tries > kTriesMax) return false;
        continue;
      }
    }
    chain->rows[level++] = next;
    reached = next;
  }
  const std::uint32_t seen = level < rules_.steps ? end : std::min(end, reached + 2);
  if (HasTies(rows.time_ms.data() + begin, seen - begin)) return false;
  chain->level = level;
  chain->filled = 0;
  chain->open_start_ms = FunnelChain::kNeverOpen;
  if (level == 0) return true;
  chain->filled = ~std::uint64_t{0} >> (64 - level);
  // From the latest start on each step as early as can be, until that is where its level was
  // reached: from there on all are.
  std::uint32_t row = reached;
  for (std::uint32_t k = level - 1; k-- > 0;) {
    row = chain->rows[k] + 1 == row ? row - 1 : FindLast(rows, steps_[k], row);
  }
  for (std::uint32_t k = 0; k < level; ++k) {
    row = FindNext(rows, steps_[k], row, end);
    if (row == chain->rows[k]) break;
    chain->rows[k] = row++;
  }
  if (level < rules_.steps) chain->open_start_ms = rows.time_ms[LatestStart(rows, level, end)];
  return true;
}

}  // namespace v1
}  // namespace insightflow
