// The bytes of a file or of stdin, unpacked when they are gzip, read ahead on a thread.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

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

// Reads a file on a thread of its own, a few chunks ahead of who takes them.
class ReadAhead {
 public:
  // Both must outlive this object.
  ReadAhead(InputFile& file, Signals& signals);
  ~ReadAhead();

  // The next bytes, valid until the next call; empty at the end or after a signal.
  Result<std::string_view> Next();

 private:
  static constexpr std::size_t kChunkBytes = std::size_t{1} << 20;
  static constexpr std::size_t kChunks = 4;

  struct Chunk {
    std::unique_ptr<char[]> bytes;
    std::size_t size = 0;
  };

  void Run();

  InputFile& file_;
  Signals& signals_;
  std::array<Chunk, kChunks> ring_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t filled_ = 0;  // chunks ever filled; the ring holds those from taken_ on
  std::size_t taken_ = 0;
  bool holding_ = false;  // the caller still reads the chunk at taken_
  bool done_ = false;
  bool stop_ = false;
  Status status_;
  std::thread thread_;
};

}  // namespace insightflow::server
