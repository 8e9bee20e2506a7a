#include "lib/validate/redact.h"

#include <array>
#include <cstddef>
#include <cstring>

#include "lib/base/hex.h"
#include "lib/base/short_text.h"

namespace insightflow {
inline namespace v1 {
namespace {

constexpr std::string_view kReplacement = "redacted";

bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
bool IsLower(char c) { return c >= 'a' && c <= 'z'; }

// Reads a parameter's name letter by letter and knows whether it names a secret. Words end where
// the letters end and where a capital begins the next one: user_key, userKey, USERKey.
class NameReader {
 public:
  void Add(char c) {
    if (!IsUpper(c) && !IsLower(c)) return EndRun();
    if (IsUpper(c) && IsLower(last_)) {
      Judge(tail());
      word_ = 0;
    } else if (IsLower(c) && IsUpper(last_) && word_ > 1) {  // the Key of APIKey
      Judge(tail().substr(0, size_ - 1), word_ - 1);
      word_ = 1;
    }
    if (size_ == kTail) {
      std::memmove(letters_, letters_ + 1, kTail - 1);
      --size_;
    }
    letters_[size_++] = static_cast<char>(c | 0x20);
    ++word_;
    last_ = c;
  }

  bool Finish() {
    EndRun();
    return secret_;
  }

 private:
  static constexpr std::size_t kTail = 16;

  std::string_view tail() const { return {letters_, size_}; }

  void EndRun() {
    Judge(tail());
    size_ = word_ = 0;
    last_ = '\0';
  }

  void Judge(std::string_view run) { Judge(run, word_); }

  // `run` ends with a word of `word` letters. What no common word ends with needs no word of its
  // own; "key" does, because of monkey and hockey, unless it follows what keys are named after.
  void Judge(std::string_view run, std::size_t word) {
    static constexpr std::array<std::string_view, 5> kEndings = {"token", "email", "password",
                                                                 "passwd", "secret"};
    static constexpr std::array<std::string_view, 15> kKeys = {
        "apikey",     "accesskey",  "secretkey",  "authkey",     "privatekey",
        "sharedkey",  "appkey",     "userkey",    "clientkey",   "masterkey",
        "sessionkey", "licensekey", "signingkey", "securitykey", "encryptionkey"};
    if (secret_) return;
    for (const std::string_view ending : kEndings) secret_ |= run.ends_with(ending);
    if (!run.ends_with("key")) {
      secret_ |= word == 3 && run.ends_with("pwd");
      return;
    }
    secret_ |= word == 3 || run == "key";
    for (const std::string_view key : kKeys) secret_ |= run.ends_with(key);
  }

  char letters_[kTail];   // the last of the run, in lower case
  std::size_t size_ = 0;  // of these
  std::size_t word_ = 0;  // letters of the word under way
  char last_ = '\0';
  bool secret_ = false;
};

bool IsSecretName(std::string_view name) {
  NameReader reader;
  for (std::size_t i = 0; i < name.size(); ++i) {
    char c = name[i];
    if (c == '%' && name.size() - i >= 3) {
      const int high = HexValue(name[i + 1]);
      const int low = HexValue(name[i + 2]);
      if (high >= 0 && low >= 0) {
        c = static_cast<char>(high * 16 + low);
        i += 2;
      }
    }
    reader.Add(c);
  }
  return reader.Finish();
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
