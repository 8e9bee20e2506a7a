// What the events of one user added to the live numbers, collected to be taken back at once.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/model/batch.h"

namespace insightflow {
inline namespace v1 {

// Not thread-safe. 16 bytes an event, and each distinct type, page and element once.
class LiveErasure {
 public:
  explicit LiveErasure(std::string_view user_id) : user_id_(user_id) {}

  // Adds events, all of them of the user. Only batch.received_ms and the columns time_ms, user_id,
  // event_type, page_url and element are read. O(rows).
  void Add(const EventBatch& batch);

  const std::string& user_id() const { return user_id_; }
  std::uint64_t events() const { return events_.size(); }

  // Read by the live numbers.
  struct Counted {
    std::int64_t second = 0;  // of LiveTime
    std::uint32_t type = 0;   // in types()
    std::uint32_t value = 0;  // of a view in pages(), of a click in elements(), otherwise 0
  };
  const std::vector<Counted>& counted() const { return events_; }
  const DictColumn& types() const { return types_; }
  const DictColumn& pages() const { return pages_; }
  const DictColumn& elements() const { return elements_; }

 private:
  std::string user_id_;
  std::vector<Counted> events_;
  DictColumn types_;  // these three only as dictionaries
  DictColumn pages_;
  DictColumn elements_;
};

}  // namespace v1
}  // namespace insightflow
