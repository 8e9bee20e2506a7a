// The folder of a store: what is in it, and whose it is.
#pragma once

#include <string>
#include <string_view>

#include "insightflow/status.h"

namespace insightflow {
inline namespace v1 {

enum class DirContents {
  kMissing,   // no such folder
  kNew,       // empty, or holds only what a killed first Open leaves
  kStore,     // has a CURRENT file
  kHeadless,  // holds RocksDB's data but no CURRENT
  kForeign,   // holds something else
};

// What lib/log/dedupe_file.h keeps in the folder, and what is left of it when a write was cut off.
inline constexpr char kDedupeFileName[] = "DEDUPE";
inline constexpr char kDedupeUnfinishedName[] = "DEDUPE.tmp";

// How RocksDB names its data: 000017.sst. Other programs have logs, too.
bool IsNumbered(std::string_view name, std::string_view ending);

// Looks without touching. Errors: kPermissionDenied, kInvalidArgument (not a folder).
Result<DirContents> LookAtDir(const std::string& dir);

// Makes the folder and those above it, durably.
Status MakeDir(const std::string& dir);

// Holds the folder for this process, and names it in the file OWNER for whoever comes later.
class OwnerLock {
 public:
  OwnerLock() = default;
  ~OwnerLock() { Release(); }
  OwnerLock(const OwnerLock&) = delete;
  OwnerLock& operator=(const OwnerLock&) = delete;

  // kFailedPrecondition, naming the holder, when the folder is held, also by this process.
  Status Acquire(const std::string& dir);
  void Release();

 private:
  int fd_ = -1;
};

}  // namespace v1
}  // namespace insightflow
