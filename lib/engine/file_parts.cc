#include "insightflow/importer.h"
#include "lib/engine/line_ordinals.h"

namespace insightflow {
inline namespace v1 {

class FileParts::Impl : public RepeatedLines {
 public:
  using RepeatedLines::RepeatedLines;
};

FileParts::FileParts(ImportFormat format) : impl_(std::make_unique<Impl>(format)) {}
FileParts::~FileParts() = default;

FilePart FileParts::Next(std::string_view text, std::uint64_t first_line) {
  return impl_->Next(text, first_line);
}

}  // namespace v1
}  // namespace insightflow
