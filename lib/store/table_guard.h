// A look at a table file before RocksDB opens it.
//
// RocksDB 7.8 interprets the properties block before it compares its checksum, and builds with
// assertions, as Debian's, end the process on one damaged bit there: the highest of the block's
// last word, which marks a hash index and is never set in a sound properties block.
#pragma once

#include <string>

#include "insightflow/status.h"

namespace insightflow {
inline namespace v1 {

// kDataLoss when opening the table file would end the process. Whatever else is wrong with a file,
// also one that a crash left unfinished, is left to RocksDB. Three small reads.
Status GuardTable(const std::string& path);
// The same for every table file of a folder.
Status GuardTables(const std::string& dir);

}  // namespace v1
}  // namespace insightflow
