#include "lib/log/dedupe_pack.h"

#include <array>
#include <bit>
#include <cstring>
#include <type_traits>

#include "lib/base/coding.h"
#include "lib/log/dedupe_shard.h"

namespace insightflow {
inline namespace v1 {
namespace {

// A count takes 4 bits.
constexpr std::size_t CountBytes(std::size_t buckets) { return (buckets + 1) / 2; }

// All bytes of a slot but its last one, which is the code.
template <typename Form>
constexpr std::size_t kKeyBytes = sizeof(typename Form::Slot) - 1;

std::uint64_t WordAt(const char* bytes) {
  std::uint64_t word;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

// The slot of the key bytes at `from` and a code. Reads a byte before the last seven, too.
template <typename Form>
typename Form::Slot MakeSlot(const char* from, std::uint8_t code) {
  const std::uint64_t last = WordAt(from + kKeyBytes<Form> - 8) >> 8 | std::uint64_t{code} << 56;
  if constexpr (std::is_same_v<Form, FullForm>) {
    return {WordAt(from), last};
  } else {
    return last;
  }
}

static_assert(std::endian::native == std::endian::little);

}  // namespace

DedupePacker::DedupePacker(const DedupeState& state, bool compact)
    : compact_(compact),
      generations_alive_(state.generations.size()),
      generation_bits_(static_cast<unsigned>(std::bit_width(state.generations.size() - 1))) {
  for (std::size_t i = 0; i < generations_alive_; ++i) {
    const std::uint64_t number = state.newest + 1 - generations_alive_ + i;
    const std::uint8_t code = dedupe::CodeOf(number);
    live_[code] = 1;
    generation_of_[code] = static_cast<std::uint8_t>(i);
    code_of_[i] = code;
  }
}

std::uint64_t DedupePacker::BytesAfterCount(std::size_t buckets, PackedCount slots) const {
  const std::uint64_t key_bytes = compact_ ? kKeyBytes<CompactForm> : kKeyBytes<FullForm>;
  return CountBytes(buckets) + (std::uint64_t{slots} * generation_bits_ + 7) / 8 +
         slots * key_bytes;
}

void DedupePacker::Pack(std::span<const char> buckets, std::string* out) {
  if (compact_) {
    PackSlots<CompactForm>(buckets, out);
  } else {
    PackSlots<FullForm>(buckets, out);
  }
}

template <typename Form>
void DedupePacker::PackSlots(std::span<const char> buckets, std::string* out) {
  using Slot = typename Form::Slot;
  constexpr std::size_t kSlots = BucketTable<Form>::kSlots;
  const std::size_t count = buckets.size() / kBucketBytes;
  generations_.resize(count * kSlots);
  // With room for the code of the last slot, which is written and left behind.
  slots_.resize(count * kSlots * kKeyBytes<Form> + 1);
  std::array<std::uint8_t, CountBytes(kPackedBuckets)> counts = {};
  const char* from = buckets.data();
  char* to = slots_.data();
  std::size_t live = 0;
  for (std::size_t bucket = 0; bucket < count; ++bucket) {
    const std::size_t before = live;
    for (std::size_t s = 0; s < kSlots; ++s, from += sizeof(Slot)) {
      Slot slot;
      std::memcpy(&slot, from, sizeof slot);
      const std::uint8_t code = Form::Code(slot);
      // Written at any rate and kept if it lives: which ones do is as good as random.
      std::memcpy(to + live * kKeyBytes<Form>, &slot, sizeof slot);
      generations_[live] = generation_of_[code];
      live += live_[code];
    }
    counts[bucket / 2] |= static_cast<std::uint8_t>((live - before) << bucket % 2 * 4);
  }
  generations_.resize(live);
  out->clear();
  PutFixed(out, static_cast<PackedCount>(live));
  out->append(reinterpret_cast<const char*>(counts.data()), CountBytes(count));
  PutGenerations(out);
  out->append(slots_.data(), live * kKeyBytes<Form>);
}

void DedupePacker::PutGenerations(std::string* out) const {
  std::uint64_t bits = 0;
  unsigned filled = 0;
  for (const std::uint8_t generation : generations_) {
    bits |= std::uint64_t{generation} << filled;
    filled += generation_bits_;
    for (; filled >= 8; filled -= 8, bits >>= 8) out->push_back(static_cast<char>(bits));
  }
  if (filled != 0) out->push_back(static_cast<char>(bits));
}

// False when one is not alive.
bool DedupePacker::GetGenerations(std::string_view packed, PackedCount slots) {
  generations_.resize(slots);
  const std::uint64_t mask = (std::uint64_t{1} << generation_bits_) - 1;
  std::uint64_t bits = 0;
  unsigned filled = 0;
  std::size_t at = 0;
  std::uint64_t greatest = 0;
  for (std::uint8_t& generation : generations_) {
    if (filled < generation_bits_) {
      bits |= std::uint64_t{static_cast<std::uint8_t>(packed[at++])} << filled;
      filled += 8;
    }
    const std::uint64_t value = bits & mask;
    greatest = value > greatest ? value : greatest;
    generation = static_cast<std::uint8_t>(value);
    bits >>= generation_bits_;
    filled -= generation_bits_;
  }
  return bits == 0 && greatest < generations_alive_;
}

bool DedupePacker::Unpack(std::string_view part, PackedCount slots, std::span<char> buckets) {
  return compact_ ? UnpackSlots<CompactForm>(part, slots, buckets)
                  : UnpackSlots<FullForm>(part, slots, buckets);
}

template <typename Form>
bool DedupePacker::UnpackSlots(std::string_view part, PackedCount slots, std::span<char> buckets) {
  using Slot = typename Form::Slot;
  constexpr std::size_t kSlots = BucketTable<Form>::kSlots;
  const std::size_t count = buckets.size() / kBucketBytes;
  const std::string_view counts = part.substr(0, CountBytes(count));
  const std::size_t keys_at = part.size() - slots * kKeyBytes<Form>;
  if (!GetGenerations(part.substr(counts.size(), keys_at - counts.size()), slots)) return false;
  const char* from = part.data() + keys_at;
  char* to = buckets.data();
  std::size_t done = 0;
  for (std::size_t bucket = 0; bucket < count; ++bucket, to += kBucketBytes) {
    const std::size_t in_bucket =
        static_cast<std::uint8_t>(counts[bucket / 2]) >> bucket % 2 * 4 & 15;
    if (in_bucket > kSlots || in_bucket > slots - done) return false;
    for (std::size_t s = 0; s < in_bucket; ++s, ++done, from += kKeyBytes<Form>) {
      const Slot slot = MakeSlot<Form>(from, code_of_[generations_[done]]);
      std::memcpy(to + s * sizeof slot, &slot, sizeof slot);
    }
  }
  return done == slots;
}

}  // namespace v1
}  // namespace insightflow
