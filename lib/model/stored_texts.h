// The columns with a text of its own in each row, in the form in which both log records and
// segments store them, so that folding need not make texts of them.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/base/hash.h"
#include "lib/model/shaped_texts.h"

namespace insightflow {
inline namespace v1 {

struct StoredTexts {
  // A value a row, or empty.
  std::vector<std::uint8_t> id_forms;  // EventIdForm
  std::vector<Hash128> packed_ids;     // or the key of a row without an id
  ShapedTexts extra_data;

  void Clear() {
    id_forms.clear();
    packed_ids.clear();
    extra_data.Clear();
  }
};

}  // namespace v1
}  // namespace insightflow
