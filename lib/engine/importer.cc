// The importer's line of work: cut the bytes into blocks of whole lines, decode blocks side by
// side, and take them into the log in the order of the file.

#include "insightflow/importer.h"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "lib/base/byte_buffer.h"
#include "lib/decode/decoder.h"
#include "lib/engine/engine_impl.h"
#include "lib/engine/import_block.h"
#include "lib/engine/line_ordinals.h"
#include "lib/engine/thread.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::size_t kBlockBytes = std::size_t{1} << 21;
// A block is decoded in batches whose tables fit the cache.
constexpr std::size_t kBatchBytes = std::size_t{1} << 18;
// How much of a line longer than a block is looked at more at a time.
constexpr std::size_t kStepBytes = std::size_t{1} << 16;
// Blocks that wait for a decoder, for each decoder.
constexpr std::size_t kQueuedBlocks = 2;

}  // namespace

class Importer::Impl {
 public:
  Impl(Engine::Impl* engine, const ImportOptions& options)
      : engine_(engine),
        options_(options),
        threads_(std::max<std::size_t>(1, options.threads)),
        ordinals_(options.source, engine->hash_seed()) {
    for (std::size_t i = 0; i < threads_; ++i) {
      workers_.push_back(StartThread("if-import", [this] { Work(); }));
    }
  }

  ~Impl() {
    {
      std::lock_guard lock(mutex_);
      closing_ = true;
      work_.notify_all();
    }
    for (std::thread& worker : workers_) worker.join();
    std::unique_lock lock(mutex_);
    // Neither decoded nor in their turn: given up.
    unanswered_ -= blocks_.size();
    for (const auto& [number, block] : decoded_) unanswered_ -= block.answers();
    answered_.wait(lock, [&] { return unanswered_ == 0; });
  }

  Status BeginPart(FilePart part);
  Status Add(std::string_view bytes);
  Result<IngestResult> AddFrom(ReadFunction read);
  Result<IngestResult> Finish();

 private:
  bool Unread() const { return read_ != nullptr && !feeding_ && !at_end_ && error_.ok(); }
  void Feed();
  Status FillBlock(bool* at_end);
  Status CutRest();
  Status CutBlock(bool at_end);
  std::size_t WholeLines(std::string_view text) const;
  Status TakeHeader(bool at_end);
  void SkipLongLine(std::string_view* bytes);
  // How much the buffer takes before it is cut. A buffer that is full and still here holds a part
  // of one long line.
  std::size_t Room() const {
    return kBlockBytes - std::min(kBlockBytes - kStepBytes, buffer_.size());
  }
  void DropFront(std::size_t bytes);
  ByteBuffer TakeSpare();
  Status Enqueue(ImportBlock block);
  void Work();
  DecodedImportBlock DecodeBlock(const ImportBlock& block, Decoder* decoder) const;
  std::uint64_t Decode(std::string_view lines, std::uint64_t first_line, Decoder* decoder,
                       DecodedBatch* out) const;
  void TakeIn(std::uint64_t number, DecodedImportBlock block);
  void SubmitBlock(DecodedImportBlock block);
  void Submit(std::unique_ptr<PendingBatch> pending);
  std::size_t AheadMax() const { return 2 * threads_; }
  void Record(Result<IngestResult> result);

  Engine::Impl* const engine_;
  const ImportOptions options_;
  const std::size_t threads_;

  // The feeding thread's own: who calls Add, or the worker that reads.
  ByteBuffer buffer_;               // begins at the beginning of a line
  std::uint64_t first_line_ = 1;    // of the file's part
  std::uint64_t lines_before_ = 0;  // that the next block has
  bool at_file_start_ = true;
  bool skipping_line_ = false;  // inside a line that is too long
  std::optional<CsvSchema> schema_;

  std::mutex mutex_;
  std::condition_variable work_;      // a worker may go on
  std::condition_variable room_;      // a block fewer waits
  std::condition_variable answered_;  // all that was cut, or an error, or the end of what is read
  std::deque<ImportBlock> blocks_;
  std::vector<ByteBuffer> spares_;                       // memory of blocks that were decoded
  ReadFunction read_;                                    // set while AddFrom waits
  bool feeding_ = false;                                 // a worker reads
  bool at_end_ = false;                                  // of what read_ gives
  std::uint64_t blocks_cut_ = 0;                         // of this file
  std::map<std::uint64_t, DecodedImportBlock> decoded_;  // before their turn
  std::uint64_t turn_ = 0;      // the block whose rows come next in the log
  bool sequencing_ = false;     // a worker gives blocks their places
  std::size_t unanswered_ = 0;  // blocks cut, then what they hold, not yet answered
  bool closing_ = false;
  Status error_;
  IngestResult result_;
  // Touched in turn only.
  std::uint64_t next_line_ = 1;
  LineOrdinals ordinals_;

  std::vector<std::thread> workers_;
};

Status Importer::Impl::BeginPart(FilePart part) {
  if (part.first_line == 0) return InvalidArgument("the first line of a part is at least 1");
  std::uint64_t last = part.first_line - 1;
  for (const RepeatedLine& repeated : part.repeated) {
    if (repeated.line <= last || repeated.before == 0) {
      return InvalidArgument("repeated lines must ascend within their part, each with a count");
    }
    last = repeated.line;
  }
  std::lock_guard lock(mutex_);
  if (!at_file_start_ || !buffer_.empty()) {
    return FailedPrecondition("a part begins before its first byte");
  }
  first_line_ = next_line_ = part.first_line;
  ordinals_.Restart(std::move(part.repeated));
  return Status::Ok();
}

Status Importer::Impl::Add(std::string_view bytes) {
  while (!bytes.empty()) {
    if (skipping_line_) {
      SkipLongLine(&bytes);
      continue;
    }
    const std::size_t take = std::min(bytes.size(), Room());
    buffer_.Append(bytes.substr(0, take));
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

// The bytes of the text that are whole lines.
std::size_t Importer::Impl::WholeLines(std::string_view text) const {
  if (options_.format == ImportFormat::kCsv) return FindCsvRecordsEnd(text);
  const std::size_t last = text.rfind('\n');
  return last == std::string_view::npos ? 0 : last + 1;
}

Status Importer::Impl::TakeHeader(bool at_end) {
  std::size_t end = buffer_.view().find('\n');
  if (end == std::string_view::npos) {
    if (!at_end) return Status::Ok();
    end = buffer_.size() - 1;
  }
  Result<CsvSchema> schema = CsvSchema::Create(buffer_.view().substr(0, end + 1), options_.csv_map);
  if (!schema.ok()) return schema.status();
  schema_ = std::move(*schema);
  DropFront(end + 1);
  ++lines_before_;
  return Status::Ok();
}

// Moves the buffer's whole lines into a block. Leaves the buffer as it is when there are none, or
// drops a line that has grown past its limit.
Status Importer::Impl::CutBlock(bool at_end) {
  if (at_file_start_) {
    // The header of CSV is that of the file, also in a later part.
    const bool at_front = first_line_ == 1 || options_.format == ImportFormat::kCsv;
    if (at_front && buffer_.view().starts_with("\xEF\xBB\xBF")) DropFront(3);
    at_file_start_ = false;
  }
  if (options_.format == ImportFormat::kCsv && !schema_ && !buffer_.empty()) {
    if (Status status = TakeHeader(at_end); !status.ok()) return status;
  }
  const std::size_t end = at_end ? buffer_.size() : WholeLines(buffer_.view());
  if (end == 0) {
    if (buffer_.size() <= options_.line_bytes_max) return Status::Ok();
    std::string_view rest = buffer_.view();
    SkipLongLine(&rest);
    DropFront(buffer_.size() - rest.size());
    return Enqueue({.text = {}, .too_long = true});
  }
  ByteBuffer rest = TakeSpare();
  rest.Append(buffer_.view().substr(end));
  buffer_.Truncate(end);
  buffer_.swap(rest);
  return Enqueue({.text = std::move(rest)});
}

void Importer::Impl::DropFront(std::size_t bytes) {
  ByteBuffer rest;
  rest.Append(buffer_.view().substr(bytes));
  buffer_ = std::move(rest);
}

ByteBuffer Importer::Impl::TakeSpare() {
  std::lock_guard lock(mutex_);
  if (spares_.empty()) return {};
  ByteBuffer spare = std::move(spares_.back());
  spares_.pop_back();
  spare.clear();
  return spare;
}

Status Importer::Impl::Enqueue(ImportBlock block) {
  block.lines_before = std::exchange(lines_before_, 0);
  std::unique_lock lock(mutex_);
  room_.wait(lock, [&] { return blocks_.size() < kQueuedBlocks * threads_ || !error_.ok(); });
  if (!error_.ok()) return error_;
  block.number = blocks_cut_++;
  blocks_.push_back(std::move(block));
  ++unanswered_;
  work_.notify_one();
  return Status::Ok();
}

// Reads until the buffer is worth a block, or to the end.
Status Importer::Impl::FillBlock(bool* at_end) {
  do {
    const std::size_t size = buffer_.size();
    const std::size_t room = Room();
    char* const to = buffer_.Extend(room);
    const Result<std::size_t> got = read_(to, room);
    buffer_.Truncate(size + (got.ok() ? *got : 0));
    if (!got.ok()) return got.status();
    *at_end = *got == 0;
    if (*at_end) return Status::Ok();
    if (!skipping_line_) continue;
    std::string_view rest = buffer_.view();
    SkipLongLine(&rest);
    DropFront(buffer_.size() - rest.size());
  } while (buffer_.size() < kBlockBytes || skipping_line_);
  return Status::Ok();
}

// Cuts one block from what read_ gives. The only feeder.
void Importer::Impl::Feed() {
  bool at_end = false;
  Status status = FillBlock(&at_end);
  if (status.ok()) status = at_end ? CutRest() : CutBlock(false);
  std::lock_guard lock(mutex_);
  if (!status.ok() && error_.ok()) error_ = std::move(status);
  at_end_ = at_end;
  feeding_ = false;
  if (at_end_ || !error_.ok()) answered_.notify_all();
}

// The bytes of a block are read by the worker that then decodes them, while they are in its cache.
void Importer::Impl::Work() {
  Decoder decoder;
  std::unique_lock lock(mutex_);
  while (true) {
    work_.wait(lock, [&] {
      return closing_ || (decoded_.size() < AheadMax() && (!blocks_.empty() || Unread()));
    });
    if (closing_) return;
    if (blocks_.empty()) {
      feeding_ = true;
      lock.unlock();
      Feed();
      lock.lock();
      continue;
    }
    ImportBlock block = std::move(blocks_.front());
    blocks_.pop_front();
    room_.notify_one();
    if (Unread()) work_.notify_one();
    lock.unlock();
    TakeIn(block.number, DecodeBlock(block, &decoder));
    lock.lock();
    // Not that of a long line.
    if (block.text.size() <= kBlockBytes) spares_.push_back(std::move(block.text));
  }
}

DecodedImportBlock Importer::Impl::DecodeBlock(const ImportBlock& block, Decoder* decoder) const {
  DecodedImportBlock decoded;
  decoded.too_long = block.too_long;
  decoded.lines_before = block.lines_before;
  decoded.lines = block.too_long ? 1 : 0;
  std::string_view lines = block.text.view();
  while (!lines.empty()) {
    std::size_t size = lines.size();
    if (size > kBatchBytes) size = WholeLines(lines.substr(0, kBatchBytes));
    if (size == 0) size = lines.size();  // a line that is longer
    decoded.batches.push_back(engine_->pipeline().Take());
    decoded.lines =
        Decode(lines.substr(0, size), decoded.lines, decoder, &decoded.batches.back()->decoded);
    lines.remove_prefix(size);
  }
  return decoded;
}

// Returns the number of the next line.
std::uint64_t Importer::Impl::Decode(std::string_view lines, std::uint64_t first_line,
                                     Decoder* decoder, DecodedBatch* out) const {
  IngestOptions no_limits;
  no_limits.events_max = 0;
  DecodeContext context = engine_->ContextOf(no_limits);
  context.line_bytes_max = options_.line_bytes_max;
  std::uint64_t next = first_line;
  switch (options_.format) {
    case ImportFormat::kNdjson:
      next = decoder->DecodeNdjson(lines, first_line, context, out);
      break;
    case ImportFormat::kCsv:
      next = decoder->DecodeCsv(lines, first_line, *schema_, context, out);
      break;
    case ImportFormat::kCombined:
      next = decoder->DecodeCombined(lines, first_line, context, out);
      break;
  }
  out->batch.received_ms = context.received_ms;
  return next;
}

void Importer::Impl::SubmitBlock(DecodedImportBlock block) {
  const std::uint64_t first = next_line_ + block.lines_before;
  next_line_ = first + block.lines;  // now, as the turn
  if (block.too_long) {
    IngestResult one;
    one.received = one.rejected = 1;
    one.errors.push_back({first, RejectCode::kTooLong, "", kLineTooLong});
    Record(std::move(one));
  }
  for (auto& batch : block.batches) {
    AddToLines(first, &batch->decoded);
    Submit(std::move(batch));
  }
}

// Gives a batch's lines their ordinals and its rows their place in the log.
void Importer::Impl::Submit(std::unique_ptr<PendingBatch> pending) {
  ordinals_.Apply(pending->decoded.lines, &pending->decoded.batch);
  pending->sync_later = true;  // Finish syncs
  pending->done = [this](Result<IngestResult> result) { Record(std::move(result)); };
  IngestPipeline& pipeline = engine_->pipeline();
  Status status = pipeline.Admit(pending.get(), IngestPipeline::WhenFull::kWait);
  if (!status.ok()) {
    pending->done(std::move(status));
    pipeline.GiveBack(std::move(pending));
    return;
  }
  PendingBatch* const batch = pending.release();
  pipeline.Sequence(batch);
  pipeline.Publish(batch);
}

// Blocks enter the log in the order of the file, and no worker waits for another: who brings a
// block whose turn it is takes those along that were decoded too early.
void Importer::Impl::TakeIn(std::uint64_t number, DecodedImportBlock block) {
  std::unique_lock lock(mutex_);
  unanswered_ += block.answers();
  --unanswered_;  // the block
  decoded_.emplace(number, std::move(block));
  if (sequencing_) return;
  sequencing_ = true;
  for (auto next = decoded_.find(turn_); next != decoded_.end() && !closing_;
       next = decoded_.find(turn_)) {
    block = std::move(next->second);
    decoded_.erase(next);
    ++turn_;  // now: with the last answer the next file may begin
    work_.notify_one();
    lock.unlock();
    SubmitBlock(std::move(block));
    lock.lock();
  }
  sequencing_ = false;
  if (unanswered_ == 0) answered_.notify_all();
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
    room_.notify_all();
  }
  if (unanswered_ == 0 || !error_.ok()) answered_.notify_all();
}

Result<IngestResult> Importer::Impl::AddFrom(ReadFunction read) {
  std::unique_lock lock(mutex_);
  read_ = std::move(read);
  at_end_ = false;
  work_.notify_one();
  answered_.wait(lock, [&] { return at_end_ || !error_.ok(); });
  if (!error_.ok()) return error_;
  read_ = nullptr;
  lock.unlock();
  return Finish();
}

Status Importer::Impl::CutRest() {
  if (!buffer_.empty()) {
    if (Status status = CutBlock(true); !status.ok()) return status;
  }
  // A header may have been all there was before the last lines.
  return buffer_.empty() ? Status::Ok() : CutBlock(true);
}

Result<IngestResult> Importer::Impl::Finish() {
  if (Status status = CutRest(); !status.ok()) return status;
  std::unique_lock lock(mutex_);
  answered_.wait(lock, [&] { return unanswered_ == 0; });
  if (!error_.ok()) return error_;
  lock.unlock();
  Status synced = engine_->pipeline().Sync();
  lock.lock();
  if (!synced.ok()) return error_ = std::move(synced);
  IngestResult result = std::move(result_);
  std::sort(result.errors.begin(), result.errors.end(),
            [](const Rejection& a, const Rejection& b) { return a.index < b.index; });
  result_ = IngestResult();
  ordinals_.Restart({});
  blocks_cut_ = turn_ = 0;
  first_line_ = next_line_ = 1;
  lines_before_ = 0;
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

Status Importer::BeginPart(FilePart part) { return impl_->BeginPart(std::move(part)); }
Status Importer::Add(std::string_view bytes) { return impl_->Add(bytes); }
Result<IngestResult> Importer::AddFrom(ReadFunction read) {
  return impl_->AddFrom(std::move(read));
}
Result<IngestResult> Importer::Finish() { return impl_->Finish(); }

}  // namespace v1
}  // namespace insightflow
