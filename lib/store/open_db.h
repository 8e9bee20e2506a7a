// Opening RocksDB in spite of damaged table files of segments.
//
// A segment has table files of its own, and whoever reads it takes damage for what it is. But
// RocksDB opens the first table files as it opens a database, and gives all of it up for one whose
// footer, properties or index are damaged. It looks away with paranoid_checks off, which also lets
// it skip damaged records of the write-ahead log and files that are missing. So that is done only
// for such a store, and the rest is looked at here.
#pragma once

#include <rocksdb/db.h>

#include <functional>
#include <string>
#include <vector>

namespace insightflow {
inline namespace v1 {

using OpenDb = std::function<rocksdb::Status(const rocksdb::DBOptions& options,
                                             std::vector<rocksdb::ColumnFamilyHandle*>* handles,
                                             rocksdb::DB** db)>;

// Calls `open` for the folder, twice when table files of segments are all that is damaged. Leaves
// no handles after an error, which is that of the first call; behind it stands why the second one
// did not help.
rocksdb::Status OpenDespiteDamagedSegments(const std::string& dir, rocksdb::DBOptions options,
                                           const OpenDb& open,
                                           std::vector<rocksdb::ColumnFamilyHandle*>* handles,
                                           rocksdb::DB** db);

}  // namespace v1
}  // namespace insightflow
