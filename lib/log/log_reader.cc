#include "lib/log/log_reader.h"

#include <algorithm>
#include <string>

#include "lib/log/log_entry.h"

namespace insightflow {
inline namespace v1 {
namespace {

rocksdb::ReadOptions ScanOptions() {
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  options.verify_checksums = true;
  return options;
}

class RocksLogReader final : public LogReader {
 public:
  RocksLogReader(const Store& store, std::uint64_t begin)
      : dir_(store.dir()),
        begin_(begin),
        rows_(store.db().NewIterator(ScanOptions(), store.family(Family::kLog))) {}

  bool Valid() const override { return valid_; }
  const LogEntry& entry() const override { return entry_; }
  Status status() const override { return status_; }

  void Next() override {
    if (!valid_) return;
    const LogEntryHeader before = entry_.header;
    rows_->Next();
    Load(EventRange(EndOf(before), EndOf(before)) + " or later");
    if (valid_ && entry_.header.first_sequence != EndOf(before)) {
      Gap(EndOf(before), entry_.header.first_sequence);
    }
  }

  void Prev() override {
    if (!valid_) return;
    const LogEntryHeader after = entry_.header;
    if (after.first_sequence == begin_) {
      valid_ = false;
      return;
    }
    rows_->Prev();
    Load("events before " + std::to_string(after.first_sequence));
    if (valid_ && EndOf(entry_.header) != after.first_sequence) {
      Gap(EndOf(entry_.header), after.first_sequence);
    }
  }

  // At the entry that holds `sequence`, else at the first one after it.
  void SeekTo(std::uint64_t sequence) {
    if (sequence <= begin_) return SeekAtOrAfter(begin_);
    const auto key = LogKey(sequence);
    rows_->SeekForPrev({key.data(), key.size()});
    if (rows_->Valid() && !IsTrimmed()) {
      Load(EventRange(sequence, sequence) + " or earlier");
      if (valid_ && EndOf(entry_.header) <= sequence) Next();
    } else if (rows_->status().ok()) {
      SeekAtOrAfter(begin_);
    } else {
      Load(EventRange(sequence, sequence) + " or earlier");
    }
  }

  // At the first entry with first_sequence >= `sequence`.
  void SeekAtOrAfter(std::uint64_t sequence) {
    sequence = std::max(sequence, begin_);
    const auto key = LogKey(sequence);
    rows_->Seek({key.data(), key.size()});
    Load(EventRange(sequence, sequence) + " or later");
  }

  void SeekToLast() {
    rows_->SeekToLast();
    if (rows_->Valid() && IsTrimmed()) return;
    Load("the last events");
  }

 private:
  // The entry at which RocksDB stands was trimmed, though its file is still there.
  bool IsTrimmed() const {
    return rows_->key().size() == sizeof begin_ && LoadBigEndian64(rows_->key().data()) < begin_;
  }

  void Load(const std::string& where) {
    valid_ = rows_->Valid();
    if (valid_) {
      status_ = DecodeLogEntry(ToView(rows_->key()), ToView(rows_->value()), &entry_);
    } else {
      status_ = FromRocks(rows_->status(), "cannot read " + where);
    }
    if (!status_.ok()) Fail();
  }

  void Gap(std::uint64_t first, std::uint64_t end) {
    status_ = end > first ? DataLoss(EventRange(first, end) + " are missing from the log")
                          : DataLoss("log entries overlap at event " + std::to_string(end));
    Fail();
  }

  void Fail() {
    valid_ = false;
    if (status_.code() != StatusCode::kDataLoss) return;
    status_ = DataLoss(status_.message() + "; run `insightflow check --data " + dir_ +
                       "` to see what is damaged, and restore a backup");
  }

  const std::string dir_;
  const std::uint64_t begin_;
  std::unique_ptr<rocksdb::Iterator> rows_;
  LogEntry entry_;
  bool valid_ = false;
  Status status_;
};

}  // namespace

std::unique_ptr<LogReader> NewLogReader(const Store& store, std::uint64_t begin,
                                        std::uint64_t sequence) {
  auto reader = std::make_unique<RocksLogReader>(store, begin);
  reader->SeekTo(sequence);
  return reader;
}

std::unique_ptr<LogReader> NewLogReaderAtEnd(const Store& store, std::uint64_t begin) {
  auto reader = std::make_unique<RocksLogReader>(store, begin);
  reader->SeekToLast();
  return reader;
}

std::unique_ptr<LogReader> NewLogReaderSince(const Store& store, std::uint64_t begin,
                                             std::int64_t received_ms) {
  auto reader = std::make_unique<RocksLogReader>(store, begin);
  reader->SeekToLast();
  if (!reader->Valid()) return reader;
  // The entry looked for begins in [low, high); `high` is past the last one when there is none.
  std::uint64_t high = EndOf(reader->entry().header);
  std::uint64_t low = begin;
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    reader->SeekAtOrAfter(middle);
    if (!reader->status().ok()) return reader;
    if (!reader->Valid() || reader->entry().header.received_ms >= received_ms) {
      high = middle;
    } else {
      low = EndOf(reader->entry().header);
    }
  }
  reader->SeekAtOrAfter(low);
  return reader;
}

}  // namespace v1
}  // namespace insightflow
