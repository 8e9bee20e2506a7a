// Settings of every command: from flags, the environment and a file, in this order of precedence.
//
// A setting has one name everywhere: the flag --log-format is the variable INSIGHTFLOW_LOG_FORMAT
// and the key log-format of a TOML or INI file (--config), there for all commands or below a
// section such as [serve].
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "insightflow/importer.h"
#include "insightflow/ingest.h"
#include "server/app/log.h"

namespace insightflow::server {

// What Sec-GPC: 1 and DNT: 1 mean for a collected batch. Such batches are counted either way.
enum class PrivacyPolicy { kIgnore, kCount, kDrop };

struct ServeSettings {
  std::string data;
  std::string listen = "127.0.0.1:8080";
  Durability durability = Durability::kFsync;
  bool insecure = false;
  LogFormat log_format = LogFormat::kText;
  LogLevel log_level = LogLevel::kInfo;
  std::size_t threads = 0;  // event loops; 0: as many as cores, at most 2
  std::size_t dedupe_memory = std::size_t{1} << 30;
  std::size_t in_flight_memory = std::size_t{64} << 20;
  std::size_t disk_free_min = std::size_t{64} << 20;
  std::size_t events_max = 10'000;
  std::size_t body_max = std::size_t{4} << 20;
  std::size_t queries_max = 0;                     // at once; 0: two a core, at most 16
  std::size_t import_max = std::size_t{64} << 20;  // body_max of POST /api/import
  std::vector<std::string> cors_origins;
  std::vector<std::string> trusted_proxies;
  PrivacyPolicy privacy = PrivacyPolicy::kIgnore;
  std::uint32_t retention_days = 0;  // 0: events never expire
};

// Of `data` and `url` one is empty.
struct ImportSettings {
  std::vector<std::string> files;
  std::string data;
  std::string url;  // of a server that holds the store
  std::size_t dedupe_memory = std::size_t{1} << 30;
  ImportOptions options;
};

struct QuerySettings {
  std::string file;
  std::string data;
  std::string url;
  std::uint32_t retention_days = 0;
};

struct ExportSettings {
  std::string data;
  std::string url;
  std::string filters;  // those of `options`, as JSON
  std::uint32_t retention_days = 0;
  std::string output = "-";
  ExportOptions options;
};

struct CheckSettings {
  std::string data;
};

struct FoldSettings {
  std::string data;
  std::uint32_t retention_days = 0;
};

// Nothing to run: print and leave.
struct ExitNow {
  int code = 0;
  std::string out;    // for stdout: help, version
  std::string error;  // for stderr: one line
};

using Command = std::variant<ExitNow, ServeSettings, ImportSettings, QuerySettings, ExportSettings,
                             CheckSettings, FoldSettings>;

Command ParseCommandLine(int argc, const char* const* argv);

// A filter as --filter takes it: JSON as in a query, or FIELD=VALUE, where the value is text and,
// if it reads as one, a number or a boolean. kInvalidArgument.
Result<std::vector<Filter>> ParseFilterFlag(const std::string& text);

}  // namespace insightflow::server
