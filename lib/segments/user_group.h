// The step that every merge of sorted cursors takes: which of them stand at the least user, and how
// far the least of these goes before another's row comes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace insightflow {
inline namespace v1 {

// A cursor has done(), row(), run_end(), IsBeforeUser(other), IsSameUser(other) and
// IsBefore(row, other). Not thread-safe.
template <typename Cursor>
class UserGroup {
 public:
  void Clear() { cursors_.clear(); }
  // Offer all cursors after Clear; those at the least user stay, in the order of the offers.
  void Offer(Cursor* cursor) {
    if (cursor->done()) return;
    if (!empty() && cursor->IsBeforeUser(*cursors_.front())) cursors_.clear();
    if (empty() || cursor->IsSameUser(*cursors_.front())) cursors_.push_back(cursor);
  }
  bool empty() const { return cursors_.empty(); }

  // How far the rows of the group's least cursor go before another's come. The group is not empty.
  std::uint32_t EndOfSpan(Cursor** least) const {
    Cursor* first = cursors_.front();
    Cursor* second = nullptr;
    for (std::size_t i = 1; i < cursors_.size(); ++i) {
      Cursor* other = cursors_[i];
      if (other->IsBefore(other->row(), *first)) std::swap(other, first);
      if (second == nullptr || other->IsBefore(other->row(), *second)) second = other;
    }
    *least = first;
    if (second == nullptr) return first->run_end();
    std::uint32_t end = first->row() + 1;
    while (end < first->run_end() && first->IsBefore(end, *second)) ++end;
    return end;
  }

 private:
  std::vector<Cursor*> cursors_;
};

}  // namespace v1
}  // namespace insightflow
