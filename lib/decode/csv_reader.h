// CSV records to event drafts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/decode/decoder.h"
#include "lib/decode/event_reader.h"
#include "lib/validate/event_draft.h"

namespace insightflow {
inline namespace v1 {

// Not thread-safe. A draft's views live as long as the cells and until the next Read.
class CsvEventReader {
 public:
  // The fault of the first cell that cannot be read; kBadLine when there are not as many cells as
  // columns. An empty cell is an absent field.
  Fault Read(const std::vector<std::string_view>& cells, const CsvSchema& schema,
             EventReader* reader, EventDraft* draft);

 private:
  void AddColumns(const std::vector<std::string_view>& cells,
                  const std::vector<CsvSchema::Target>& targets, const EventReader* object,
                  EventDraft* draft);

  std::string extra_;
};

}  // namespace v1
}  // namespace insightflow
