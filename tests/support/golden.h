// The project's files that tests read as they are.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

namespace insightflow::testing {

inline std::string ReadSource(const std::string& path) {
  std::ifstream in(std::string(INSIGHTFLOW_SOURCE_DIR) + "/" + path, std::ios::binary);
  if (!in) throw std::runtime_error(path + " cannot be read");
  return {std::istreambuf_iterator<char>(in), {}};
}

// The names of the files in a folder that end in `ending`, in order, without it.
inline std::vector<std::string> NamesIn(const std::string& folder, const std::string& ending) {
  std::vector<std::string> names;
  const auto path = std::string(INSIGHTFLOW_SOURCE_DIR) + "/" + folder;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(ending)) names.push_back(name.substr(0, name.size() - ending.size()));
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace insightflow::testing
