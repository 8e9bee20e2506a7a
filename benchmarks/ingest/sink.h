// What takes batches in the ingest benchmark: the engine and each of its rivals.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "insightflow/engine.h"

namespace insightflow::benchmarks {

// What a sink holds, to compare it with the others.
struct Content {
  std::uint64_t events = 0;  // with distinct ids
  std::map<std::string, std::uint64_t> by_type;

  friend bool operator==(const Content&, const Content&) = default;
};

// Thread safety: Ingest may be called from any thread; the rest when nothing is under way.
class Sink {
 public:
  // The events of the batch that were new, or -1 for a failure.
  using Done = std::function<void(std::int64_t accepted)>;

  virtual ~Sink() = default;

  // Takes {"events":[…]}. Calls `done` once, from any thread, when the batch is on the disk and
  // counted.
  virtual void Ingest(std::string_view json, Done done) = 0;
  virtual Content Read() = 0;
  // Bytes that deduplication may use beside everything else, 0 when it is not told apart.
  virtual std::uint64_t DedupeBytes() { return 0; }
  // How much of what it holds is in columns already.
  virtual double FoldedShare() { return 0; }
  // Waits until all of it is; false when that fails.
  virtual bool Fold() { return true; }
};

enum class EngineMode { kAsync, kBlocking };

// Each makes a sink with its files below `dir`, null when it cannot.
std::unique_ptr<Sink> MakeEngineSink(const std::string& dir, EngineMode mode, bool fold);
// The same over an engine that others use too; it must outlive the sink.
std::unique_ptr<Sink> MakeEngineSink(Engine* engine, EngineMode mode);
// A day's work without the engine: a DOM row by row, std::unordered_set, one lock, std::map.
std::unique_ptr<Sink> MakeNaiveSink(const std::string& dir);
// SQLite: WAL, synchronous=FULL, a transaction a batch, INSERT OR IGNORE by id.
std::unique_ptr<Sink> MakeSqliteSink(const std::string& dir);

}  // namespace insightflow::benchmarks
