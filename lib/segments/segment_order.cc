#include "lib/segments/segment_order.h"

#include <algorithm>
#include <cstddef>

namespace insightflow {
inline namespace v1 {
namespace {

void OrderUsers(const SegmentRows& rows, std::uint64_t hash_seed, const SegmentOptions& options,
                const std::vector<std::uint32_t>& counts, SegmentOrder* order) {
  const DictColumn& ids = rows.column(Field::kUserId).values;
  for (std::uint32_t code = 0; code < counts.size(); ++code) {
    if (counts[code] == 0) continue;
    order->users.push_back({options.user_hash(ids.Entry(code), hash_seed), code, 0});
  }
  std::sort(order->users.begin(), order->users.end(),
            [&ids](const SegmentOrder::User& a, const SegmentOrder::User& b) {
              if (a.hash != b.hash) return a.hash < b.hash;
              return ids.Entry(a.code) < ids.Entry(b.code);
            });
}

}  // namespace

SegmentOrder OrderRows(const SegmentRows& rows, std::uint64_t hash_seed,
                       const SegmentOptions& options) {
  const SegmentRows::Text& users = rows.column(Field::kUserId);
  const auto user_of = [&](std::uint32_t row) {
    return row < users.codes.size() ? users.codes[row] : 0;
  };
  std::vector<std::uint32_t> next(users.values.entries() + 1, 0);
  for (std::uint32_t row = 0; row < rows.rows(); ++row) ++next[user_of(row)];
  SegmentOrder order;
  OrderUsers(rows, hash_seed, options, next, &order);
  std::uint32_t begin = 0;
  for (SegmentOrder::User& user : order.users) {
    user.end = begin + next[user.code];
    next[user.code] = begin;
    begin = user.end;
  }
  order.rows.resize(rows.rows());
  for (std::uint32_t row = 0; row < rows.rows(); ++row) order.rows[next[user_of(row)]++] = row;

  const auto before = [&rows](std::uint32_t a, std::uint32_t b) {
    if (rows.time[a] != rows.time[b]) return rows.time[a] < rows.time[b];
    return rows.sequence[a] < rows.sequence[b];
  };
  auto from = order.rows.begin();
  for (const SegmentOrder::User& user : order.users) {
    const auto to = order.rows.begin() + static_cast<std::ptrdiff_t>(user.end);
    if (!std::is_sorted(from, to, before)) std::sort(from, to, before);
    from = to;
  }
  return order;
}

}  // namespace v1
}  // namespace insightflow
