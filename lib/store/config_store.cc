#include "lib/store/config_store.h"

#include <memory>

#include "lib/base/coding.h"
#include "lib/base/hash.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::size_t kChecksumBytes = sizeof(std::uint64_t);
constexpr std::size_t kSealBytes = 1 + kChecksumBytes;

// Kinds hold no zero byte, so that none is the beginning of another.
std::string PrefixOf(const ConfigKind& kind) { return std::string(kind.name) + '\0'; }

std::string KeyOf(const ConfigKind& kind, std::string_view id) { return PrefixOf(kind).append(id); }

std::string NameOf(const ConfigKind& kind, std::string_view id) {
  return std::string(kind.name) + " \"" + std::string(id) + "\"";
}

std::uint64_t ChecksumOf(std::string_view key, std::string_view sealed) {
  return HashBytes(sealed, HashBytes(key, 0));
}

Result<std::string_view> Unseal(const ConfigKind& kind, std::string_view id,
                                std::string_view stored) {
  const Status damaged = DataLoss(NameOf(kind, id) + " is damaged: its checksum does not match");
  if (stored.size() < kSealBytes) return damaged;
  const std::string_view sealed = stored.substr(0, stored.size() - kChecksumBytes);
  std::uint64_t checksum = 0;
  ByteReader(stored.substr(sealed.size())).GetFixed(&checksum);
  if (checksum != ChecksumOf(KeyOf(kind, id), sealed)) return damaged;
  const auto version = static_cast<std::uint8_t>(sealed[0]);
  if (version == 0) return damaged;
  if (version > kind.version) {
    return FailedPrecondition(NameOf(kind, id) + " has version " + std::to_string(version) +
                              ", this build reads up to " + std::to_string(kind.version) +
                              "; use a newer build");
  }
  return sealed.substr(1);
}

Status ReadError(const rocksdb::Status& status, const ConfigKind& kind) {
  return FromRocks(status, "cannot read each " + std::string(kind.name));
}

}  // namespace

Result<std::optional<std::string>> GetConfig(const Store& store, const ConfigKind& kind,
                                             std::string_view id) {
  rocksdb::PinnableSlice stored;
  const auto status = store.db().Get(rocksdb::ReadOptions(), store.family(Family::kConfig),
                                     KeyOf(kind, id), &stored);
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return FromRocks(status, "cannot read " + NameOf(kind, id));
  const Result<std::string_view> value = Unseal(kind, id, ToView(stored));
  if (!value.ok()) return value.status();
  return std::optional<std::string>(*value);
}

Status PutConfig(Store* store, const ConfigKind& kind, std::string_view id,
                 std::string_view value) {
  const std::string key = KeyOf(kind, id);
  std::string sealed;
  PutFixed(&sealed, kind.version);
  sealed.append(value);
  PutFixed(&sealed, ChecksumOf(key, sealed));
  if (Status space = store->CheckFreeSpace(sealed.size()); !space.ok()) return space;
  rocksdb::WriteBatch batch;
  (void)batch.Put(store->family(Family::kConfig), key, sealed);
  return store->Write(&batch, true);
}

Status RemoveConfig(Store* store, const ConfigKind& kind, std::string_view id) {
  rocksdb::WriteBatch batch;
  (void)batch.Delete(store->family(Family::kConfig), KeyOf(kind, id));
  return store->Write(&batch, true);
}

Status VisitConfig(const Store& store, const ConfigKind& kind, const ConfigVisitor& visit) {
  const std::string prefix = PrefixOf(kind);
  const std::unique_ptr<rocksdb::Iterator> rows(
      store.db().NewIterator(rocksdb::ReadOptions(), store.family(Family::kConfig)));
  for (rows->Seek(prefix); rows->Valid() && rows->key().starts_with(prefix); rows->Next()) {
    const std::string_view id = ToView(rows->key()).substr(prefix.size());
    visit(id, Unseal(kind, id, ToView(rows->value())));
  }
  return rows->status().ok() ? Status::Ok() : ReadError(rows->status(), kind);
}

}  // namespace v1
}  // namespace insightflow
