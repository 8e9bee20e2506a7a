#include "lib/store/table_guard.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>
#include <system_error>

#include "lib/base/coding.h"

namespace insightflow {
inline namespace v1 {
namespace {

// The footer: a checksum type, the handles of the metaindex and the index, padding, a version and
// the magic number.
constexpr std::size_t kFooterBytes = 53;
constexpr std::uint64_t kTableMagic = 0x88e241b785f4cff7;
constexpr std::uint64_t kMetaBytesMax = 1 << 20;
constexpr std::string_view kProperties = "rocksdb.properties";

struct Handle {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

bool GetHandle(ByteReader* in, Handle* handle) {
  return in->GetVarint(&handle->offset) && in->GetVarint(&handle->size);
}

std::string ReadAt(std::ifstream* file, std::uint64_t offset, std::size_t size) {
  std::string bytes(size, '\0');
  file->seekg(static_cast<std::streamoff>(offset));
  if (!file->read(bytes.data(), static_cast<std::streamsize>(size))) bytes.clear();
  return bytes;
}

// Entries of the metaindex share no prefixes: a zero, the key's size, the value's size, both.
std::optional<Handle> FindProperties(std::string_view metaindex) {
  ByteReader in(metaindex);
  std::uint64_t shared = 0;
  std::uint64_t key_bytes = 0;
  std::uint64_t value_bytes = 0;
  std::string_view key;
  std::string_view value;
  while (in.GetVarint(&shared) && shared == 0 && in.GetVarint(&key_bytes) &&
         in.GetVarint(&value_bytes) && in.GetRaw(key_bytes, &key) &&
         in.GetRaw(value_bytes, &value)) {
    Handle handle;
    ByteReader handle_in(value);
    if (key == kProperties && GetHandle(&handle_in, &handle)) return handle;
  }
  return std::nullopt;
}

bool EndsTheProcess(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const auto size = static_cast<std::uint64_t>(std::max<std::streamoff>(file.tellg(), 0));
  if (size < kFooterBytes) return false;
  const std::string footer = ReadAt(&file, size - kFooterBytes, kFooterBytes);
  Handle metaindex;
  std::uint64_t magic = 0;
  if (footer.empty()) return false;
  ByteReader tail(std::string_view(footer).substr(kFooterBytes - sizeof magic));
  ByteReader handles(std::string_view(footer).substr(1));
  if (!tail.GetFixed(&magic) || magic != kTableMagic || !GetHandle(&handles, &metaindex) ||
      metaindex.size > kMetaBytesMax) {
    return false;
  }
  const auto properties = FindProperties(ReadAt(&file, metaindex.offset, metaindex.size));
  if (!properties || properties->size == 0 || properties->size > kMetaBytesMax) return false;
  const std::string last = ReadAt(&file, properties->offset + properties->size - 1, 1);
  return !last.empty() && (static_cast<unsigned char>(last[0]) & 0x80) != 0;
}

}  // namespace

Status GuardTable(const std::string& path) {
  return EndsTheProcess(path) ? DataLoss("the properties of " + path + " are damaged")
                              : Status::Ok();
}

Status GuardTables(const std::string& dir) {
  std::error_code error;
  for (std::filesystem::directory_iterator it(dir, error), end; !error && it != end;
       it.increment(error)) {
    const std::string path = it->path().string();
    if (!path.ends_with(".sst")) continue;
    if (Status status = GuardTable(path); !status.ok()) return status;
  }
  return Status::Ok();
}

}  // namespace v1
}  // namespace insightflow
