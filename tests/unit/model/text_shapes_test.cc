#include "lib/model/text_shapes.h"

#include <gtest/gtest.h>

#include <functional>
#include <optional>

#include "lib/base/packed_ints.h"

namespace insightflow {
namespace {

constexpr std::size_t kRows = 300;

struct Written {
  std::string shapes;
  std::string numbers;
};

std::optional<Written> Put(const std::function<std::string(std::size_t)>& text_of,
                           std::size_t rows = kRows) {
  std::string bytes;
  std::vector<std::uint32_t> ends;
  for (std::size_t row = 0; row < rows; ++row) {
    bytes += text_of(row);
    ends.push_back(static_cast<std::uint32_t>(bytes.size()));
  }
  TextShaper shaper;
  Written written;
  if (!shaper.Put(bytes, ends, rows, &written.shapes, &written.numbers)) return std::nullopt;
  TextUnshaper unshaper;
  ByteBuffer read;
  std::vector<std::uint32_t> read_ends;
  ByteReader shapes(written.shapes);
  ByteReader numbers(written.numbers);
  EXPECT_TRUE(unshaper.Get(&shapes, &numbers, rows, &read, &read_ends));
  EXPECT_EQ(read.view(), bytes);
  EXPECT_EQ(read_ends, ends);
  return written;
}

std::string_view ShapesOf(const Written& written) {
  ByteReader in(written.shapes);
  std::uint64_t count;
  std::vector<std::uint32_t> lengths;
  EXPECT_TRUE(in.GetVarint(&count) && GetInts(&in, count, &lengths));
  return std::string_view(written.shapes).substr(written.shapes.size() - in.remaining());
}

TEST(TextShapes, NumbersLeaveAByte) {
  const auto written = Put([](std::size_t row) {
    return "{\"a\":" + std::to_string(row) + ",\"at\":\"2024-05-" +
           std::to_string(100 + row % 30).substr(1) + "\"}";
  });
  ASSERT_TRUE(written);
  EXPECT_EQ(ShapesOf(*written), "{\"a\":\1,\"at\":\"\1-\2-\2\"}{\"a\":\1,\"at\":\"\1-\2-\1\"}");
  EXPECT_LT(written->numbers.size(), kRows * 4);
}

TEST(TextShapes, DigitsThatAreNoNumberStay) {
  for (const std::string digits : {"1234567890123456789", "0123456789", "00000000000000000000"}) {
    const auto written = Put([&](std::size_t) { return digits + "!"; });
    ASSERT_TRUE(written);
    EXPECT_EQ(ShapesOf(*written), digits + "!");
  }
  for (const std::string digits : {"123456789012345678", "012345678", "00", "0", "999"}) {
    const auto written = Put([&](std::size_t) { return digits; });
    ASSERT_TRUE(written);
    EXPECT_EQ(ShapesOf(*written).size(), 1u) << digits;
  }
}

TEST(TextShapes, BytesThatStandForNumbersAreRefused) {
  for (int byte = 0; byte < 256; ++byte) {
    const auto text = [&](std::size_t row) {
      return std::string("x") + (row == kRows - 1 ? static_cast<char>(byte) : 'y') + "1";
    };
    EXPECT_EQ(Put(text).has_value(), byte == 0 || byte > 9) << byte;
  }
}

TEST(TextShapes, RowsAreCutApart) {
  EXPECT_TRUE(Put([](std::size_t row) { return std::string(row % 4, '1'); }));
  EXPECT_TRUE(Put([](std::size_t) { return std::string(); }));
  EXPECT_TRUE(Put([](std::size_t row) { return row == 7 ? "0" : ""; }));
}

TEST(TextShapes, ManyShapesAreRefusedSoon) {
  const auto letters = [](std::size_t n) {
    return std::string(1, static_cast<char>('a' + n % 26)) + static_cast<char>('a' + n / 26 % 26) +
           static_cast<char>('a' + n / 676);
  };
  EXPECT_FALSE(Put(letters));
  EXPECT_TRUE(Put([&](std::size_t row) { return letters(row / 2 * 2 % 64); }));
  EXPECT_TRUE(Put([&](std::size_t row) { return letters(row / 4); }, 4'000));
  EXPECT_FALSE(Put([](std::size_t) { return std::string("x"); }, 255));
}

TEST(TextShapes, ZerosBeforeANumberMakeAnotherShape) {
  const auto written = Put([](std::size_t row) {
    return R"({"currency":"EUR","price":)" + std::to_string(10 + row % 90) + "." +
           std::to_string(row % 100 + 100).substr(1) + "}";
  });
  ASSERT_TRUE(written);
  EXPECT_EQ(ShapesOf(*written),
            "{\"currency\":\"EUR\",\"price\":\1.\2}{\"currency\":\"EUR\",\"price\":\1.\1}");
}

// More ways to have digits than are kept in mind.
TEST(TextShapes, AnyLengthsOfNumbersAreOneShape) {
  const auto digits = [](std::size_t n) { return std::string(1 + n % 10, '7'); };
  const auto written = Put(
      [&](std::size_t row) {
        return "{\"a\":" + digits(row) + ",\"b\":" + digits(row / 10) +
               ",\"c\":" + digits(row / 100) + ",\"d\":" + digits(row / 1'000) + "}";
      },
      10'000);
  ASSERT_TRUE(written);
  EXPECT_EQ(ShapesOf(*written), "{\"a\":\1,\"b\":\1,\"c\":\1,\"d\":\1}");
}

TEST(TextShapes, MoreNumbersThanStreamsShareTheLast) {
  const auto written = Put([](std::size_t row) {
    std::string text;
    for (std::size_t i = 0; i < 40; ++i) {
      text += std::string("key") + static_cast<char>('a' + i % 26) + (i < 26 ? "=" : ":") +
              std::to_string(row * i);
    }
    return text;
  });
  EXPECT_TRUE(written);
}

// A few stored bytes cannot claim very many: neither is such a form written.
TEST(TextShapes, ClaimsAreBounded) {
  const std::string large(60'000, 'x');
  EXPECT_FALSE(Put([&](std::size_t) { return large; }));
  EXPECT_FALSE(Put(
      [&](std::size_t) { return std::string(7'000, 'x') + "1" + std::string(7'000, '1'); }, 2'000));
  Written hostile;
  PutVarint(&hostile.shapes, 1);
  PutInts<std::uint32_t>(&hostile.shapes, std::vector<std::uint32_t>{60'000}, false);
  hostile.shapes += std::string(60'000, '\1');
  PutInts<std::uint32_t>(&hostile.numbers, std::vector<std::uint32_t>(kRows, 1), false);
  hostile.numbers += std::string(2, '\0');
  TextUnshaper unshaper;
  ByteBuffer read;
  std::vector<std::uint32_t> read_ends;
  ByteReader shapes(hostile.shapes);
  ByteReader numbers(hostile.numbers);
  EXPECT_FALSE(unshaper.Get(&shapes, &numbers, kRows, &read, &read_ends));
}

TEST(TextShapes, NumbersAreThoseOfTheirPlaceholder) {
  const auto joined = [](char placeholder, std::uint64_t number) {
    Written written;
    PutVarint(&written.shapes, 1);
    PutInts<std::uint32_t>(&written.shapes, std::vector<std::uint32_t>{1}, false);
    written.shapes += placeholder;
    PutInts<std::uint32_t>(&written.numbers, std::vector<std::uint32_t>{1}, false);
    PutInts<std::uint64_t>(&written.numbers, std::vector<std::uint64_t>{number}, false);
    TextUnshaper unshaper;
    ByteBuffer read;
    std::vector<std::uint32_t> read_ends;
    ByteReader shapes(written.shapes);
    ByteReader numbers(written.numbers);
    return unshaper.Get(&shapes, &numbers, 1, &read, &read_ends) ? std::string(read.view())
                                                                 : "refused";
  };
  std::uint64_t number = 1;
  for (int digits = 1; digits <= 18; ++digits, number *= 10) {
    for (const std::uint64_t n : {number - 1, number, number + 1, 9 * number}) {
      EXPECT_EQ(joined('\1', n), std::to_string(n));
    }
  }
  EXPECT_EQ(joined('\1', number), "refused");
  EXPECT_EQ(joined('\2', 9), "09");
  EXPECT_EQ(joined('\2', 10), "refused");
  EXPECT_EQ(joined('\t', 99'999'999), "099999999");
  EXPECT_EQ(joined('\t', 100'000'000), "refused");
}

TEST(TextShapes, NumbersWithADivisorTakeTheBitsOfTheirQuotients) {
  const auto written = [](std::uint64_t times, ShapeNumbers form) {
    std::string bytes;
    std::vector<std::uint32_t> ends;
    for (std::size_t row = 0; row < kRows; ++row) {
      bytes += "{\"load_ms\":" + std::to_string(times * (row % 8)) + "}";
      ends.push_back(static_cast<std::uint32_t>(bytes.size()));
    }
    std::string shapes;
    std::string numbers;
    EXPECT_TRUE(TextShaper().Put(bytes, ends, kRows, &shapes, &numbers, form));
    ByteBuffer read;
    ByteReader shapes_in(shapes);
    ByteReader numbers_in(numbers);
    EXPECT_TRUE(TextUnshaper().Get(&shapes_in, &numbers_in, kRows, &read, &ends, form));
    EXPECT_EQ(read.view(), bytes);
    return numbers.size();
  };
  const std::size_t smallest = written(1, ShapeNumbers::kPlain);
  EXPECT_EQ(written(1, ShapeNumbers::kDivided), smallest + 1);
  EXPECT_EQ(written(100, ShapeNumbers::kDivided), smallest + 1);
  EXPECT_GT(written(100, ShapeNumbers::kPlain), smallest + kRows / 2);
  EXPECT_EQ(written(0, ShapeNumbers::kDivided), written(0, ShapeNumbers::kPlain) + 1);
}

}  // namespace
}  // namespace insightflow
