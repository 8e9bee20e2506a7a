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

  // The number of a type, given to it when it is new and there is room. Once there was none, no
  // type gets a number any more: it would lack the events that were counted as kOther before.
  std::uint32_t Resolve(std::string_view type);
  void Count(std::uint32_t number, std::uint64_t events) { counts_[number] += events; }

  // The number under which a type's events were counted.
  std::uint32_t NumberOf(std::string_view type) const;
  // Takes an event back.
  void Take(std::uint32_t number) { counts_[number] -= counts_[number] == 0 ? 0 : 1; }
  // Removes the types that have no event left and calls moved(from, to) for each that gets another
  // number instead of the one that it had. O(types).
  template <typename Moved>
  void RemoveUnused(Moved moved) {
    for (std::uint32_t number = static_cast<std::uint32_t>(size()) - 1; number != kOther;
         --number) {
      if (counts_[number] != 0) continue;
      if (const std::uint32_t last = Remove(number); last != number) moved(last, number);
    }
    full_ = full_ && counts_[kOther] != 0;
  }

  std::size_t size() const { return names_.size(); }
  const std::string& name(std::uint32_t number) const { return names_[number]; }
  std::uint64_t count(std::uint32_t number) const { return counts_[number]; }

  // The types with a count in `counts`, which is indexed by number: most frequent first, then by
  // name.
  std::vector<TypeCount> Sorted(const std::vector<std::uint64_t>& counts) const;
  std::vector<TypeCount> SortedTotals() const { return Sorted(counts_); }

  void Save(std::string* out) const;
  bool Load(int version, ByteReader* in);
  std::size_t bytes() const;

 private:
  std::uint32_t Find(std::uint64_t hash, std::string_view type) const;
  std::uint32_t Add(std::uint64_t hash, std::string_view type);
  // Gives the last type the number of another one, which goes. Returns the number that it had.
  std::uint32_t Remove(std::uint32_t number);

  std::size_t max_;
  std::uint64_t hash_seed_;
  std::vector<std::string> names_;
  std::vector<std::uint64_t> counts_;
  HashIndex index_;
  bool full_ = false;  // kOther has events of types for which there was no room
};

// Orders counts as every answer does.
void SortByCount(std::vector<TypeCount>* counts);

}  // namespace v1
}  // namespace insightflow
