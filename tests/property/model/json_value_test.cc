// FindJsonValue over random objects that are written together with the tree they mean.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "lib/model/event_value.h"
#include "tests/support/random_cases.h"

namespace insightflow {
namespace {

using testing::Random;
using Kind = EventValue::Kind;

struct Member;

struct Node {
  Kind kind = Kind::kAbsent;
  std::string text;  // decoded, or as spelled
  std::vector<Member> members;
};

struct Member {
  std::string key;
  Node value;
};

std::string Space(Random* random) {
  return random->OneIn(4) ? random->Of(std::vector<std::string>{" ", "\n", "\t ", "\r\n"}) : "";
}

// A character as JSON may write it, and what it is.
std::pair<std::string, std::string> RandomCharacter(Random* random) {
  static const std::vector<std::pair<std::string, std::string>> kCharacters = {
      {"a", "a"},       {"b", "b"},       {"\\u0061", "a"},
      {"é", "é"},       {"\\u00e9", "é"}, {"\\ud83d\\ude00", "😀"},
      {"\\u20AC", "€"}, {"\\\"", "\""},   {"\\\\", "\\"},
      {"\\/", "/"},     {"{", "{"},       {"}", "}"},
      {"[", "["},       {",", ","},       {":", ":"},
      {"\\n", "\n"}};
  return random->OneIn(2) ? kCharacters[0] : random->Of(kCharacters);
}

std::string RandomText(Random* random, std::string* meant) {
  std::string written = "\"";
  for (std::int64_t n = random->Below(3); n > 0; --n) {
    const auto [written_so, is] = RandomCharacter(random);
    written += written_so;
    *meant += is;
  }
  return written + "\"";
}

std::string RandomValue(int depth, Random* random, Node* node);

std::string RandomObject(int depth, Random* random, Node* node) {
  node->kind = Kind::kOther;
  std::string written = "{" + Space(random);
  for (std::int64_t n = random->Below(4); n > 0; --n) {
    std::string key;
    Node value;
    written += RandomText(random, &key) + Space(random) + ":" + Space(random);
    written += RandomValue(depth - 1, random, &value) + Space(random);
    if (n > 1) written += "," + Space(random);
    node->members.push_back({key, value});
  }
  return written + "}";
}

std::string RandomValue(int depth, Random* random, Node* node) {
  static const std::vector<std::pair<std::string, Kind>> kWords = {
      {"null", Kind::kAbsent}, {"true", Kind::kBool},    {"false", Kind::kBool},
      {"0", Kind::kInteger},   {"-12", Kind::kInteger},  {"1.5", Kind::kReal},
      {"1e9", Kind::kReal},    {"-0.25E-1", Kind::kReal}};
  const std::int64_t what = random->Below(depth > 0 ? 6 : 3);
  if (what < 2) {
    const auto& [word, kind] = random->Of(kWords);
    node->kind = kind;
    if (kind != Kind::kAbsent) node->text = word;
    return word;
  }
  if (what == 2) {
    node->kind = Kind::kText;
    return RandomText(random, &node->text);
  }
  if (what == 3) {
    node->kind = Kind::kOther;
    std::string written = "[" + Space(random);
    for (std::int64_t n = random->Below(3); n > 0; --n) {
      Node hidden;
      written += RandomValue(depth - 1, random, &hidden) + Space(random) + (n > 1 ? "," : "");
    }
    return written + "]";
  }
  return RandomObject(depth, random, node);
}

const Node* Follow(const Node& node, const std::vector<std::string>& path, std::size_t level) {
  if (level == path.size()) return &node;
  for (const auto& [key, value] : node.members) {
    if (key == path[level]) return Follow(value, path, level + 1);
  }
  return nullptr;
}

// Mostly one that leads somewhere.
std::vector<std::string> RandomPath(const Node& tree, Random* random) {
  std::vector<std::string> path;
  const Node* node = &tree;
  do {
    std::string key;
    RandomText(random, &key);
    const Node* next = nullptr;
    if (!node->members.empty() && !random->OneIn(5)) {
      key = random->Of(node->members).key;
      next = Follow(*node, {key}, 0);
    }
    path.push_back(key);
    static const Node kNothing;
    node = next != nullptr ? next : &kNothing;
  } while (!random->OneIn(3) && path.size() < 4);
  return path;
}

TEST(JsonValuePropertyTest, FindsWhatWasWritten) {
  Random random(testing::RandomSeed());
  const int cases = testing::RandomCases(30'000);
  int found_some = 0;
  for (int i = 0; i < cases; ++i) {
    Node tree;
    const std::string object = Space(&random) + RandomObject(3, &random, &tree) + Space(&random);
    const std::vector<std::string> path = RandomPath(tree, &random);
    std::string scratch;
    const EventValue value = FindJsonValue(object, path, &scratch);
    const Node* const node = Follow(tree, path, 0);
    ASSERT_EQ(value.kind, node != nullptr ? node->kind : Kind::kAbsent) << object;
    if (node == nullptr || node->kind == Kind::kOther) continue;
    ASSERT_EQ(value.text, node->text) << object;
    if (value.is_number()) {
      ASSERT_EQ(value.real, std::stod(node->text));
    }
    ++found_some;
  }
  EXPECT_GT(found_some, cases / 10);
}

}  // namespace
}  // namespace insightflow
