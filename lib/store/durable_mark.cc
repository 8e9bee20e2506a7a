#include "lib/store/durable_mark.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "lib/base/hash.h"

namespace insightflow {
inline namespace v1 {
namespace {

// Two copies, a disk sector each, written in turn: a write cut short spoils one of them.
constexpr std::size_t kSlotBytes = 512;
constexpr std::size_t kSlots = 2;
constexpr std::uint64_t kMagic = 0x316b72614d776f6c;  // "lowMark1"

struct Slot {
  std::uint64_t magic = kMagic;
  std::uint64_t writes = 0;
  std::uint64_t next_sequence = 0;
  std::uint64_t checksum = 0;
};
static_assert(sizeof(Slot) <= kSlotBytes);

std::uint64_t ChecksumOf(const Slot& slot) {
  return HashBytes({reinterpret_cast<const char*>(&slot), offsetof(Slot, checksum)}, kMagic);
}

Status IoError(const std::string& path, const char* what) {
  return Unavailable(std::string(what) + " " + path + ": " + std::strerror(errno));
}

struct Contents {
  std::array<std::optional<DurableMark>, kSlots> slots;
  bool blank = true;  // nothing was ever written
};

Status ReadSlots(int fd, const std::string& path, Contents* contents) {
  std::array<char, kSlots* kSlotBytes> bytes = {};
  std::size_t size = 0;
  while (size < bytes.size()) {
    const ssize_t n = ::pread(fd, bytes.data() + size, bytes.size() - size, size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return IoError(path, "cannot read");
    if (n == 0) break;
    size += static_cast<std::size_t>(n);
  }
  contents->blank = std::string_view(bytes.data(), bytes.size()).find_first_not_of('\0') ==
                    std::string_view::npos;
  for (std::size_t i = 0; i < kSlots; ++i) {
    Slot slot;
    std::memcpy(&slot, bytes.data() + i * kSlotBytes, sizeof slot);
    if (slot.magic == kMagic && slot.checksum == ChecksumOf(slot)) {
      contents->slots[i] = DurableMark{slot.writes, slot.next_sequence};
    }
  }
  return Status::Ok();
}

int NewerSlot(const Contents& contents) {
  const auto& slots = contents.slots;
  if (!slots[0] && !slots[1]) return -1;
  if (!slots[0]) return 1;
  if (!slots[1]) return 0;
  return slots[0]->writes >= slots[1]->writes ? 0 : 1;
}

}  // namespace

Result<std::optional<DurableMark>> ReadDurableMark(const std::string& dir) {
  const std::string path = dir + "/" + kDurableMarkName;
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) return std::optional<DurableMark>();
  if (fd < 0) return IoError(path, "cannot open");
  Contents contents;
  const Status status = ReadSlots(fd, path, &contents);
  ::close(fd);
  if (!status.ok()) return status;
  const int newer = NewerSlot(contents);
  if (newer >= 0) return contents.slots[newer];
  if (contents.blank) return std::optional<DurableMark>();
  return DataLoss(path + " is damaged, so nothing tells whether the newest events are all there; " +
                  "remove that file to open the store without this check");
}

DurableMarkFile::~DurableMarkFile() {
  if (fd_ >= 0) ::close(fd_);
}

Status DurableMarkFile::Open(const std::string& dir) {
  path_ = dir + "/" + kDurableMarkName;
  fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd_ < 0) return IoError(path_, "cannot open");
  Contents contents;
  if (Status status = ReadSlots(fd_, path_, &contents); !status.ok()) return status;
  next_slot_ = NewerSlot(contents) == 0 ? 1 : 0;
  return Status::Ok();
}

Status DurableMarkFile::Set(const DurableMark& mark, bool sync) {
  Slot slot;
  slot.writes = mark.writes;
  slot.next_sequence = mark.next_sequence;
  slot.checksum = ChecksumOf(slot);
  const off_t offset = static_cast<off_t>(next_slot_) * static_cast<off_t>(kSlotBytes);
  ssize_t n = 0;
  do {
    n = ::pwrite(fd_, &slot, sizeof slot, offset);
  } while (n < 0 && errno == EINTR);
  if (n != static_cast<ssize_t>(sizeof slot)) return IoError(path_, "cannot write");
  next_slot_ = 1 - next_slot_;
  if (sync && ::fdatasync(fd_) != 0) return IoError(path_, "cannot sync");
  return Status::Ok();
}

}  // namespace v1
}  // namespace insightflow
