#include "lib/store/manifest_guard.h"

#include <fstream>

#include "lib/store/rocks_log_scan.h"

namespace insightflow {
inline namespace v1 {

Status GuardManifest(const std::string& dir) {
  std::ifstream current(dir + "/CURRENT", std::ios::binary);
  std::string name;
  if (!std::getline(current, name) || !name.starts_with("MANIFEST-")) return Status::Ok();
  const std::string path = dir + "/" + name;
  const Result<RocksLogScan> scan = ScanRocksLog(path);
  if (!scan.ok() || scan->damage.empty()) return Status::Ok();
  return DataLoss("the manifest " + path + " is damaged: " + scan->damage.front());
}

}  // namespace v1
}  // namespace insightflow
