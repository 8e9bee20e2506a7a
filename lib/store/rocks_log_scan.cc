#include "lib/store/rocks_log_scan.h"

#include <rocksdb/file_checksum.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string_view>

#include "lib/base/coding.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::size_t kBlockBytes = 32 << 10;
constexpr std::size_t kHeaderBytes = 7;
constexpr std::uint8_t kTypeMax = 4;  // full, first, middle, last

std::uint32_t Mask(std::uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xa282ead8u; }

std::uint32_t MaskedCrc(std::string_view bytes) {
  static const auto factory = rocksdb::GetFileChecksumGenCrc32cFactory();
  const auto crc = factory->CreateFileChecksumGenerator(rocksdb::FileChecksumGenContext());
  crc->Update(bytes.data(), bytes.size());
  crc->Finalize();
  const std::string sum = crc->GetChecksum();  // big-endian
  std::uint32_t value = 0;
  for (const char c : sum) value = (value << 8) | static_cast<unsigned char>(c);
  return Mask(value);
}

constexpr std::array<std::uint32_t, 256> MakeCrcTable() {
  std::array<std::uint32_t, 256> table = {};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (0x82f63b78u & (0u - (crc & 1)));
    table[i] = crc;
  }
  return table;
}

// Whether `stored` is the checksum of a record of any type whose payload `payload` begins with:
// then a sound record is here, and its length or its type is damaged. A record that was never
// written to its end has a match by chance in one of 30,000 cases at most.
bool HoldsRecord(std::uint32_t stored, std::string_view payload) {
  static constexpr std::array<std::uint32_t, 256> kTable = MakeCrcTable();
  for (std::uint32_t type = 1; type <= kTypeMax; ++type) {
    std::uint32_t crc = kTable[0xff ^ type] ^ (~0u >> 8);
    for (std::size_t length = 0;; ++length) {
      if (Mask(~crc) == stored) return true;
      if (length == payload.size()) break;
      crc = kTable[(crc ^ static_cast<unsigned char>(payload[length])) & 0xff] ^ (crc >> 8);
    }
  }
  return false;
}

std::string Range(std::uint64_t begin, std::uint64_t end) {
  return "bytes " + std::to_string(begin) + " to " + std::to_string(end - 1) + ": ";
}

// Scans one block that begins at `offset` of the file. After damage the rest of the block is given
// up, because the place where the next record begins is not known.
void ScanBlock(std::string_view block, std::uint64_t offset, bool last, RocksLogScan* scan) {
  std::size_t at = 0;
  while (block.size() - at >= kHeaderBytes) {
    std::uint32_t crc = 0;
    std::uint16_t length = 0;
    std::uint8_t type = 0;
    ByteReader header(block.substr(at));
    header.GetFixed(&crc);
    header.GetFixed(&length);
    header.GetFixed(&type);
    if (type == 0 && length == 0 && crc == 0) return;  // preallocated
    const std::string range = Range(offset + at, offset + block.size());
    if (at + kHeaderBytes + length > block.size()) {
      const std::string what = range + "a record is longer than what is left";
      if (last && !HoldsRecord(crc, block.substr(at + kHeaderBytes))) {
        scan->torn_tail = what;
      } else {
        scan->damage.push_back(what);
      }
      return;
    }
    if (type == 0 || type > kTypeMax ||
        MaskedCrc(block.substr(at + kHeaderBytes - 1, length + 1u)) != crc) {
      scan->damage.push_back(range + "the checksum of a record does not match");
      return;
    }
    ++scan->records;
    at += kHeaderBytes + length;
  }
  const std::string_view rest = block.substr(at);
  if (last && !rest.empty() && rest.find_first_not_of('\0') != std::string_view::npos) {
    scan->torn_tail = Range(offset + at, offset + block.size()) + "a record is cut off";
  }
}

}  // namespace

Result<RocksLogScan> ScanRocksLog(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"),
                                                             &std::fclose);
  if (file == nullptr) return Unavailable("cannot open " + path + ": " + std::strerror(errno));
  RocksLogScan scan;
  std::array<char, kBlockBytes> block;
  while (true) {
    const std::size_t size = std::fread(block.data(), 1, block.size(), file.get());
    if (std::ferror(file.get()) != 0) {
      return Unavailable("cannot read " + path + ": " + std::strerror(errno));
    }
    ScanBlock({block.data(), size}, scan.bytes, size < block.size(), &scan);
    scan.bytes += size;
    if (size < block.size()) return scan;
  }
}

}  // namespace v1
}  // namespace insightflow
