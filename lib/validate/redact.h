// Secrets that applications put into URLs are not stored.
#pragma once

#include <string>
#include <string_view>

namespace insightflow {
inline namespace v1 {

// Replaces the value of every parameter whose name ends in token, key, email or password by
// "redacted": access_token, apiKey, user[password]. Names are compared without case and after
// percent-decoding. Parameters stand after "?", "#", "&" or ";" in a URL.
// Returns false, and leaves `out` alone, when there is nothing to replace. O(size).
bool RedactUrl(std::string_view url, std::string* out);

// The same for a query string without its "?".
bool RedactQuery(std::string_view query, std::string* out);

}  // namespace v1
}  // namespace insightflow
