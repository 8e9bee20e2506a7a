// Secrets that applications put into URLs are not stored.
#pragma once

#include <string>
#include <string_view>

namespace insightflow {
inline namespace v1 {

// Replaces the value of every parameter whose name has a word for a secret by "redacted": key,
// token, email, password, passwd, pwd or secret, as in access_token, apiKey, user[password] and
// email-address. token, email, password, passwd and secret also end a longer word (idtoken), key
// only a well-known one (apikey, not monkey). Names are compared without case and after
// percent-decoding. Parameters stand after "?", "#", "&" or ";" in a URL.
// Returns false, and leaves `out` alone, when there is nothing to replace. O(size).
bool RedactUrl(std::string_view url, std::string* out);

// The same for a query string without its "?".
bool RedactQuery(std::string_view query, std::string* out);

}  // namespace v1
}  // namespace insightflow
