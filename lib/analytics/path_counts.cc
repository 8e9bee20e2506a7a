#include "lib/analytics/path_counts.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::size_t kAhead = 12;  // look-ups that are under way

}  // namespace

// The key's entry, or the free one where it belongs. There is a free one.
PathCounts::Entry* PathCounts::Find(std::uint64_t key) {
  const std::size_t mask = entries_.size() - 1;
  std::size_t at = PlaceOf(key);
  while (entries_[at].key != key && entries_[at].key != 0) at = (at + 1) & mask;
  if (entries_[at].key == 0) {
    entries_[at].key = key;
    ++size_;
  }
  return &entries_[at];
}

void PathCounts::Reserve(std::size_t more) {
  const std::size_t wanted = SlotsFor(size_ + more);
  if (wanted <= entries_.size()) return;
  std::vector<Entry> old(wanted);
  old.swap(entries_);
  shift_ = 64 - std::countr_zero(wanted);
  size_ = 0;
  for (const Entry& entry : old) {
    if (entry.key != 0) *Find(entry.key) = entry;
  }
}

void PathCounts::CountPending() {
  Reserve(pending_.size());
  for (std::size_t i = 0; i < pending_.size(); ++i) {
    const std::size_t ahead = std::min(i + kAhead, pending_.size() - 1);
    __builtin_prefetch(&entries_[PlaceOf(pending_[ahead].key)], 1);
    const auto& [key, user] = pending_[i];
    if (user != user_) {
      EndUser();
      user_ = user;
    }
    Entry* const entry = Find(key);
    ++entry->count;
    if (entry->last_user == user) continue;
    entry->last_user = user;
    ++entry->users;
    if (overlaps_.complete()) user_keys_.push_back(key);
  }
  pending_.clear();
}

// Groups of an answer never span nodes and links, or depths.
void PathCounts::EndUser() {
  std::sort(user_keys_.begin(), user_keys_.end());
  std::vector<std::uint64_t> group;
  for (std::size_t begin = 0, end = 0; begin < user_keys_.size(); begin = end) {
    const auto group_at = [&](std::size_t i) { return user_keys_[i] >> PathKey::kGroupShift; };
    while (end < user_keys_.size() && group_at(end) == group_at(begin)) ++end;
    if (end - begin < 2) continue;
    group.assign(user_keys_.begin() + static_cast<std::ptrdiff_t>(begin),
                 user_keys_.begin() + static_cast<std::ptrdiff_t>(end));
    overlaps_.Add(&group);
  }
  user_keys_.clear();
}

void PathCounts::Flush() {
  CountPending();
  EndUser();
  user_ = 0;
}

void PathCounts::Merge(PathCounts* other, Stop* stop) {
  Flush();
  other->Flush();
  const Taken grown(SlotsFor(size_ + other->size_) * sizeof(Entry), stop);
  if (stop->over()) return;
  Reserve(other->size_);
  other->ForEach(
      [&](const Entry& theirs) {
        Entry* const ours = Find(theirs.key);
        ours->count += theirs.count;
        ours->users += theirs.users;
      },
      stop);
  if (stop->over()) return;
  overlaps_.Merge(&other->overlaps_);
  *other = PathCounts();
}

}  // namespace v1
}  // namespace insightflow
