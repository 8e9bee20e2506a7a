#include "lib/live/type_table.h"

#include <algorithm>
#include <utility>

#include "lib/base/hash.h"
#include "lib/base/limits.h"

namespace insightflow {
inline namespace v1 {

TypeKind KindOfType(std::string_view type) {
  if (type == "view") return TypeKind::kView;
  if (type == "click") return TypeKind::kClick;
  if (type == "purchase") return TypeKind::kPurchase;
  return TypeKind::kOther;
}

TypeTable::TypeTable(std::size_t max, std::uint64_t hash_seed)
    : max_(std::min<std::size_t>(max, HashIndex::kNone - 1)),
      hash_seed_(hash_seed),
      names_{std::string(kOtherType)},
      counts_{0} {}

std::uint32_t TypeTable::Find(std::uint64_t hash, std::string_view type) const {
  return index_.Find(hash, [&](std::uint32_t number) { return names_[number] == type; });
}

std::uint32_t TypeTable::Resolve(std::string_view type) {
  if (type.empty() || type == kOtherType) return kOther;
  const std::uint64_t hash = HashBytes(type, hash_seed_);
  const std::uint32_t known = Find(hash, type);
  if (known != HashIndex::kNone) return known;
  full_ = full_ || names_.size() > max_;
  return full_ ? kOther : Add(hash, type);
}

std::uint32_t TypeTable::NumberOf(std::string_view type) const {
  const std::uint32_t known = Find(HashBytes(type, hash_seed_), type);
  return known == HashIndex::kNone ? kOther : known;
}

std::uint32_t TypeTable::Add(std::uint64_t hash, std::string_view type) {
  const auto number = static_cast<std::uint32_t>(names_.size());
  names_.emplace_back(type);
  counts_.push_back(0);
  index_.Insert(hash, number);
  return number;
}

std::uint32_t TypeTable::Remove(std::uint32_t number) {
  const auto last = static_cast<std::uint32_t>(size()) - 1;
  index_.Erase(HashBytes(names_[number], hash_seed_), number);
  if (last != number) {
    const std::uint64_t hash = HashBytes(names_[last], hash_seed_);
    index_.Erase(hash, last);
    index_.Insert(hash, number);
    names_[number] = std::move(names_[last]);
    counts_[number] = counts_[last];
  }
  names_.pop_back();
  counts_.pop_back();
  return last;
}

std::vector<TypeCount> TypeTable::Sorted(const std::vector<std::uint64_t>& counts) const {
  std::vector<TypeCount> sorted;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] != 0) sorted.push_back({names_[i], counts[i]});
  }
  SortByCount(&sorted);
  return sorted;
}

void TypeTable::Save(std::string* out) const {
  PutVarint(out, names_.size());
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (i != kOther) PutBytes(out, names_[i]);
    PutVarint(out, counts_[i]);
  }
  PutFixed(out, static_cast<std::uint8_t>(full_ ? 1 : 0));
}

bool TypeTable::Load(int version, ByteReader* in) {
  std::uint64_t size;
  if (!in->GetVarint(&size) || size == 0 || size - 1 > max_) return false;
  if (!in->GetVarint(&counts_[kOther])) return false;
  for (std::uint64_t i = 1; i < size; ++i) {
    std::string_view name;
    std::uint64_t count;
    if (!in->GetBytes(&name) || name.size() > kEventTypeBytesMax) return false;
    if (!in->GetVarint(&count) || Resolve(name) != i) return false;
    counts_[i] = count;
  }
  // Version 1 does not say so; when in doubt it is.
  std::uint8_t full = names_.size() > max_ && counts_[kOther] != 0 ? 1 : 0;
  if (version > 1 && (!in->GetFixed(&full) || full > 1)) return false;
  full_ = full != 0;
  return true;
}

std::size_t TypeTable::bytes() const {
  std::size_t text = 0;
  for (const std::string& name : names_) text += name.capacity();
  return text + names_.capacity() * sizeof(std::string) +
         counts_.capacity() * sizeof(std::uint64_t) + index_.bytes();
}

void SortByCount(std::vector<TypeCount>* counts) {
  std::sort(counts->begin(), counts->end(), [](const TypeCount& a, const TypeCount& b) {
    return a.count != b.count ? a.count > b.count : a.type < b.type;
  });
}

}  // namespace v1
}  // namespace insightflow
