#include "server/app/output.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>
#include <utility>

namespace insightflow::server {
namespace {

bool IsRegular(int fd) {
  struct stat info {};
  return fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
}

// A device or a pipe with a name.
bool IsInPlace(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode);
}

}  // namespace

Result<std::unique_ptr<OutputFile>> OutputFile::Open(const std::string& path, Signals& signals) {
  std::string temporary;
  int fd = -1;
  if (path == "-") {
    fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
  } else if (IsInPlace(path)) {
    fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  } else {
    temporary = path + ".part";
    fd = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  }
  if (fd < 0) return Internal((path == "-" ? "stdout" : path) + ": " + std::strerror(errno));
  return std::unique_ptr<OutputFile>(
      new OutputFile(path == "-" ? "stdout" : path, std::move(temporary), fd, signals));
}

OutputFile::OutputFile(std::string path, std::string temporary, int fd, Signals& signals)
    : path_(std::move(path)),
      temporary_(std::move(temporary)),
      regular_(IsRegular(fd)),
      fd_(fd),
      signals_(signals) {}

OutputFile::~OutputFile() {
  if (fd_ >= 0) close(fd_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

Status OutputFile::Failed(int error) const {
  const std::string message = path_ + ": " + std::strerror(error);
  return error == ENOSPC || error == EDQUOT ? ResourceExhausted(message) : Internal(message);
}

Status OutputFile::Write(std::string_view bytes) {
  while (!bytes.empty()) {
    // A pipe that can be written to takes PIPE_BUF bytes without waiting, so that a signal is seen
    // however slow its reader is.
    std::size_t size = bytes.size();
    if (!regular_) {
      if (!signals_.AwaitWritable(fd_)) return Status::Ok();
      size = std::min<std::size_t>(size, PIPE_BUF);
    }
    const ssize_t written = write(fd_, bytes.data(), size);
    if (written < 0) {
      if (errno == EINTR || errno == EAGAIN) continue;
      broken_pipe_ = errno == EPIPE;
      return Failed(errno);
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return Status::Ok();
}

Status OutputFile::Finish() {
  if (regular_ && !temporary_.empty() && fsync(fd_) != 0) return Failed(errno);
  if (close(std::exchange(fd_, -1)) != 0) return Failed(errno);
  if (temporary_.empty()) return Status::Ok();
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0) return Failed(errno);
  temporary_.clear();
  return Status::Ok();
}

}  // namespace insightflow::server
