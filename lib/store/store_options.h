// How RocksDB is tuned: for appends of some 100 KB that are read in order, in little memory.
#pragma once

#include <rocksdb/options.h>

#include <memory>
#include <string>
#include <vector>

#include "lib/store/store.h"

namespace insightflow {
inline namespace v1 {

rocksdb::DBOptions MakeDbOptions(rocksdb::Env* env);
rocksdb::ColumnFamilyOptions MakeFamilyOptions(Family family);

// A logger that keeps quiet and makes no file, for opening read-only.
std::shared_ptr<rocksdb::Logger> MakeQuietLogger();

// Tells the latch of errors of RocksDB's background threads, and forbids it to recover by itself.
std::shared_ptr<rocksdb::EventListener> MakeStopListener(std::shared_ptr<StopLatch> latch);

}  // namespace v1
}  // namespace insightflow
