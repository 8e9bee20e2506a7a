// Records of CSV files after RFC 4180: cells in quotes may hold commas, newlines and doubled
// quotes. A record ends with LF or CRLF. A quote within a cell that does not begin with one is a
// letter.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace insightflow {
inline namespace v1 {

class CsvRecordReader {
 public:
  // Reads the record at the front of `text`, which need not be complete. Views in cells() live
  // until the next call.
  void Read(std::string_view text);

  const std::vector<std::string_view>& cells() const { return cells_; }
  // Bytes of the record with its line end.
  std::size_t size() const { return size_; }
  // Lines that the record spans, counting newlines in cells.
  std::size_t lines() const { return lines_; }
  // False: a quote is not closed, or text follows a closing quote.
  bool well_formed() const { return well_formed_; }

 private:
  void ReadQuoted(std::string_view text, std::size_t* at);

  std::vector<std::string_view> cells_;
  std::deque<std::string> unquoted_;  // cells that had doubled quotes
  std::size_t unquoted_count_ = 0;
  std::size_t size_ = 0;
  std::size_t lines_ = 0;
  bool well_formed_ = true;
};

// The records of a text, one after the other. Of a record whose quotes do not match only the first
// line is taken, and the next begins a record: a stray quote costs its line, not those up to the
// next quote, as long as that does not mean to read most of the text over and over.
class CsvRecords {
 public:
  // `text` and `reader` must outlive it. The first line is number `first_line`.
  CsvRecords(std::string_view text, std::uint64_t first_line, CsvRecordReader* reader);

  // The next record; false at the end. What the reader says is then of this record.
  bool Next();
  std::string_view record() const { return record_; }  // without its line end
  std::uint64_t line() const { return line_; }         // that it begins in
  std::uint64_t next_line() const { return next_line_; }

 private:
  std::string_view rest_;
  std::string_view record_;
  CsvRecordReader* const reader_;
  std::size_t read_again_;  // may be, in bytes
  std::uint64_t line_ = 0;
  std::uint64_t next_line_;
};

}  // namespace v1
}  // namespace insightflow
