#include "lib/log/dedupe_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "lib/base/coding.h"
#include "lib/base/hash.h"
#include "lib/log/dedupe_pack.h"
#include "lib/store/store_dir.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::uint8_t kVersion = 2;
// More than the most generations and tables take.
constexpr std::size_t kHeaderBytesMax = std::size_t{8} << 10;

// A table as it lies in the file.
struct PackedTable {
  std::uint64_t bytes = 0;
  std::uint64_t checksum = 0;
};

struct Header {
  DedupeMark mark;
  DedupeState state;
  std::vector<PackedTable> packed;  // of each table of the state
};

class File {
 public:
  File(const std::string& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0644)) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  bool is_open() const { return fd_ >= 0; }
  int fd() const { return fd_; }
  std::uint64_t size() const {
    struct stat info = {};
    return ::fstat(fd_, &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
  }
  bool Write(std::uint64_t at, std::span<const char> bytes) const {
    while (!bytes.empty()) {
      const ssize_t n = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(at));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return false;
      bytes = bytes.subspan(static_cast<std::size_t>(n));
      at += static_cast<std::uint64_t>(n);
    }
    return true;
  }
  bool Read(std::uint64_t at, std::span<char> bytes) const {
    while (!bytes.empty()) {
      const ssize_t n = ::pread(fd_, bytes.data(), bytes.size(), static_cast<off_t>(at));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return false;
      bytes = bytes.subspan(static_cast<std::size_t>(n));
      at += static_cast<std::uint64_t>(n);
    }
    return true;
  }

 private:
  const int fd_;
};

std::string EncodeHeader(const Header& header, std::uint64_t hash_seed) {
  const DedupeState& state = header.state;
  std::string out;
  PutFixed(&out, kVersion);
  PutFixed(&out, header.mark.sequence);
  PutFixed(&out, header.mark.received_ms);
  PutFixed(&out, header.mark.erasures);
  PutFixed(&out, state.window_ms);
  PutFixed(&out, state.lane_buckets_max);
  PutFixed(&out, state.now_ms);
  PutFixed(&out, state.reach_ms);
  PutFixed(&out, state.newest);
  PutFixed(&out, static_cast<std::uint8_t>(state.generations.size()));
  for (const DedupeState::Generation& generation : state.generations) {
    PutFixed(&out, generation.first_ms);
    PutFixed(&out, generation.last_ms);
  }
  PutFixed(&out, static_cast<std::uint8_t>(state.tables.size()));
  for (std::size_t i = 0; i < state.tables.size(); ++i) {
    const DedupeState::Table& table = state.tables[i];
    PutFixed(&out, static_cast<std::uint16_t>(table.lanes));
    PutFixed(&out, static_cast<std::uint8_t>(table.compact ? 1 : 0));
    PutFixed(&out, table.buckets);
    PutFixed(&out, header.packed[i].bytes);
    PutFixed(&out, header.packed[i].checksum);
  }
  PutFixed(&out, HashBytes(out, hash_seed));
  return out;
}

bool GetTable(ByteReader* in, std::uint32_t first_lane, Header* header) {
  std::uint16_t lanes = 0;
  std::uint8_t form = 0;
  DedupeState::Table table;
  PackedTable packed;
  if (!in->GetFixed(&lanes) || !in->GetFixed(&form) || form > 1 || !in->GetFixed(&table.buckets) ||
      !in->GetFixed(&packed.bytes) || !in->GetFixed(&packed.checksum)) {
    return false;
  }
  table.first_lane = first_lane;
  table.lanes = lanes;
  table.compact = form == 1;
  header->state.tables.push_back(table);
  header->packed.push_back(packed);
  return true;
}

// `bytes` begin with the header; `*size` becomes its size. Whether its fields make sense the window
// decides.
bool DecodeHeader(std::string_view bytes, std::uint64_t hash_seed, Header* header,
                  std::size_t* size) {
  ByteReader in(bytes);
  std::uint8_t version = 0;
  std::uint8_t generations = 0;
  std::uint8_t tables = 0;
  DedupeMark& mark = header->mark;
  DedupeState& state = header->state;
  if (!in.GetFixed(&version) || version != kVersion || !in.GetFixed(&mark.sequence) ||
      !in.GetFixed(&mark.received_ms) || !in.GetFixed(&mark.erasures) ||
      !in.GetFixed(&state.window_ms) || !in.GetFixed(&state.lane_buckets_max) ||
      !in.GetFixed(&state.now_ms) || !in.GetFixed(&state.reach_ms) || !in.GetFixed(&state.newest) ||
      !in.GetFixed(&generations)) {
    return false;
  }
  state.generations.resize(generations);
  for (DedupeState::Generation& generation : state.generations) {
    if (!in.GetFixed(&generation.first_ms) || !in.GetFixed(&generation.last_ms)) return false;
  }
  if (!in.GetFixed(&tables)) return false;
  std::uint32_t lane = 0;
  for (int i = 0; i < tables; ++i) {
    if (!GetTable(&in, lane, header)) return false;
    lane += header->state.tables.back().lanes;
  }
  const std::string_view checked = bytes.substr(0, bytes.size() - in.remaining());
  std::uint64_t checksum = 0;
  if (!in.GetFixed(&checksum) || checksum != HashBytes(checked, hash_seed)) return false;
  *size = checked.size() + sizeof checksum;
  return true;
}

// Where in the file each table begins; the last one: where the file ends. Nothing when the sizes
// cannot be: a table pays for all its buckets.
std::vector<std::uint64_t> Offsets(std::size_t header_bytes, std::uint64_t file_bytes,
                                   const Header& header) {
  std::vector<std::uint64_t> offsets = {header_bytes};
  for (std::size_t i = 0; i < header.packed.size(); ++i) {
    const std::uint64_t bytes = header.packed[i].bytes;
    const std::uint64_t buckets = header.state.tables[i].bytes() / kBucketBytes;
    if (bytes < buckets / 2 || bytes > file_bytes) return {};
    offsets.push_back(offsets.back() + bytes);
  }
  return offsets;
}

std::string PathIn(const std::string& dir, const char* name) { return dir + "/" + name; }

Status IoError(const std::string& path, const char* what) {
  const int error = errno;
  const std::string message = std::string(what) + " " + path + ": " + std::strerror(error);
  return error == ENOSPC || error == EDQUOT ? ResourceExhausted(message) : Unavailable(message);
}

bool WriteTable(const File& file, std::uint64_t at, std::span<const char> buckets,
                std::uint64_t hash_seed, DedupePacker* packer, PackedTable* packed) {
  HashStream checksum(hash_seed);
  std::string part;
  while (!buckets.empty()) {
    const auto now = buckets.first(std::min(buckets.size(), kPackedBuckets * kBucketBytes));
    packer->Pack(now, &part);
    if (!file.Write(at + packed->bytes, part)) return false;
    checksum.Add(part);
    packed->bytes += part.size();
    buckets = buckets.subspan(now.size());
  }
  packed->checksum = checksum.Sum();
  return true;
}

// The header comes last: a file that is torn before has none.
bool WriteAll(const File& file, std::uint64_t hash_seed, const DedupeWindow& window,
              Header* header) {
  header->packed.assign(header->state.tables.size(), {});
  std::uint64_t at = EncodeHeader(*header, hash_seed).size();
  for (std::size_t i = 0; i < header->state.tables.size(); ++i) {
    const DedupeState::Table& table = header->state.tables[i];
    DedupePacker packer(header->state, table.compact);
    PackedTable* packed = &header->packed[i];
    if (!WriteTable(file, at, window.TableAt(table.first_lane), hash_seed, &packer, packed)) {
      return false;
    }
    at += packed->bytes;
  }
  return file.Write(0, EncodeHeader(*header, hash_seed));
}

bool ReadTable(const File& file, std::uint64_t at, const PackedTable& packed,
               std::uint64_t hash_seed, DedupePacker* packer, std::span<char> buckets) {
  const std::uint64_t end = at + packed.bytes;
  HashStream checksum(hash_seed);
  std::string part;
  while (!buckets.empty()) {
    const auto now = buckets.first(std::min(buckets.size(), kPackedBuckets * kBucketBytes));
    const std::size_t count = now.size() / kBucketBytes;
    PackedCount slots = 0;
    if (end - at < sizeof slots ||
        !file.Read(at, {reinterpret_cast<char*>(&slots), sizeof slots})) {
      return false;
    }
    at += sizeof slots;
    const std::uint64_t bytes = packer->BytesAfterCount(count, slots);
    if (slots > now.size() / sizeof(CompactForm::Slot) || bytes > end - at) return false;
    part.resize(static_cast<std::size_t>(bytes));
    if (!file.Read(at, part) || !packer->Unpack(part, slots, now)) return false;
    checksum.Add({reinterpret_cast<const char*>(&slots), sizeof slots});
    checksum.Add(part);
    at += bytes;
    buckets = buckets.subspan(now.size());
  }
  return at == end && checksum.Sum() == packed.checksum;
}

}  // namespace

Status WriteDedupeFile(const std::string& dir, std::uint64_t hash_seed, const DedupeMark& mark,
                       const DedupeWindow& window) {
  const std::string path = PathIn(dir, kDedupeFileName);
  const std::string unfinished = PathIn(dir, kDedupeUnfinishedName);
  Header header = {mark, window.State(), {}};
  const bool written = [&] {
    const File file(unfinished, O_WRONLY | O_CREAT | O_TRUNC);
    return file.is_open() && WriteAll(file, hash_seed, window, &header);
  }();
  if (written && ::rename(unfinished.c_str(), path.c_str()) == 0) return Status::Ok();
  Status status = IoError(path, "cannot write");
  ::unlink(unfinished.c_str());
  return status;
}

std::optional<DedupeMark> ReadDedupeFile(const std::string& dir, std::uint64_t hash_seed,
                                         const std::function<bool(const DedupeMark&)>& accept,
                                         DedupeWindow* window) {
  const File file(PathIn(dir, kDedupeFileName), O_RDONLY);
  if (!file.is_open()) return std::nullopt;
  const std::uint64_t size = file.size();
  std::string begin(static_cast<std::size_t>(std::min<std::uint64_t>(size, kHeaderBytesMax)), '\0');
  Header header;
  std::size_t header_bytes = 0;
  if (!file.Read(0, begin) || !DecodeHeader(begin, hash_seed, &header, &header_bytes) ||
      !accept(header.mark)) {
    return std::nullopt;
  }
  const auto offsets = Offsets(header_bytes, size, header);
  // Before memory is asked for.
  if (offsets.empty() || offsets.back() != size || !header.state.IsSound()) return std::nullopt;
  const auto read = [&](std::size_t table, std::span<char> bytes) {
    DedupePacker packer(header.state, header.state.tables[table].compact);
    return ReadTable(file, offsets[table], header.packed[table], hash_seed, &packer, bytes);
  };
  if (!window->Restore(header.state, read)) return std::nullopt;
  return header.mark;
}

Status RemoveDedupeFile(const std::string& dir) {
  bool any = false;
  for (const char* name : {kDedupeFileName, kDedupeUnfinishedName}) {
    const std::string path = PathIn(dir, name);
    if (::unlink(path.c_str()) == 0) {
      any = true;
    } else if (errno != ENOENT) {
      return IoError(path, "cannot remove");
    }
  }
  if (!any) return Status::Ok();
  const File folder(dir, O_RDONLY | O_DIRECTORY);
  if (folder.is_open() && ::fsync(folder.fd()) == 0) return Status::Ok();
  return IoError(dir, "cannot sync");
}

}  // namespace v1
}  // namespace insightflow
