#include "lib/segments/extra_rows.h"

namespace insightflow {
inline namespace v1 {

void ExtraRows::UseTexts() {
  as_texts_ = true;
  shaped_.Join(&texts_.bytes, &texts_.ends);
  shaped_.Clear();
}

void ExtraRows::AddJoined(std::string_view shape, const std::uint64_t* numbers) {
  JoinShape(shape, numbers, &texts_.bytes);
  texts_.ends.push_back(static_cast<std::uint32_t>(texts_.bytes.size()));
}

void ExtraRows::Clear() {
  as_texts_ = false;
  shaped_.Clear();
  texts_.Clear();
}

}  // namespace v1
}  // namespace insightflow
