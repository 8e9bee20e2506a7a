#include "lib/log/log_base.h"

#include <string>

#include "lib/base/coding.h"
#include "lib/base/hash.h"
#include "lib/log/log_entry.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr char kKey[] = "log_base";
constexpr std::uint8_t kVersion = 1;
// The checksum covers the version: a damaged one does not pass for a newer one.
constexpr std::uint64_t kChecksumSeed = 1;
constexpr std::size_t kBytes = 1 + 8 + 4 + 8 + 8 + 8;

}  // namespace

Result<LogEntryHeader> ReadLogBase(const Store& store) {
  LogEntryHeader base;
  base.first_sequence = 1;
  if (store.family(Family::kMeta) == nullptr) return base;
  std::string bytes;
  const auto found =
      store.db().Get(rocksdb::ReadOptions(), store.family(Family::kMeta), kKey, &bytes);
  if (found.IsNotFound()) return base;
  if (!found.ok()) return FromRocks(found, "cannot read where the log begins");
  const Status damaged = DataLoss("the note of where the log begins is damaged");
  if (bytes.size() != kBytes) return damaged;
  std::uint8_t version = 0;
  std::uint64_t checksum = 0;
  ByteReader in(bytes);
  in.GetFixed(&version);
  in.GetFixed(&base.first_sequence);
  in.GetFixed(&base.rows);
  in.GetFixed(&base.received_ms);
  in.GetFixed(&base.max_time_ms);
  in.GetFixed(&checksum);
  const std::string_view checked = std::string_view(bytes).substr(0, kBytes - sizeof checksum);
  if (checksum != HashBytes(checked, kChecksumSeed)) return damaged;
  if (version != kVersion) {
    return FailedPrecondition("the note of where the log begins has version " +
                              std::to_string(version) + "; use a newer build");
  }
  if (base.rows == 0 || EndOf(base) <= base.first_sequence) return damaged;
  return base;
}

void PutLogBase(const Store& store, const LogEntryHeader& last_trimmed,
                rocksdb::WriteBatch* batch) {
  std::string bytes;
  PutFixed(&bytes, kVersion);
  PutFixed(&bytes, last_trimmed.first_sequence);
  PutFixed(&bytes, last_trimmed.rows);
  PutFixed(&bytes, last_trimmed.received_ms);
  PutFixed(&bytes, last_trimmed.max_time_ms);
  PutFixed(&bytes, HashBytes(bytes, kChecksumSeed));
  (void)batch->Put(store.family(Family::kMeta), kKey, bytes);
}

}  // namespace v1
}  // namespace insightflow
