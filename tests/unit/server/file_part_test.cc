#include "server/app/file_part.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace insightflow::server {
namespace {

HttpRequest RequestOf(const std::string& query, std::string body) {
  HttpRequest request;
  request.target = "/api/import?" + query;
  request.body = std::move(body);
  return request;
}

StatusCode CodeOf(const std::string& query, std::string body) {
  std::string_view lines;
  const HttpRequest request = RequestOf(query, std::move(body));
  return ReadPart(request, &lines).status().code();
}

TEST(FilePartTest, ComesAsItIsSent) {
  FilePart part;
  part.first_line = 40;
  part.repeated = {{40, 7}, {42, 1}, {9'007'199'254'740'993, 4'294'967'295}};
  std::string query = "?source=web1";
  const std::string body = PartBody(part, "1 1\nlines", &query);
  EXPECT_EQ(query, "?source=web1&first_line=40&repeated=38");
  std::string_view lines;
  const HttpRequest request = RequestOf(query.substr(1), body);
  const Result<FilePart> got = ReadPart(request, &lines);
  ASSERT_TRUE(got.ok()) << got.status().ToString();
  EXPECT_EQ(lines, "1 1\nlines");
  EXPECT_EQ(got->first_line, 40u);
  ASSERT_EQ(got->repeated.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(got->repeated[i].line, part.repeated[i].line);
    EXPECT_EQ(got->repeated[i].before, part.repeated[i].before);
  }
}

TEST(FilePartTest, ARequestThatSaysNothingBringsAFile) {
  std::string_view lines;
  const HttpRequest request = RequestOf("source=a", "3 1\nx");
  const Result<FilePart> got = ReadPart(request, &lines);
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(lines, "3 1\nx");
  EXPECT_EQ(got->first_line, 1u);
  EXPECT_TRUE(got->repeated.empty());
  std::string query;
  EXPECT_EQ(PartBody({}, "x", &query), "x");
  EXPECT_EQ(query, "?first_line=1");
}

TEST(FilePartTest, WhatIsNoPartIsRefused) {
  for (const char* query :
       {"first_line=0", "first_line=", "first_line=-1", "first_line=1x", "first_line=%31%0A",
        "first_line=9007199254740992", "first_line=99999999999999999999", "repeated=5",
        "repeated=-1", "repeated=x", "repeated=18446744073709551616"}) {
    EXPECT_EQ(CodeOf(query, "1 1\n"), StatusCode::kInvalidArgument) << query;
  }
  for (const char* list : {"1 1", "1\n", "\n", "1 1\n2", " 1 1\n", "1  1\n", "-1 1\n", "1 -1\n",
                           "1 4294967296\n", "18446744073709551616 1\n", "1 1\r\n", "a b\n"}) {
    const std::string body = list;
    EXPECT_EQ(CodeOf("repeated=" + std::to_string(body.size()), body), StatusCode::kInvalidArgument)
        << list;
  }
}

TEST(FilePartTest, AListWithoutEndIsRefusedBeforeItIsRead) {
  std::string body;
  for (int i = 0; i <= 2 << 20; ++i) body += "1 1\n";
  EXPECT_EQ(CodeOf("repeated=" + std::to_string(body.size()), body), StatusCode::kOutOfRange);
  EXPECT_EQ(CodeOf("repeated=" + std::to_string(body.size() - 4), body), StatusCode::kOk);
}

}  // namespace
}  // namespace insightflow::server
