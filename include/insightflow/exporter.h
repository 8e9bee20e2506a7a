// Stored events back out as NDJSON or CSV, which Importer takes in again.
//
//   insightflow::ExportOptions options;
//   options.format = insightflow::ExportFormat::kCsv;
//   auto exporter = insightflow::Exporter::Create(*engine, options);
//   std::string lines;
//   while (true) {
//     const auto more = (*exporter)->Next(&lines);   // or Engine::Export, which calls a function
//     if (!more.ok()) return Fail(more.status());
//     Write(std::exchange(lines, {}));
//     if (!*more) break;
//   }
//
// An export holds exactly the events that were acknowledged when it was made, whatever comes or is
// folded meanwhile: day by day of event time (UTC), within a day user by user, and each user's
// events by time and then as they stand in the log. Every field has its wire name; fields that an
// event lacks are left out in NDJSON and empty in CSV. Importing an export into an empty store
// gives the same answers to every query.
//
// Thread safety: one thread at a time, any engine calls beside it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "insightflow/engine.h"

namespace insightflow {
inline namespace v1 {

class INSIGHTFLOW_EXPORT Exporter {
 public:
  // Fixes what will be exported. kInvalidArgument: a filter, or a range that ends before it
  // begins. `engine` must outlive the exporter.
  static Result<std::unique_ptr<Exporter>> Create(const Engine& engine,
                                                  const ExportOptions& options);
  ~Exporter();
  Exporter(const Exporter&) = delete;
  Exporter& operator=(const Exporter&) = delete;

  // Appends the next whole lines to `out`, about kExportChunkBytes, and says whether there may be
  // more. Appends less, or nothing, when much had to be read for it. Errors are final: kDataLoss
  // (names the damaged place: an export is never silently incomplete), kCancelled,
  // kFailedPrecondition (the engine is closed).
  Result<bool> Next(std::string* out);

  // Lines so far, without CSV's header.
  std::uint64_t events() const;

 private:
  class Impl;
  explicit Exporter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace v1
}  // namespace insightflow
