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
// A file that goes elsewhere in parts, whose importers know nothing of each other, is numbered by
// its sender:
//
//   insightflow::FileParts parts(options.format);
//   insightflow::FilePart part = parts.Next(text, first_line);   // for each text, in order
//   (*importer)->BeginPart(part);                                // there; then Add and Finish
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

// A line that the file had before, in other parts.
struct RepeatedLine {
  std::uint64_t line = 0;    // its number in the file, from 1
  std::uint32_t before = 0;  // how many equal lines
};

// What a part of a file does not say itself. That of a whole file is this default.
struct FilePart {
  std::uint64_t first_line = 1;             // the number of the part's first line in the file
  std::vector<RepeatedLine> repeated = {};  // the first of each content, in the part's order
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

  // What is added until Finish is a part of a file: its lines have the identities and the numbers
  // that they have in the file. A CSV part has the header in front, which counts as its first line.
  // kInvalidArgument: a line below `first_line`, lines that do not ascend, or a number that is 0;
  // kFailedPrecondition: bytes of this file were added. O(repeated).
  Status BeginPart(FilePart part);

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

// Reads along a file that is sent in parts. Memory is 10 to 20 bytes for each line and 40 more for
// one that is repeated, of the last 16 M lines at most. One thread at a time.
class INSIGHTFLOW_EXPORT FileParts {
 public:
  explicit FileParts(ImportFormat format);
  ~FileParts();
  FileParts(const FileParts&) = delete;
  FileParts& operator=(const FileParts&) = delete;

  // The next part: `text` is its whole lines, those of CSV with the header in front, which counts
  // as the first line. Parts come in the order of the file, each once. O(size).
  FilePart Next(std::string_view text, std::uint64_t first_line);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace v1
}  // namespace insightflow
