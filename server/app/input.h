// The bytes of a file or of stdin, unpacked when they are gzip.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "insightflow/status.h"
#include "server/app/signals.h"

struct z_stream_s;

namespace insightflow::server {

// Gzip is known by its first bytes, whatever the name; members that follow each other are one file.
// One thread at a time.
class InputFile {
 public:
  // "-" is stdin. kNotFound, kPermissionDenied, kInvalidArgument (a folder): with the path.
  static Result<std::unique_ptr<InputFile>> Open(const std::string& path, Signals& signals);
  // Whether Open would work, without opening: a pipe with a name must be opened only once.
  static Status Readable(const std::string& path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  // Fills `buffer` as far as it goes without waiting twice for a pipe; 0 at the end, or when a
  // signal or a notice came. kDataLoss: damaged gzip.
  Result<std::size_t> Read(char* buffer, std::size_t size);

  std::uint64_t size() const { return size_; }  // 0 when it is not known
  std::uint64_t consumed() const { return consumed_.load(std::memory_order_relaxed); }

 private:
  InputFile(std::string path, int fd, std::uint64_t size, Signals& signals);
  Result<std::size_t> ReadRaw(char* buffer, std::size_t size);
  Result<std::size_t> Inflate(char* buffer, std::size_t size);
  Status Refill();
  Status Detect();
  Status Damaged() const;

  const std::string path_;
  const int fd_;
  const std::uint64_t size_;
  Signals& signals_;
  std::atomic<std::uint64_t> consumed_{0};
  std::unique_ptr<char[]> raw_;  // bytes as they are in the file
  std::size_t raw_begin_ = 0;
  std::size_t raw_end_ = 0;
  bool detected_ = false;
  bool ended_ = false;
  bool in_member_ = false;
  std::unique_ptr<z_stream_s> gzip_;
};

}  // namespace insightflow::server
