#include "lib/store/store_dir.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "lib/store/durable_mark.h"

namespace insightflow {
inline namespace v1 {
namespace {

namespace fs = std::filesystem;

constexpr char kOwnerName[] = "OWNER";

Status DirError(const std::string& dir, int error) {
  const std::string message = "cannot use the folder " + dir + ": " + std::strerror(error);
  if (error == EACCES || error == EPERM || error == EROFS) {
    return Status(StatusCode::kPermissionDenied,
                  message + "; give this user the right to read and write it");
  }
  if (error == ENOSPC || error == EDQUOT) return ResourceExhausted(message + "; free space");
  if (error == ENOENT) return NotFound(message);
  if (error == ENOTDIR || error == EEXIST) return InvalidArgument(message);
  return Unavailable(message);
}

// Files that RocksDB makes before its first CURRENT, what mkfs makes, and caches.
bool IsHarmless(std::string_view name) {
  return name == kOwnerName || name == kDedupeFileName || name == kDedupeUnfinishedName ||
         name == "LOCK" || name == "IDENTITY" || name == "lost+found" || name.starts_with("LOG") ||
         name.starts_with("MANIFEST-") || name.starts_with("OPTIONS-") || name.ends_with(".dbtmp");
}

bool IsData(std::string_view name) {
  return name == kDurableMarkName || IsNumbered(name, ".sst") || IsNumbered(name, ".log") ||
         IsNumbered(name, ".blob");
}

std::string HolderOf(int fd) {
  std::array<char, 32> text = {};
  const ssize_t n = ::pread(fd, text.data(), text.size() - 1, 0);
  struct stat info = {};
  if (n <= 0 || ::fstat(fd, &info) != 0) return "another process";
  std::string_view pid(text.data(), static_cast<std::size_t>(n));
  pid = pid.substr(0, pid.find('\n'));
  std::array<char, 32> since = {};
  std::tm utc = {};
  ::gmtime_r(&info.st_mtime, &utc);
  std::strftime(since.data(), since.size(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return "process " + std::string(pid) + " since " + since.data();
}

}  // namespace

bool IsNumbered(std::string_view name, std::string_view ending) {
  if (!name.ends_with(ending)) return false;
  name.remove_suffix(ending.size());
  return !name.empty() && name.find_first_not_of("0123456789") == std::string_view::npos;
}

Result<DirContents> LookAtDir(const std::string& dir) {
  std::error_code error;
  fs::directory_iterator files(dir, error);
  if (error.value() == ENOENT) return DirContents::kMissing;
  if (error) return DirError(dir, error.value());
  if (::access(dir.c_str(), R_OK | W_OK | X_OK) != 0) return DirError(dir, errno);
  bool data = false;
  bool foreign = false;
  for (; files != fs::directory_iterator(); files.increment(error)) {
    if (error) return DirError(dir, error.value());
    const std::string name = files->path().filename().string();
    if (name == "CURRENT") return DirContents::kStore;
    if (IsData(name)) {
      data = true;
    } else if (!IsHarmless(name)) {
      foreign = true;
    }
  }
  if (data) return DirContents::kHeadless;
  return foreign ? DirContents::kForeign : DirContents::kNew;
}

Status MakeDir(const std::string& dir) {
  std::error_code error;
  if (!fs::create_directories(dir, error) && error) return DirError(dir, error.value());
  const fs::path parent = fs::absolute(dir, error).lexically_normal().parent_path();
  const int fd = ::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd >= 0) {
    ::fsync(fd);
    ::close(fd);
  }
  return Status::Ok();
}

Status OwnerLock::Acquire(const std::string& dir) {
  const std::string path = dir + "/" + kOwnerName;
  fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd_ < 0) return DirError(dir, errno);
  if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    const std::string holder = HolderOf(fd_);
    ::close(fd_);
    fd_ = -1;
    return FailedPrecondition("the store " + dir + " is in use by " + holder +
                              "; stop that first, or use another folder");
  }
  const std::string text = std::to_string(::getpid()) + "\n";
  const bool written = ::ftruncate(fd_, 0) == 0 &&
                       ::pwrite(fd_, text.data(), text.size(), 0) == ssize_t(text.size());
  return written ? Status::Ok() : DirError(dir, errno);
}

void OwnerLock::Release() {
  if (fd_ < 0) return;
  // Emptied so that nobody takes a process of the past for the holder.
  [[maybe_unused]] const int ignored = ::ftruncate(fd_, 0);
  ::flock(fd_, LOCK_UN);  // also where a forked child still has the descriptor
  ::close(fd_);
  fd_ = -1;
}

}  // namespace v1
}  // namespace insightflow
