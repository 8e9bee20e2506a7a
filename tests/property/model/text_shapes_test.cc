// Texts come back from their shapes and numbers, and the bytes are those of a simple twin.
#include "lib/model/text_shapes.h"

#include <gtest/gtest.h>

#include <random>

#include "lib/model/shaped_texts.h"
#include "tests/reference/text_shapes_twin.h"
#include "tests/support/random_cases.h"

namespace insightflow {
namespace {

class TextShapesProperty : public ::testing::Test {
 protected:
  std::uint64_t Below(std::uint64_t n) { return random_() % n; }

  // A text of parts that other texts share, with numbers of every form.
  std::string Text(const std::vector<std::string>& parts, std::uint64_t parts_max) {
    std::string text;
    for (std::uint64_t n = Below(parts_max + 1); n > 0; --n) {
      text += parts[Below(parts.size())];
      if (Below(3) == 0) continue;
      for (std::uint64_t zeros = Below(8) == 0 ? Below(12) : 0; zeros > 0; --zeros) text += '0';
      const std::uint64_t number = random_() >> Below(64);
      text += std::to_string(number);
      if (Below(40) == 0) text += std::to_string(number);
    }
    return text;
  }

  std::vector<std::string> Parts() {
    std::vector<std::string> parts(1 + Below(5));
    for (std::string& part : parts) {
      for (std::uint64_t n = Below(4) == 0 ? Below(150) : Below(12); n > 0; --n) {
        part.push_back(static_cast<char>(Below(3) == 0 ? 10 + Below(246) : 'a' + Below(3)));
      }
    }
    return parts;
  }

  // The texts in their parts, which are none when shapes cannot say them; where there are rows
  // enough to store shapes, those that come back from what is stored, which are the same.
  void CutOrRead(std::string_view bytes, const std::vector<std::uint32_t>& ends, TextShaper* shaper,
                 ShapedTexts* texts) {
    const std::size_t rows = ends.size() + Below(3);
    ShapedTexts cut;
    const bool shaped = shaper->PutInParts(bytes, ends, rows, &cut);
    ASSERT_EQ(shaped, !cut.rows.empty());
    *texts = cut;
    if (rows < shapes::kRowsMin) return;
    std::string stored;
    std::string numbers;
    ASSERT_EQ(shaper->Put(bytes, ends, rows, &stored, &numbers), shaped);
    if (!shaped) return;
    ByteReader shapes_in(stored);
    ByteReader numbers_in(numbers);
    ASSERT_TRUE(TextUnshaper().Get(&shapes_in, &numbers_in, rows, texts));
    ASSERT_EQ(texts->shapes, cut.shapes);
    ASSERT_EQ(texts->ends, cut.ends);
    ASSERT_EQ(texts->counts, cut.counts);
    ASSERT_EQ(texts->numbers, cut.numbers);
    for (std::size_t row = 0; row < rows; ++row) {
      const auto [shape, begin] = texts->rows[row];
      ASSERT_EQ(shape, cut.rows[row].shape);
      ASSERT_TRUE(shape == 0 || begin == cut.rows[row].numbers);
    }
  }

  const std::uint64_t seed_ = testing::RandomSeed();
  std::mt19937_64 random_{seed_};
};

TEST_F(TextShapesProperty, TextsComeBackAndBytesAreTheTwins) {
  TextShaper shaper;
  TextUnshaper unshaper;
  ByteBuffer read;
  std::vector<std::uint32_t> read_ends;
  int shaped = 0;
  for (int round = 0; round < 300; ++round) {
    const std::vector<std::string> parts = Parts();
    const std::uint64_t parts_max = 1 + Below(round % 8 == 0 ? 30 : 3);
    std::vector<std::string> texts(1 + Below(1'200));
    for (std::string& text : texts) text = Text(parts, parts_max);
    std::string bytes;
    std::vector<std::uint32_t> ends;
    for (const std::string& text : texts) {
      bytes += text;
      ends.push_back(static_cast<std::uint32_t>(bytes.size()));
    }
    const std::size_t absent = Below(3);  // rows behind the last end
    std::string shapes = "before";
    std::string numbers;
    if (!shaper.Put(bytes, ends, ends.size() + absent, &shapes, &numbers)) {
      EXPECT_EQ(shapes + numbers, "before");
      const std::size_t distinct = testing::ShapeTextsTwin(texts).distinct;
      EXPECT_TRUE(texts.size() < 256 || distinct > 64) << texts.size() << ' ' << distinct;
      continue;
    }
    ++shaped;
    shapes.erase(0, 6);
    texts.resize(texts.size() + absent);
    const testing::ShapesTwin twin = testing::ShapeTextsTwin(texts);
    ASSERT_EQ(shapes, twin.shapes);
    ASSERT_EQ(numbers, twin.numbers);
    std::string divided_shapes;
    std::string divided;
    ASSERT_TRUE(
        shaper.Put(bytes, ends, texts.size(), &divided_shapes, &divided, ShapeNumbers::kDivided));
    ASSERT_EQ(divided_shapes, shapes);
    ends.resize(texts.size(), ends.back());
    for (const ShapeNumbers form : {ShapeNumbers::kPlain, ShapeNumbers::kDivided}) {
      ByteReader shapes_in(shapes);
      ByteReader numbers_in(form == ShapeNumbers::kPlain ? numbers : divided);
      ASSERT_TRUE(unshaper.Get(&shapes_in, &numbers_in, texts.size(), &read, &read_ends, form));
      EXPECT_TRUE(shapes_in.empty() && numbers_in.empty());
      ASSERT_EQ(read.view(), bytes);
      ASSERT_EQ(read_ends, ends);
    }
  }
  EXPECT_GT(shaped, 50);
}

// Rows of several inputs, chosen and put in another order as shapes, give what their texts give.
TEST_F(TextShapesProperty, ShapesAreWrittenAgainAsTheirTextsAre) {
  TextShaper shaper;
  ShapedRows gathered;
  int shaped = 0;
  for (int round = 0; round < 200; ++round) {
    const std::vector<std::string> parts = Parts();
    const std::uint64_t parts_max = 1 + Below(round % 8 == 0 ? 12 : 3);
    std::vector<std::vector<std::string>> texts(1 + Below(3));
    std::vector<ShapedTexts> read(texts.size());
    std::vector<std::vector<std::uint32_t>> known(texts.size());
    bool all_shaped = true;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      std::string bytes;
      std::vector<std::uint32_t> ends;
      texts[i].resize(1 + Below(600));
      for (std::string& text : texts[i]) {
        text = Text(parts, parts_max);
        bytes += text;
        ends.push_back(static_cast<std::uint32_t>(bytes.size()));
      }
      CutOrRead(bytes, ends, &shaper, &read[i]);
      all_shaped = !read[i].rows.empty();
      if (!all_shaped) break;
      known[i].resize(read[i].ends.size());
    }
    if (!all_shaped) continue;
    gathered.Clear();
    std::string bytes;
    std::vector<std::uint32_t> ends;
    bool fits = true;
    for (std::uint64_t left = Below(1'500); left > 0 && fits; --left) {
      const std::size_t i = Below(texts.size());
      const std::size_t row = Below(texts[i].size());
      const auto [shape, begin] = read[i].rows[row];
      std::uint32_t& code = known[i][shape];
      if (code == 0 && shape != 0) code = gathered.Use(read[i].Shape(shape));
      fits = code != 0 || shape == 0;
      if (fits) gathered.Add(code, read[i].numbers.data() + begin);
      bytes += texts[i][row];
      ends.push_back(static_cast<std::uint32_t>(bytes.size()));
    }
    std::string shapes;
    std::string numbers;
    std::string of_texts;
    std::string numbers_of_texts;
    const bool put =
        shaper.Put(bytes, ends, ends.size(), &of_texts, &numbers_of_texts, ShapeNumbers::kDivided);
    if (fits) {
      ByteBuffer joined;
      std::vector<std::uint32_t> joined_ends;
      gathered.Join(&joined, &joined_ends);
      ASSERT_EQ(joined.view(), bytes);
      ASSERT_EQ(joined_ends, ends);
      fits = gathered.Put(&shapes, &numbers, ShapeNumbers::kDivided);
    }
    ASSERT_EQ(fits, put);
    ASSERT_EQ(shapes, of_texts);
    ASSERT_EQ(numbers, numbers_of_texts);
    shaped += put ? 1 : 0;
  }
  EXPECT_GT(shaped, 30);
}

TEST_F(TextShapesProperty, DigitsAreMarkedWhereTheyAre) {
  DigitMarks marks;
  for (int round = 0; round < 300; ++round) {
    std::string text(Below(400), '\0');
    for (char& c : text) c = static_cast<char>(Below(2) == 0 ? '/' + Below(12) : 10 + Below(246));
    ASSERT_TRUE(marks.Mark(text, 9, false));
    for (int i = 0; i < 100; ++i) {
      const std::size_t end = Below(text.size() + 1);
      const std::size_t at = Below(end + 1);
      std::size_t digit = at;
      std::size_t other = at;
      while (digit < end && (text[digit] < '0' || text[digit] > '9')) ++digit;
      while (other < end && text[other] >= '0' && text[other] <= '9') ++other;
      ASSERT_EQ(marks.NextDigit(at, end), digit);
      ASSERT_EQ(marks.NextOther(at, end), other);
    }
    if (text.empty()) continue;
    char& c = text[Below(text.size())];
    for (int byte = 0; byte < 256; ++byte) {
      c = static_cast<char>(byte);
      ASSERT_EQ(marks.Mark(text, 9, false), byte == 0 || byte > 9);
    }
  }
}

// Bytes that no shaper wrote are refused or read, and nothing else.
TEST_F(TextShapesProperty, ForeignBytesAreSafe) {
  std::vector<std::string> texts(300);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    texts[i] = "{\"a\":" + std::to_string(i) + ",\"b\":0" + std::to_string(i % 7) + "}";
  }
  const testing::ShapesTwin twin = testing::ShapeTextsTwin(texts);
  TextUnshaper unshaper;
  ByteBuffer read;
  std::vector<std::uint32_t> read_ends;
  ShapedTexts parts;
  for (int round = 0; round < 20'000; ++round) {
    std::string shapes = twin.shapes;
    std::string numbers = twin.numbers;
    for (std::uint64_t n = 1 + Below(3); n > 0; --n) {
      std::string& part = Below(2) == 0 ? shapes : numbers;
      part[Below(part.size())] = static_cast<char>(Below(2) == 0 ? Below(12) : random_());
    }
    if (Below(10) == 0) numbers.resize(Below(numbers.size()));
    const ShapeNumbers form = Below(2) == 0 ? ShapeNumbers::kPlain : ShapeNumbers::kDivided;
    ByteReader shapes_in(shapes);
    ByteReader numbers_in(numbers);
    ByteReader shapes_again(shapes);
    ByteReader numbers_again(numbers);
    const bool in_parts = unshaper.Get(&shapes_again, &numbers_again, texts.size(), &parts, form);
    const bool good = unshaper.Get(&shapes_in, &numbers_in, texts.size(), &read, &read_ends, form);
    ASSERT_EQ(in_parts, good);
    if (!good) continue;
    ByteBuffer joined;
    for (const auto [shape, begin] : parts.rows) {
      if (shape != 0) JoinShape(parts.Shape(shape), parts.numbers.data() + begin, &joined);
    }
    ASSERT_EQ(joined.view(), read.view());
    ASSERT_EQ(read_ends.back(), read.size());
    ASSERT_LE(read.size(), kShapedBytesMax);
  }
}

}  // namespace
}  // namespace insightflow
