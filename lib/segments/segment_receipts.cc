#include "lib/segments/segment_receipts.h"

#include <memory>
#include <string>
#include <string_view>

#include "lib/base/coding.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::string_view kPrefix = std::string_view("receipts\0", 9);

std::string KeyOf(std::uint64_t first_sequence) {
  std::string key(kPrefix);
  PutBigEndian64(&key, first_sequence);
  return key;
}

// Walks the values of `receipts` keys.
class ReceiptValues {
 public:
  explicit ReceiptValues(const Store& store)
      : rows_(store.db().NewIterator(rocksdb::ReadOptions(), store.family(Family::kMeta))) {}

  // At the fold that holds `sequence`, else at the first one after it.
  bool Seek(std::uint64_t sequence) {
    rows_->SeekForPrev(KeyOf(sequence));
    if (!IsReceipts()) rows_->Seek(KeyOf(sequence));
    return IsReceipts();
  }
  bool Next() {
    rows_->Next();
    return IsReceipts();
  }
  // Errors name the value by its first event.
  Status Read(Receipts* receipts) const {
    const std::uint64_t first = LoadBigEndian64(rows_->key().data() + kPrefix.size());
    Status status = DecodeReceipts(ToView(rows_->value()), receipts);
    if (status.ok() && receipts->list.front().first_sequence != first) {
      status = DataLoss("a list of receipts lies under a wrong key");
    }
    if (status.ok()) return status;
    return Status(status.code(),
                  status.message() + " (events from " + std::to_string(first) + " on)");
  }
  Status status() const { return FromRocks(rows_->status(), "cannot read receipts"); }

 private:
  bool IsReceipts() const {
    return rows_->Valid() && ToView(rows_->key()).starts_with(kPrefix) &&
           rows_->key().size() == kPrefix.size() + sizeof(std::uint64_t);
  }

  const std::unique_ptr<rocksdb::Iterator> rows_;
};

}  // namespace

void PutReceipts(const Store& store, const Receipts& receipts, rocksdb::WriteBatch* batch) {
  if (receipts.list.empty()) return;
  (void)batch->Put(store.family(Family::kMeta), KeyOf(receipts.list.front().first_sequence),
                   EncodeReceipts(receipts));
}

Status ReadReceipts(const Store& store, std::uint64_t first_sequence,
                    const std::function<bool(const Receipt&, std::uint64_t end)>& take) {
  ReceiptValues values(store);
  Receipts receipts;
  for (bool valid = values.Seek(first_sequence); valid; valid = values.Next()) {
    if (Status status = values.Read(&receipts); !status.ok()) return status;
    for (std::size_t i = 0; i < receipts.list.size(); ++i) {
      const bool last = i + 1 == receipts.list.size();
      const std::uint64_t end = last ? receipts.end_sequence : receipts.list[i + 1].first_sequence;
      if (end > first_sequence && !take(receipts.list[i], end)) return Status::Ok();
    }
  }
  return values.status();
}

void CheckReceipts(const Store& store, std::uint64_t folded_sequence, CheckReport* report) {
  ReceiptValues values(store);
  Receipts receipts;
  std::uint64_t next = 1;
  for (bool valid = values.Seek(0); valid && next <= folded_sequence; valid = values.Next()) {
    if (Status status = values.Read(&receipts); !status.ok()) {
      report->damage.push_back(status.message());
      return;
    }
    if (receipts.list.front().first_sequence != next) break;
    next = receipts.end_sequence;
  }
  if (Status status = values.status(); !status.ok()) {
    report->damage.push_back(status.message());
  } else if (next != folded_sequence + 1) {
    report->damage.push_back("the receipts of events from " + std::to_string(next) +
                             " on are missing or overlap");
  }
}

}  // namespace v1
}  // namespace insightflow
