// Event types by number, in the order in which the log brings them, with their totals.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "insightflow/live.h"
#include "lib/base/coding.h"
#include "lib/live/hash_index.h"

namespace insightflow {
inline namespace v1 {

inline constexpr std::string_view kOtherType = "__other__";

// The types that some live number is about.
enum class TypeKind : std::uint8_t { kView, kClick, kPurchase, kOther };
TypeKind KindOfType(std::string_view type);

class TypeTable {
 public:
  // Number 0 is kOtherType: the types past `max`, and events that name it or nothing.
  static constexpr std::uint32_t kOther = 0;

  TypeTable(std::size_t max, std::uint64_t hash_seed);

  // The number of a type, given to it when it is new and there is room.
  std::uint32_t Resolve(std::string_view type);
  void Count(std::uint32_t number) { ++counts_[number]; }

  std::size_t size() const { return names_.size(); }
  const std::string& name(std::uint32_t number) const { return names_[number]; }
  std::uint64_t count(std::uint32_t number) const { return counts_[number]; }

  // The types with a count in `counts`, which is indexed by number: most frequent first, then by
  // name.
  std::vector<TypeCount> Sorted(const std::vector<std::uint64_t>& counts) const;
  std::vector<TypeCount> SortedTotals() const { return Sorted(counts_); }

  void Save(std::string* out) const;
  bool Load(ByteReader* in);
  std::size_t bytes() const;

 private:
  std::uint32_t Find(std::uint64_t hash, std::string_view type) const;

  std::size_t max_;
  std::uint64_t hash_seed_;
  std::vector<std::string> names_;
  std::vector<std::uint64_t> counts_;
  HashIndex index_;
};

// Orders counts as every answer does.
void SortByCount(std::vector<TypeCount>* counts);

}  // namespace v1
}  // namespace insightflow
