#include "server/app/input.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace insightflow::server {
namespace {

constexpr std::size_t kRawBytes = std::size_t{256} << 10;
constexpr int kGzipWindow = 15 + 16;  // the largest window, a gzip header

Status FileError(const std::string& path, int error) {
  const std::string message = path + ": " + std::strerror(error);
  if (error == ENOENT || error == ENOTDIR) return NotFound(message);
  if (error == EACCES || error == EPERM) return Status(StatusCode::kPermissionDenied, message);
  return Status(StatusCode::kInternal, message);
}

}  // namespace

Result<std::unique_ptr<InputFile>> InputFile::Open(const std::string& path, Signals& signals) {
  if (path == "-") {
    return std::unique_ptr<InputFile>(new InputFile("stdin", dup(STDIN_FILENO), 0, signals));
  }
  if (Status status = Readable(path); !status.ok()) return status;
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return FileError(path, errno);
  struct stat info {};
  fstat(fd, &info);
  const auto size = S_ISREG(info.st_mode) ? static_cast<std::uint64_t>(info.st_size) : 0;
  return std::unique_ptr<InputFile>(new InputFile(path, fd, size, signals));
}

Status InputFile::Readable(const std::string& path) {
  if (path == "-") return Status::Ok();
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return FileError(path, errno);
  if (S_ISDIR(info.st_mode)) return InvalidArgument(path + " is a folder: name its files");
  return access(path.c_str(), R_OK) == 0 ? Status::Ok() : FileError(path, errno);
}

InputFile::InputFile(std::string path, int fd, std::uint64_t size, Signals& signals)
    : path_(std::move(path)), fd_(fd), size_(size), signals_(signals), raw_(new char[kRawBytes]) {}

InputFile::~InputFile() {
  if (gzip_ != nullptr) inflateEnd(gzip_.get());
  if (fd_ >= 0) close(fd_);
}

Result<std::size_t> InputFile::ReadRaw(char* buffer, std::size_t size) {
  constexpr auto kForEver = std::chrono::milliseconds(-1);
  if (signals_.Wait(kForEver, fd_) != Signals::Event::kReadable) return std::size_t{0};
  ssize_t got = 0;
  do {
    got = read(fd_, buffer, size);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return FileError(path_, errno);
  consumed_.fetch_add(static_cast<std::uint64_t>(got), std::memory_order_relaxed);
  if (got == 0) ended_ = true;
  return static_cast<std::size_t>(got);
}

Status InputFile::Refill() {
  if (raw_begin_ == raw_end_) raw_begin_ = raw_end_ = 0;
  const Result<std::size_t> got = ReadRaw(raw_.get() + raw_end_, kRawBytes - raw_end_);
  if (!got.ok()) return got.status();
  raw_end_ += *got;
  return Status::Ok();
}

Status InputFile::Detect() {
  while (raw_end_ < 2 && !ended_) {
    const std::size_t before = raw_end_;
    if (Status status = Refill(); !status.ok()) return status;
    if (raw_end_ == before) break;
  }
  detected_ = true;
  if (raw_end_ < 2 || raw_[0] != '\x1f' || raw_[1] != '\x8b') return Status::Ok();
  gzip_ = std::make_unique<z_stream>();
  std::memset(gzip_.get(), 0, sizeof(z_stream));
  if (inflateInit2(gzip_.get(), kGzipWindow) != Z_OK) return Internal(path_ + ": zlib failed");
  in_member_ = true;
  return Status::Ok();
}

Status InputFile::Damaged() const {
  return DataLoss(path_ + " is not sound gzip near byte " +
                  std::to_string(consumed() - (raw_end_ - raw_begin_)));
}

Result<std::size_t> InputFile::Inflate(char* buffer, std::size_t size) {
  gzip_->next_out = reinterpret_cast<Bytef*>(buffer);
  gzip_->avail_out = static_cast<uInt>(size);
  while (gzip_->avail_out > 0) {
    if (raw_begin_ == raw_end_) {
      if (Status status = Refill(); !status.ok()) return status;
      if (raw_begin_ == raw_end_) {
        if (ended_ && in_member_) return DataLoss(path_ + " ends in the middle of its gzip data");
        break;
      }
    }
    if (!in_member_) {
      // Tapes and block devices fill up with zeros; anything else is the next member.
      while (raw_begin_ < raw_end_ && raw_[raw_begin_] == '\0') ++raw_begin_;
      if (raw_begin_ == raw_end_) continue;
      inflateReset(gzip_.get());
      in_member_ = true;
    }
    gzip_->next_in = reinterpret_cast<Bytef*>(raw_.get() + raw_begin_);
    gzip_->avail_in = static_cast<uInt>(raw_end_ - raw_begin_);
    const int code = inflate(gzip_.get(), Z_NO_FLUSH);
    raw_begin_ = raw_end_ - gzip_->avail_in;
    if (code == Z_STREAM_END) {
      in_member_ = false;
    } else if (code != Z_OK && code != Z_BUF_ERROR) {
      return Damaged();
    }
  }
  return size - gzip_->avail_out;
}

Result<std::size_t> InputFile::Read(char* buffer, std::size_t size) {
  if (!detected_) {
    if (Status status = Detect(); !status.ok()) return status;
  }
  if (gzip_ != nullptr) return Inflate(buffer, size);
  if (raw_begin_ < raw_end_) {
    const std::size_t held = std::min(size, raw_end_ - raw_begin_);
    std::memcpy(buffer, raw_.get() + raw_begin_, held);
    raw_begin_ += held;
    return held;
  }
  return ended_ ? Result<std::size_t>(std::size_t{0}) : ReadRaw(buffer, size);
}

}  // namespace insightflow::server
