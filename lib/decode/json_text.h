// Writing small pieces of JSON: the properties that line formats bring.
#pragma once

#include <string>
#include <string_view>

namespace insightflow {
inline namespace v1 {

// Appends `text` in quotes with the escapes it needs. `text` is UTF-8.
void AppendJsonString(std::string_view text, std::string* out);

// Grows an object member by member: "{" … "}".
class JsonObjectWriter {
 public:
  explicit JsonObjectWriter(std::string* out) : out_(out) { out_->assign("{"); }

  void Text(std::string_view key, std::string_view value);
  // `value` is JSON already.
  void Raw(std::string_view key, std::string_view value);
  void Close() { out_->push_back('}'); }
  bool empty() const { return out_->size() == 1; }

 private:
  void Key(std::string_view key);

  std::string* out_;
};

}  // namespace v1
}  // namespace insightflow
