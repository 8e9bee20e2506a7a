// Any bytes as a log record: as they are, and with checksums made to match.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "lib/log/codec.h"
#include "tests/reference/random_batch.h"
#include "tests/reference/reseal_record.h"

namespace {

constexpr std::uint64_t kHashSeed = 7;

void Decode(const std::string& record) {
  using namespace insightflow;
  EventBatch batch;
  const Status status = DecodeRecord(record, {}, kHashSeed, &batch);
  if (status.ok() != VerifyRecord(record).ok()) std::abort();
  if (!status.ok()) {
    if (status.code() != StatusCode::kDataLoss || batch.rows != 0) std::abort();
    return;
  }
  if (RecordRows(record).value() != batch.rows) std::abort();
  // What decodes is a batch like any other: it encodes, and the rows come back.
  std::string again;
  EncodeRecord(batch, &again);
  EventBatch decoded;
  if (!DecodeRecord(again, {}, kHashSeed, &decoded).ok()) std::abort();
  if (batch.rows <= 1'000 && !testing::FirstDifference(batch, decoded).empty()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string record(reinterpret_cast<const char*>(data), size);
  Decode(record);
  insightflow::testing::ResealRecord(&record);
  Decode(record);
  return 0;
}
