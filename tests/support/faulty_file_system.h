// A disk that fails on demand.
#pragma once

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <atomic>
#include <memory>
#include <string>

namespace insightflow {

enum class Fault { kNone, kAppend, kSync };

// Fails appends or syncs of files whose name has a given part, from the nth call on.
class FaultyFileSystem : public rocksdb::FileSystemWrapper {
 public:
  FaultyFileSystem() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "FaultyFileSystem"; }

  void Arm(Fault fault, int after, const rocksdb::IOStatus& error,
           const std::string& part = ".log") {
    error_ = error;
    part_ = part;
    calls_left_ = after;
    fault_ = fault;
  }
  // Of those that Arm has let through.
  int calls_left() const { return calls_left_; }
  void Heal() { fault_ = Fault::kNone; }
  rocksdb::IOStatus Check(Fault operation, const std::string& name) {
    if (fault_ != operation || name.find(part_) == std::string::npos)
      return rocksdb::IOStatus::OK();
    return calls_left_.fetch_sub(1) > 0 ? rocksdb::IOStatus::OK() : error_;
  }

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override;

 private:
  std::atomic<Fault> fault_ = Fault::kNone;
  std::atomic<int> calls_left_ = 0;
  rocksdb::IOStatus error_;
  std::string part_;
};

class FaultyFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  FaultyFile(std::unique_ptr<rocksdb::FSWritableFile>&& file, FaultyFileSystem* fs,
             std::string name)
      : FSWritableFileOwnerWrapper(std::move(file)), fs_(fs), name_(std::move(name)) {}
  using FSWritableFileOwnerWrapper::Append;
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* debug) override {
    const auto status = fs_->Check(Fault::kAppend, name_);
    return status.ok() ? FSWritableFileOwnerWrapper::Append(data, options, debug) : status;
  }
  rocksdb::IOStatus Sync(const rocksdb::IOOptions& options,
                         rocksdb::IODebugContext* debug) override {
    const auto status = fs_->Check(Fault::kSync, name_);
    return status.ok() ? FSWritableFileOwnerWrapper::Sync(options, debug) : status;
  }

 private:
  FaultyFileSystem* const fs_;
  const std::string name_;
};

inline rocksdb::IOStatus FaultyFileSystem::NewWritableFile(
    const std::string& name, const rocksdb::FileOptions& options,
    std::unique_ptr<rocksdb::FSWritableFile>* file, rocksdb::IODebugContext* debug) {
  std::unique_ptr<rocksdb::FSWritableFile> inner;
  const auto status = FileSystemWrapper::NewWritableFile(name, options, &inner, debug);
  if (status.ok()) *file = std::make_unique<FaultyFile>(std::move(inner), this, name);
  return status;
}

}  // namespace insightflow
