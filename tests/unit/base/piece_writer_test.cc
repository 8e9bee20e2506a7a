#include "lib/base/piece_writer.h"

#include <gtest/gtest.h>

#include <string>

#include "lib/base/coding.h"
#include "lib/base/hash.h"

namespace insightflow {
namespace {

TEST(HashStreamTest, IsTheHashOfAllPieces) {
  std::string text;
  for (int i = 0; i < 3'000; ++i) text.push_back(static_cast<char>(i * 7 + i / 11));
  for (const std::size_t size : {0u, 1u, 16u, 17u, 240u, 241u, 1'024u, 3'000u}) {
    const std::string_view all = std::string_view(text).substr(0, size);
    for (const std::size_t piece : {1u, 7u, 256u, 4'000u}) {
      HashStream stream(42);
      for (std::size_t at = 0; at < size; at += piece) stream.Add(all.substr(at, piece));
      EXPECT_EQ(stream.Sum(), HashBytes(all, 42)) << size << " by " << piece;
    }
  }
}

TEST(PieceWriterTest, EndsWithTheChecksumOfWhatWasWritten) {
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{9}, PieceWriter::kPieceBytes,
                                  3 * PieceWriter::kPieceBytes + 1}) {
    std::string taken, expected(bytes, 'x');
    PieceWriter writer(7, [&](std::string_view piece) {
      taken.append(piece);
      return Status::Ok();
    });
    for (std::size_t i = 0; i < bytes; ++i) {
      writer.out()->push_back('x');
      writer.Pass();
    }
    ASSERT_TRUE(writer.Finish().ok());
    PutFixed(&expected, HashBytes(expected, 7));
    EXPECT_TRUE(taken == expected) << bytes;
  }
}

TEST(PieceWriterTest, NothingFollowsAnError) {
  std::size_t calls = 0;
  PieceWriter writer(7, [&](std::string_view) {
    ++calls;
    return Status(StatusCode::kUnavailable, "full");
  });
  for (int i = 0; i < 3; ++i) {
    writer.out()->append(PieceWriter::kPieceBytes, 'x');
    writer.Pass();
    EXPECT_TRUE(writer.out()->empty());
  }
  EXPECT_EQ(writer.Finish().code(), StatusCode::kUnavailable);
  EXPECT_EQ(calls, 1u);
}

}  // namespace
}  // namespace insightflow
