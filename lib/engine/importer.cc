// The importer's line of work: cut the bytes into blocks of whole lines, decode blocks side by
// side, and take them into the log in the order of the file.

#include "insightflow/importer.h"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "lib/decode/decoder.h"
#include "lib/engine/engine_impl.h"
#include "lib/engine/line_ordinals.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::size_t kBlockBytes = std::size_t{3} << 17;
// How much of a line longer than a block is looked at more at a time.
constexpr std::size_t kStepBytes = std::size_t{1} << 16;
// Blocks that wait for a decoder, for each decoder.
constexpr std::size_t kQueuedBlocks = 2;

struct Block {
  std::string lines;
  std::uint64_t number = 0;  // of the file, from 0
  std::uint64_t first_line = 1;
};

// std::count, in sums of one byte that the compiler turns into vectors.
std::uint64_t CountNewlines(std::string_view text) {
  std::uint64_t count = 0;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, 255);
    std::uint8_t sum = 0;
    for (const char c : part) sum = static_cast<std::uint8_t>(sum + (c == '\n' ? 1 : 0));
    count += sum;
    text.remove_prefix(part.size());
  }
  return count;
}

}  // namespace

class Importer::Impl {
 public:
  Impl(Engine::Impl* engine, const ImportOptions& options)
      : engine_(engine), options_(options), ordinals_(options.source, engine->hash_seed()) {
    for (std::size_t i = 0; i < std::max<std::size_t>(1, options.threads); ++i) {
      workers_.emplace_back([this] { Work(); });
    }
  }

  ~Impl() {
    {
      std::lock_guard lock(mutex_);
      unanswered_ -= blocks_.size();
      blocks_.clear();
      closing_ = true;
      changed_.notify_all();
    }
    for (std::thread& worker : workers_) worker.join();
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return unanswered_ == 0; });
  }

  Status Add(std::string_view bytes);
  Result<IngestResult> Finish();

 private:
  Status CutBlock(bool at_end);
  std::size_t WholeLines(bool at_end) const;
  Status TakeHeader(bool at_end);
  void SkipLongLine(std::string_view* bytes);
  std::string TakeSpare();
  Status Enqueue(std::string lines);
  void Work();
  void Decode(const Block& block, Decoder* decoder, DecodedBatch* out) const;
  void TakeIn(const Block& block, std::unique_ptr<PendingBatch> pending);
  void Record(Result<IngestResult> result);

  Engine::Impl* const engine_;
  const ImportOptions options_;

  // The feeding thread's own.
  std::string buffer_;  // begins at the beginning of a line
  std::uint64_t next_line_ = 1;
  bool at_file_start_ = true;
  bool skipping_line_ = false;  // inside a line that is too long
  std::optional<CsvSchema> schema_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Block> blocks_;
  std::vector<std::string> spares_;  // memory of blocks that were decoded
  std::uint64_t blocks_cut_ = 0;     // of this file
  std::uint64_t turn_ = 0;           // the block whose rows come next in the log
  std::size_t unanswered_ = 0;       // blocks cut and not yet answered
  bool closing_ = false;
  Status error_;
  IngestResult result_;
  LineOrdinals ordinals_;  // touched in turn only

  std::vector<std::thread> workers_;
};

Status Importer::Impl::Add(std::string_view bytes) {
  while (!bytes.empty()) {
    if (skipping_line_) {
      SkipLongLine(&bytes);
      continue;
    }
    // A buffer that is full and still here holds a part of one long line.
    const std::size_t room = kBlockBytes - std::min(kBlockBytes - kStepBytes, buffer_.size());
    const std::size_t take = std::min(bytes.size(), room);
    buffer_.append(bytes.substr(0, take));
    bytes.remove_prefix(take);
    if (buffer_.size() < kBlockBytes) continue;
    if (Status status = CutBlock(false); !status.ok()) return status;
  }
  std::lock_guard lock(mutex_);
  return error_;
}

void Importer::Impl::SkipLongLine(std::string_view* bytes) {
  const std::size_t end = bytes->find('\n');
  bytes->remove_prefix(end == std::string_view::npos ? bytes->size() : end + 1);
  skipping_line_ = end == std::string_view::npos;
}

std::size_t Importer::Impl::WholeLines(bool at_end) const {
  if (at_end) return buffer_.size();
  if (options_.format == ImportFormat::kCsv) return FindCsvRecordsEnd(buffer_);
  const std::size_t last = buffer_.rfind('\n');
  return last == std::string::npos ? 0 : last + 1;
}

Status Importer::Impl::TakeHeader(bool at_end) {
  std::size_t end = buffer_.find('\n');
  if (end == std::string::npos) {
    if (!at_end) return Status::Ok();
    end = buffer_.size() - 1;
  }
  Result<CsvSchema> schema =
      CsvSchema::Create(std::string_view(buffer_).substr(0, end + 1), options_.csv_map);
  if (!schema.ok()) return schema.status();
  schema_ = std::move(*schema);
  buffer_.erase(0, end + 1);
  ++next_line_;
  return Status::Ok();
}

// Moves the buffer's whole lines into a block. Leaves the buffer as it is when there are none, or
// drops a line that has grown past its limit.
Status Importer::Impl::CutBlock(bool at_end) {
  if (at_file_start_) {
    if (buffer_.starts_with("\xEF\xBB\xBF")) buffer_.erase(0, 3);
    at_file_start_ = false;
  }
  if (options_.format == ImportFormat::kCsv && !schema_ && !buffer_.empty()) {
    if (Status status = TakeHeader(at_end); !status.ok()) return status;
  }
  const std::size_t end = WholeLines(at_end);
  if (end == 0) {
    if (buffer_.size() <= options_.line_bytes_max) return Status::Ok();
    IngestResult one;
    one.received = one.rejected = 1;
    one.errors.push_back(
        {next_line_, RejectCode::kTooLong, "",
         "the line is longer than " + std::to_string(options_.line_bytes_max) + " bytes"});
    {
      std::lock_guard lock(mutex_);
      ++unanswered_;
    }
    Record(std::move(one));
    ++next_line_;
    std::string_view rest = buffer_;
    SkipLongLine(&rest);
    buffer_.assign(std::string(rest));
    return Status::Ok();
  }
  std::string rest = TakeSpare();
  rest.assign(buffer_, end);
  buffer_.resize(end);
  buffer_.swap(rest);
  return Enqueue(std::move(rest));
}

std::string Importer::Impl::TakeSpare() {
  std::string spare;
  {
    std::lock_guard lock(mutex_);
    if (!spares_.empty()) {
      spare = std::move(spares_.back());
      spares_.pop_back();
    }
  }
  spare.reserve(kBlockBytes);
  return spare;
}

Status Importer::Impl::Enqueue(std::string lines) {
  const std::uint64_t newlines = CountNewlines(lines);
  std::unique_lock lock(mutex_);
  changed_.wait(lock,
                [&] { return blocks_.size() < kQueuedBlocks * workers_.size() || !error_.ok(); });
  if (!error_.ok()) return error_;
  blocks_.push_back({std::move(lines), blocks_cut_++, next_line_});
  ++unanswered_;
  next_line_ += newlines;
  changed_.notify_all();
  return Status::Ok();
}

void Importer::Impl::Work() {
  Decoder decoder;
  while (true) {
    Block block;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return closing_ || !blocks_.empty(); });
      if (blocks_.empty()) return;
      block = std::move(blocks_.front());
      blocks_.pop_front();
      changed_.notify_all();
    }
    std::unique_ptr<PendingBatch> pending = engine_->pipeline().Take();
    Decode(block, &decoder, &pending->decoded);
    TakeIn(block, std::move(pending));
    if (block.lines.capacity() > kBlockBytes) continue;  // a long line's
    std::lock_guard lock(mutex_);
    spares_.push_back(std::move(block.lines));
  }
}

void Importer::Impl::Decode(const Block& block, Decoder* decoder, DecodedBatch* out) const {
  IngestOptions no_limits;
  no_limits.events_max = 0;
  const DecodeContext context = engine_->ContextOf(no_limits);
  switch (options_.format) {
    case ImportFormat::kNdjson:
      decoder->DecodeNdjson(block.lines, block.first_line, context, out);
      break;
    case ImportFormat::kCsv:
      decoder->DecodeCsv(block.lines, block.first_line, *schema_, context, out);
      break;
    case ImportFormat::kCombined:
      decoder->DecodeCombined(block.lines, block.first_line, context, out);
      break;
  }
  out->batch.received_ms = context.received_ms;
}

// Waits for the block's turn, gives its lines their ordinals and its rows their place in the log.
void Importer::Impl::TakeIn(const Block& block, std::unique_ptr<PendingBatch> pending) {
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return turn_ == block.number || closing_; });
    if (turn_ != block.number) {  // given up, out of turn
      --unanswered_;
      changed_.notify_all();
      return;
    }
  }
  ordinals_.Apply(&pending->decoded.batch);
  pending->done = [this](Result<IngestResult> result) { Record(std::move(result)); };
  IngestPipeline& pipeline = engine_->pipeline();
  Status status = pipeline.Admit(pending.get(), IngestPipeline::WhenFull::kWait);
  PendingBatch* batch = pending.release();
  if (status.ok()) pipeline.Sequence(batch);
  {
    std::lock_guard lock(mutex_);
    ++turn_;
    changed_.notify_all();
  }
  if (status.ok()) {
    pipeline.Publish(batch);
  } else {
    batch->done(std::move(status));
    pipeline.GiveBack(std::unique_ptr<PendingBatch>(batch));
  }
}

void Importer::Impl::Record(Result<IngestResult> result) {
  std::lock_guard lock(mutex_);
  --unanswered_;
  if (result.ok()) {
    result_.received += result->received;
    result_.accepted += result->accepted;
    result_.duplicates += result->duplicates;
    result_.rejected += result->rejected;
    result_.truncated += result->truncated;
    result_.durability = result->durability;
    for (Rejection& error : result->errors) {
      if (result_.errors.size() >= options_.errors_max) break;
      result_.errors.push_back(std::move(error));
    }
  } else if (error_.ok()) {
    error_ = result.status();
  }
  changed_.notify_all();
}

Result<IngestResult> Importer::Impl::Finish() {
  if (!buffer_.empty()) {
    if (Status status = CutBlock(true); !status.ok()) return status;
  }
  // A header may have been all there was before the last lines.
  if (!buffer_.empty()) {
    if (Status status = CutBlock(true); !status.ok()) return status;
  }
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return unanswered_ == 0; });
  if (!error_.ok()) return error_;
  IngestResult result = std::move(result_);
  std::sort(result.errors.begin(), result.errors.end(),
            [](const Rejection& a, const Rejection& b) { return a.index < b.index; });
  result_ = IngestResult();
  ordinals_.NextFile();
  blocks_cut_ = turn_ = 0;
  next_line_ = 1;
  at_file_start_ = true;
  skipping_line_ = false;
  schema_.reset();
  return result;
}

Importer::Importer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Importer::~Importer() = default;

Result<std::unique_ptr<Importer>> Importer::Create(Engine& engine, const ImportOptions& options) {
  if (!options.csv_map.empty() && options.format != ImportFormat::kCsv) {
    return InvalidArgument("a column mapping goes with CSV only");
  }
  return std::unique_ptr<Importer>(
      new Importer(std::make_unique<Impl>(engine.impl_.get(), options)));
}

Status Importer::CheckCsvHeader(std::string_view start, const ImportOptions& options) {
  return CsvSchema::Create(start.substr(0, start.find('\n')), options.csv_map).status();
}

Status Importer::Add(std::string_view bytes) { return impl_->Add(bytes); }
Result<IngestResult> Importer::Finish() { return impl_->Finish(); }

}  // namespace v1
}  // namespace insightflow
