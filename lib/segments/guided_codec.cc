#include "lib/segments/guided_codec.h"

#include <algorithm>
#include <array>

#include "lib/model/batch.h"
#include "lib/segments/column_encoding.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::size_t kTypeCodes = std::size_t{kNarrowTypesMax} + 1;

// Of every type whether rows of it may have a value: 0 or 1.
class Gate {
 public:
  void Open(std::uint8_t type, bool open) { open_[type] |= open ? 1u : 0u; }
  std::uint32_t IsOpen(std::uint8_t type) const { return open_[type]; }
  // 0, or all bits of a code.
  std::uint32_t Mask(std::uint8_t type) const { return 0 - open_[type]; }

  static std::size_t Bytes(std::uint32_t entries) { return entries / 8 + 1; }
  void Put(std::uint32_t entries, std::string* out) const {
    std::array<std::uint8_t, kTypeCodes / 8> bits = {};
    for (std::size_t type = 0; type < kTypeCodes; ++type) {
      bits[type / 8] = static_cast<std::uint8_t>(bits[type / 8] | open_[type] << type % 8);
    }
    out->append(reinterpret_cast<const char*>(bits.data()), Bytes(entries));
  }
  bool Get(std::uint32_t entries, ByteReader* in) {
    std::string_view bits;
    if (!in->GetRaw(Bytes(entries), &bits)) return false;
    for (std::size_t type = 0; type <= entries; ++type) {
      open_[type] = static_cast<std::uint8_t>(bits[type / 8]) >> type % 8 & 1u;
    }
    return true;
  }

 private:
  std::array<std::uint32_t, kTypeCodes> open_ = {};
};

// What differs from what was foretold: in scratch.patch.gaps the first one's row, then how far each
// lies behind the one before, and what is there instead in scratch.values32.
class Exceptions {
 public:
  explicit Exceptions(ColumnScratch* scratch)
      : gaps_(scratch->patch.gaps), values_(scratch->values32) {
    gaps_.clear();
    values_.clear();
  }
  void Add(std::size_t row, std::uint32_t value) {
    gaps_.push_back(static_cast<std::uint32_t>(row - before_));
    values_.push_back(value);
    before_ = row;
  }
  std::size_t count() const { return gaps_.size(); }
  void Put(std::string* out) const {
    PutVarint(out, gaps_.size());
    PutInts<std::uint32_t>(out, gaps_, false);
    PutInts<std::uint32_t>(out, values_, false);
  }
  // Calls set(row, value) for each.
  template <typename Set>
  bool Get(ByteReader* in, std::size_t rows, Set set) {
    std::uint64_t count;
    if (!in->GetVarint(&count) || count > rows ||
        !GetInts(in, static_cast<std::size_t>(count), &gaps_) ||
        !GetInts(in, static_cast<std::size_t>(count), &values_)) {
      return false;
    }
    std::uint64_t row = 0;
    for (std::size_t i = 0; i < gaps_.size(); ++i) {
      row += gaps_[i];
      if (row >= rows || (i > 0 && gaps_[i] == 0)) return false;
      set(static_cast<std::size_t>(row), values_[i]);
    }
    return true;
  }

 private:
  std::vector<std::uint32_t>& gaps_;
  std::vector<std::uint32_t>& values_;
  std::size_t before_ = 0;
};

bool AreGuides(const RowGuides& guides, std::size_t rows) {
  return guides.types.size() == rows && guides.type_entries <= kNarrowTypesMax;
}

bool PutTitles(std::span<const std::uint32_t> codes, const RowGuides& guides, const Gate& gate,
               ColumnScratch* scratch, std::string* out) {
  Exceptions exceptions(scratch);
  std::size_t values = 0;
  for (std::size_t row = 0; row < codes.size(); ++row) {
    values += codes[row] != 0 ? 1 : 0;
    const std::uint32_t foretold = guides.titles[guides.pages[row]] & gate.Mask(guides.types[row]);
    if (foretold != codes[row]) exceptions.Add(row, codes[row]);
  }
  if (exceptions.count() > values / 8) return false;
  gate.Put(guides.type_entries, out);
  exceptions.Put(out);
  return true;
}

}  // namespace

std::uint8_t PutGuidedCodes(std::span<const std::uint32_t> codes, const RowGuides& guides,
                            ColumnScratch* scratch, std::string* out) {
  if (!AreGuides(guides, codes.size())) {
    PutCodes(codes, scratch, out);
    return kSharedCodes;
  }
  Gate gate;
  for (std::size_t row = 0; row < codes.size(); ++row) {
    gate.Open(guides.types[row], codes[row] != 0);
  }
  const bool has_pages = !guides.titles.empty() && guides.pages.size() == codes.size();
  if (has_pages && PutTitles(codes, guides, gate, scratch, out)) return kTitlesOfPages;
  std::vector<std::uint32_t>& gated = scratch->gated;
  gated.resize(codes.size());
  std::size_t count = 0;
  for (std::size_t row = 0; row < codes.size(); ++row) {
    gated[count] = codes[row];
    count += gate.IsOpen(guides.types[row]);
  }
  if (count > codes.size() / 8 * 7) {
    PutCodes(codes, scratch, out);
    return kSharedCodes;
  }
  gate.Put(guides.type_entries, out);
  PutCodes(std::span(gated).first(count), scratch, out);
  return kGatedCodes;
}

bool GetGatedCodes(ByteReader* in, const RowGuides& guides, std::uint32_t entries,
                   ColumnScratch* scratch, std::span<std::uint32_t> codes) {
  Gate gate;
  if (!AreGuides(guides, codes.size()) || !gate.Get(guides.type_entries, in)) return false;
  std::size_t count = 0;
  for (const std::uint8_t type : guides.types) count += gate.IsOpen(type);
  std::vector<std::uint32_t>& gated = scratch->gated;
  gated.resize(count + 1);  // the last one is read and masked
  if (count == 0 || !GetCodes(in, entries, scratch, std::span(gated).first(count))) return false;
  std::size_t next = 0;
  for (std::size_t row = 0; row < codes.size(); ++row) {
    codes[row] = gated[next] & gate.Mask(guides.types[row]);
    next += gate.IsOpen(guides.types[row]);
  }
  return true;
}

bool GetTitlesOfPages(ByteReader* in, const RowGuides& guides, std::uint32_t entries,
                      ColumnScratch* scratch, std::span<std::uint32_t> codes) {
  Gate gate;
  if (!AreGuides(guides, codes.size()) || guides.pages.size() != codes.size() ||
      !gate.Get(guides.type_entries, in)) {
    return false;
  }
  for (std::size_t row = 0; row < codes.size(); ++row) {
    if (guides.pages[row] >= guides.titles.size()) return false;
    codes[row] = guides.titles[guides.pages[row]] & gate.Mask(guides.types[row]);
  }
  std::uint32_t greatest = 0;
  for (const std::uint32_t code : codes) greatest = std::max(greatest, code);
  const bool read = Exceptions(scratch).Get(in, codes.size(), [&](std::size_t row, auto code) {
    codes[row] = code;
    greatest = std::max(greatest, code);
  });
  return read && greatest <= entries;
}

namespace {

constexpr std::size_t kFlagKinds = std::size_t{kStoredFlags} + 1;

// The distinct flags of a block, rising, and the number of each.
struct FlagKinds {
  std::array<std::uint8_t, kFlagKinds> index = {};
  std::string kinds;

  explicit FlagKinds(std::span<const std::uint8_t> flags) {
    for (const std::uint8_t value : flags) index[value] = 1;
    for (std::size_t value = 0; value < kFlagKinds; ++value) {
      if (index[value] == 0) continue;
      index[value] = static_cast<std::uint8_t>(kinds.size());
      kinds.push_back(static_cast<char>(value));
    }
  }
};

using KindOfType = std::array<std::uint8_t, kTypeCodes>;

// Which kind most rows of each type have, the least of several.
KindOfType MostOfEachType(std::span<const std::uint8_t> indexes, const RowGuides& guides) {
  std::array<std::array<std::uint32_t, kFlagKinds>, kTypeCodes> counts = {};
  for (std::size_t row = 0; row < indexes.size(); ++row) ++counts[guides.types[row]][indexes[row]];
  KindOfType most = {};
  for (std::size_t type = 0; type <= guides.type_entries; ++type) {
    const auto& of_type = counts[type];
    most[type] = static_cast<std::uint8_t>(std::max_element(of_type.begin(), of_type.end()) -
                                           of_type.begin());
  }
  return most;
}

bool GetFlagsOfTypes(ByteReader* in, std::size_t kinds, const RowGuides& guides,
                     ColumnScratch* scratch, std::span<std::uint8_t> indexes) {
  std::string_view most;
  if (!AreGuides(guides, indexes.size()) ||
      !in->GetRaw(std::size_t{guides.type_entries} + 1, &most)) {
    return false;
  }
  for (const char kind : most) {
    if (static_cast<std::uint8_t>(kind) >= kinds) return false;
  }
  for (std::size_t row = 0; row < indexes.size(); ++row) {
    indexes[row] = static_cast<std::uint8_t>(most[guides.types[row]]);
  }
  bool good = true;
  return Exceptions(scratch).Get(in, indexes.size(), [&](std::size_t row, std::uint32_t kind) {
    good &= kind < kinds;
    indexes[row] = static_cast<std::uint8_t>(kind);
  }) && good;
}

}  // namespace

std::uint8_t PutFlags(std::span<const std::uint8_t> flags, const RowGuides& guides,
                      ColumnScratch* scratch, std::string* out) {
  const FlagKinds kinds(flags);
  PutBytes(out, kinds.kinds);
  std::vector<std::uint8_t>& indexes = scratch->bytes;
  indexes.resize(flags.size());
  std::transform(flags.begin(), flags.end(), indexes.begin(),
                 [&](std::uint8_t value) { return kinds.index[value]; });
  if (kinds.kinds.size() > 1 && AreGuides(guides, flags.size())) {
    const KindOfType most = MostOfEachType(indexes, guides);
    Exceptions exceptions(scratch);
    for (std::size_t row = 0; row < indexes.size(); ++row) {
      if (indexes[row] != most[guides.types[row]]) exceptions.Add(row, indexes[row]);
    }
    if (exceptions.count() < flags.size() / 16) {
      out->append(reinterpret_cast<const char*>(most.data()), guides.type_entries + 1);
      exceptions.Put(out);
      return kFlagsOfTypes;
    }
  }
  PutPatched<std::uint8_t>(out, indexes, &scratch->patch);
  return kFirstEncoding;
}

bool GetFlags(ByteReader* in, std::uint8_t encoding, const RowGuides& guides,
              ColumnScratch* scratch, std::span<std::uint8_t> flags) {
  std::string_view kinds;
  if (!in->GetBytes(&kinds) || kinds.empty() || kinds.size() > kFlagKinds) return false;
  const bool read = encoding == kFlagsOfTypes
                        ? GetFlagsOfTypes(in, kinds.size(), guides, scratch, flags)
                        : GetPatched(in, flags, &scratch->patch);
  if (!read) return false;
  std::array<std::uint8_t, 256> value_of = {};
  std::uint8_t all = 0;
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    value_of[i] = static_cast<std::uint8_t>(kinds[i]);
    all |= value_of[i];
  }
  std::uint8_t greatest = 0;
  for (std::uint8_t& flag : flags) {
    greatest = std::max(greatest, flag);
    flag = value_of[flag];
  }
  return (all & ~kStoredFlags) == 0 && greatest < kinds.size();
}

}  // namespace v1
}  // namespace insightflow
