#include "lib/validate/redact.h"

#include <array>
#include <cstddef>

#include "lib/base/hex.h"
#include "lib/base/short_text.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::array<std::string_view, 4> kSecretNames = {"token", "key", "email", "password"};
constexpr std::string_view kReplacement = "redacted";
constexpr std::size_t kLongestName = 8;

char LowerAscii(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool EndsInSecret(std::string_view name) {
  for (const std::string_view secret : kSecretNames) {
    if (name.ends_with(secret)) return true;
  }
  return false;
}

// Decodes from the end only as much as the comparison needs: a name may be long.
bool IsSecretName(std::string_view name) {
  char decoded[kLongestName];
  std::size_t begin = kLongestName;
  for (std::size_t i = name.size(); i > 0 && begin > 0;) {
    char c = name[i - 1];
    std::size_t taken = 1;
    if (i >= 3 && name[i - 3] == '%') {
      const int high = HexValue(name[i - 2]);
      const int low = HexValue(name[i - 1]);
      if (high >= 0 && low >= 0) {
        c = static_cast<char>(high * 16 + low);
        taken = 3;
      }
    }
    i -= taken;
    if (begin == kLongestName && (c == ']' || c == '[')) continue;  // user[password], token[]
    decoded[--begin] = LowerAscii(c);
  }
  return EndsInSecret(std::string_view(decoded + begin, kLongestName - begin));
}

// `text` begins with a parameter. `done` is what lies before it in the same URL.
bool Redact(std::string_view done, std::string_view text, std::string* out) {
  bool found = false;
  std::size_t copied = 0;  // of text, once something was found
  for (std::size_t begin = 0; begin < text.size();) {
    std::size_t end = text.find_first_of("?#&;", begin);
    if (end == std::string_view::npos) end = text.size();
    const std::size_t equals = text.substr(0, end).find('=', begin);
    if (equals != std::string_view::npos && equals + 1 < end &&
        IsSecretName(text.substr(begin, equals - begin))) {
      if (!found) out->assign(done);
      found = true;
      out->append(text.substr(copied, equals + 1 - copied)).append(kReplacement);
      copied = end;
    }
    begin = end + 1;
  }
  if (found) out->append(text.substr(copied));
  return found;
}

}  // namespace

bool RedactUrl(std::string_view url, std::string* out) {
  if (!HasEither(url, '?', '#')) return false;  // most have no parameters
  const std::size_t mark = url.find_first_of("?#");
  return Redact(url.substr(0, mark + 1), url.substr(mark + 1), out);
}

bool RedactQuery(std::string_view query, std::string* out) { return Redact({}, query, out); }

}  // namespace v1
}  // namespace insightflow
