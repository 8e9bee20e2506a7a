// The checksum of whole table files, kept in RocksDB's manifest: XXH3, because RocksDB's own
// CRC-32C runs without the processor's instruction in the packaged library and would cost as much
// as the write-ahead log.
#pragma once

#include <rocksdb/file_checksum.h>

#include <memory>

namespace insightflow {
inline namespace v1 {

std::shared_ptr<rocksdb::FileChecksumGenFactory> FileChecksumFactory();

}  // namespace v1
}  // namespace insightflow
