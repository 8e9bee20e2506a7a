#include "server/app/file_part.h"

#include <algorithm>
#include <charconv>

#include "server/app/params.h"

namespace insightflow::server {
namespace {

constexpr std::uint64_t kLineMax = (std::uint64_t{1} << 53) - 1;  // exact as a number of JSON
// More than the different lines that a part of kPartBytes can hold.
constexpr std::size_t kRepeatedMax = std::size_t{2} << 20;

// Takes a number and the character behind it off the front of `text`.
template <typename T>
bool TakeNumber(char end, std::string_view* text, T* value) {
  const char* const last = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), last, *value);
  if (error != std::errc() || stop == last || *stop != end) return false;
  text->remove_prefix(static_cast<std::size_t>(stop - text->data()) + 1);
  return true;
}

}  // namespace

std::string PartBody(const FilePart& part, std::string_view lines, std::string* query) {
  std::string body;
  for (const RepeatedLine& one : part.repeated) {
    body += std::to_string(one.line) + " " + std::to_string(one.before) + "\n";
  }
  *query +=
      (query->empty() ? "?" : "&") + std::string("first_line=") + std::to_string(part.first_line);
  if (!body.empty()) *query += "&repeated=" + std::to_string(body.size());
  return body.append(lines);
}

Result<FilePart> ReadPart(const HttpRequest& request, std::string_view* lines) {
  *lines = request.body;
  const Result<std::uint64_t> first_line = NumberParam(request, "first_line", 1, 1, kLineMax);
  if (!first_line.ok()) return first_line.status();
  const Result<std::uint64_t> size = NumberParam(request, "repeated", 0, 0, request.body.size());
  if (!size.ok()) return size.status();
  std::string_view list = lines->substr(0, *size);
  lines->remove_prefix(*size);
  const auto count = static_cast<std::size_t>(std::count(list.begin(), list.end(), '\n'));
  if (count > kRepeatedMax) {
    return Status(StatusCode::kOutOfRange,
                  "at most " + std::to_string(kRepeatedMax) + " lines of a part may be repeated");
  }
  FilePart part;
  part.first_line = *first_line;
  part.repeated.reserve(count);
  while (!list.empty()) {
    RepeatedLine& one = part.repeated.emplace_back();
    if (!TakeNumber(' ', &list, &one.line) || !TakeNumber('\n', &list, &one.before)) {
      return InvalidArgument("the repeated lines must be told as \"LINE BEFORE\" each");
    }
  }
  return part;
}

}  // namespace insightflow::server
