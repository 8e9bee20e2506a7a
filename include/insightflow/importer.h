// Files into the engine: NDJSON, CSV with a column mapping, and Apache/Nginx combined access logs.
//
//   insightflow::ImportOptions options;
//   options.format = insightflow::ImportFormat::kCombined;
//   auto importer = insightflow::Importer::Create(engine, options);
//   auto result = (*importer)->AddFrom(read);   // or Add and Finish, for bytes that come by
//                                               // themselves
//
// An import can be repeated, resumed or killed midway: a line counts once. A line's identity is its
// event_id, or else its content and its ordinal among equal lines, so that a renamed, repeated or
// appended file adds only what is new. Known lines are reported as duplicates.
//
// Thread safety: one thread feeds an importer; it decodes on threads of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "insightflow/engine.h"

namespace insightflow {
inline namespace v1 {

enum class ImportFormat : std::uint8_t { kNdjson, kCsv, kCombined };

struct ImportOptions {
  ImportFormat format = ImportFormat::kNdjson;
  // CSV: pairs of (wire field, column name). Columns that are not mapped and are not named like a
  // wire field become extra_data: numbers where the whole cell is one, else text.
  std::vector<std::pair<std::string, std::string>> csv_map = {};
  // Keeps equal lines of several machines apart. Part of a line's identity.
  std::string source = {};
  std::size_t threads = 2;               // decoders
  std::size_t line_bytes_max = 1 << 20;  // a longer line is rejected as too_long
  std::size_t errors_max = 100;          // rejections kept in the result; all are counted
};

class INSIGHTFLOW_EXPORT Importer {
 public:
  // What a file looks like that begins with `start`, a few lines; nullopt: like none of these.
  static std::optional<ImportFormat> GuessFormat(std::string_view start);
  // Whether Add will take a CSV file that begins with `start`, which holds its first line. Lets a
  // program ask before it makes a store.
  static Status CheckCsvHeader(std::string_view start, const ImportOptions& options);

  // kInvalidArgument: a mapping for another format than CSV. `engine` must outlive the importer.
  static Result<std::unique_ptr<Importer>> Create(Engine& engine, const ImportOptions& options);

  ~Importer();  // gives up lines that were added and not finished
  Importer(const Importer&) = delete;
  Importer& operator=(const Importer&) = delete;

  // Adds the next bytes of the file; waits while the engine is behind. An error is final: a store
  // that stopped (kUnavailable), a full disk, or a CSV header that lacks a mapped column
  // (kInvalidArgument).
  Status Add(std::string_view bytes);

  // Puts the next bytes of a file into `buffer` and says how many, at most `size`; 0 at the end.
  using ReadFunction = std::function<Result<std::size_t>(char* buffer, std::size_t size)>;

  // Takes a whole file as Add and Finish do, but reads it on the importer's threads, one at a time:
  // bytes are copied once. Errors of `read` come back. After any error `read` may still be running
  // until the importer is gone.
  Result<IngestResult> AddFrom(ReadFunction read);

  // The file's end: takes its last line, whether or not a newline ends it, and waits until all is
  // durable. Further Add calls begin the next file (its lines have ordinals of their own).
  // `errors[i].index` is the line number, from 1. The result covers this file only.
  Result<IngestResult> Finish();

 private:
  class Impl;
  explicit Importer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace v1
}  // namespace insightflow
