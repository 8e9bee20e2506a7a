// Any bytes as a query and as a funnel definition: it is refused with a message, or it is written
// as a text that reads back as the same.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "insightflow/wire.h"

namespace insightflow {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

Result<FunnelQuery> StoredFunnel(std::string_view id) {
  if (id.empty()) return NotFound("empty");
  FunnelQuery funnel;
  funnel.steps = {{.event = {{"view"}}}, {.event = {{"purchase"}}}};
  return funnel;
}

void RunAsFunnel(std::string_view input) {
  const Result<FunnelDefinition> funnel = ParseFunnel(input);
  if (!funnel.ok()) return Require(!funnel.status().message().empty());
  const std::string text = WriteFunnel(*funnel);
  const Result<FunnelDefinition> again = ParseFunnel(text);
  // What is written may be longer than what was read: control characters are escaped.
  Require(again.ok() ? *again == *funnel && WriteFunnel(*again) == text
                     : text.size() > kFunnelBytesMax);
}

void Run(std::string_view input) {
  RunAsFunnel(input);
  const Result<Query> query = ParseQuery(input, StoredFunnel);
  if (!query.ok()) {
    const StatusCode code = query.status().code();
    Require(code == StatusCode::kInvalidArgument || code == StatusCode::kNotFound ||
            code == StatusCode::kOutOfRange);
    Require(!query.status().message().empty() && query.status().message().size() < 2'000);
    return;
  }
  const std::string text = WriteQuery(*query);
  const Result<Query> again = ParseQuery(text);
  Require(again.ok() && *again == *query && WriteQuery(*again) == text);
  const Answer empty;
  Require(WriteAnswer(*query, empty).ends_with("}}"));
  Require(WriteTable(*query, empty).ends_with("\n"));
}

}  // namespace
}  // namespace insightflow

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  insightflow::Run({reinterpret_cast<const char*>(data), size});
  return 0;
}
