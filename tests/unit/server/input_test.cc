#include "server/app/input.h"

#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <fstream>
#include <string>
#include <thread>

#include "tests/support/temp_dir.h"

namespace insightflow::server {
namespace {

std::string Gzip(const std::string& text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string packed(deflateBound(&stream, text.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(packed.size() - stream.avail_out);
  deflateEnd(&stream);
  return packed;
}

class Input : public ::testing::Test {
 protected:
  std::string Write(const std::string& content) {
    const std::string path = dir_.path() + "/file";
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }

  Result<std::string> ReadAll(const std::string& path) {
    auto file = InputFile::Open(path, signals_);
    if (!file.ok()) return file.status();
    std::string text;
    std::string chunk(100'000, ' ');
    while (true) {
      const Result<std::size_t> got = (*file)->Read(chunk.data(), chunk.size());
      if (!got.ok()) return got.status();
      if (*got == 0) return text;
      text.append(chunk, 0, *got);
    }
  }

  void ExpectContent(const std::string& content, const std::string& expected) {
    const Result<std::string> text = ReadAll(Write(content));
    ASSERT_TRUE(text.ok()) << text.status().ToString();
    EXPECT_TRUE(*text == expected) << text->size() << " bytes instead of " << expected.size();
  }

  TempDir dir_;
  Signals signals_;
};

// Longer than several chunks, and not compressible to nothing.
std::string LongText() {
  std::string text;
  for (unsigned i = 0; text.size() < (5u << 20); ++i)
    text += std::to_string(i * 2654435761u) + "\n";
  return text;
}

TEST_F(Input, PlainFilesAsTheyAre) {
  for (const std::string text : {"", "x", "\x1f", "\x1f\x8a", "line\nlast"}) {
    ExpectContent(text, text);
  }
  ExpectContent(LongText(), LongText());
}

TEST_F(Input, GzipIsUnpackedMemberByMember) {
  ExpectContent(Gzip(""), "");
  ExpectContent(Gzip("a") + Gzip("") + Gzip("bc"), "abc");
  ExpectContent(Gzip(LongText()) + Gzip("end"), LongText() + "end");
}

TEST_F(Input, ZerosBehindGzipAreNoDamage) {
  ExpectContent(Gzip("a") + std::string(700'000, '\0'), "a");
  ExpectContent(Gzip("a") + std::string(3, '\0') + Gzip("b"), "ab");
}

TEST_F(Input, DamagedGzipIsAnError) {
  const std::string packed = Gzip(LongText());
  std::string flipped = packed;
  flipped[packed.size() / 2] = static_cast<char>(flipped[packed.size() / 2] ^ 1);
  for (const std::string& bad :
       {packed.substr(0, packed.size() - 1), packed.substr(0, 5), flipped, packed + "junk"}) {
    const Result<std::string> text = ReadAll(Write(bad));
    ASSERT_FALSE(text.ok());
    EXPECT_EQ(text.status().code(), StatusCode::kDataLoss);
    EXPECT_NE(text.status().message().find(dir_.path()), std::string::npos);
  }
}

TEST_F(Input, WhatCannotBeReadIsNamed) {
  EXPECT_EQ(InputFile::Readable(dir_.path() + "/none").code(), StatusCode::kNotFound);
  EXPECT_EQ(InputFile::Readable(dir_.path()).code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(InputFile::Readable("-").ok());
  EXPECT_TRUE(InputFile::Readable(Write("")).ok());
}

TEST_F(Input, AReaderThatWaitsCanBeAbandoned) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  auto file = InputFile::Open("/dev/fd/" + std::to_string(ends[0]), signals_);
  ASSERT_TRUE(file.ok());
  ASSERT_EQ(write(ends[1], "some", 4), 4);
  char buffer[16];
  Result<std::size_t> got = (*file)->Read(buffer, sizeof buffer);
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(std::string_view(buffer, *got), "some");
  std::thread reader([&] { got = (*file)->Read(buffer, sizeof buffer); });
  signals_.Notify();  // although nobody closes the pipe
  reader.join();
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(*got, 0u);
  close(ends[0]);
  close(ends[1]);
}

}  // namespace
}  // namespace insightflow::server
